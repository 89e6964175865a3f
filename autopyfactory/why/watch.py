"""Looks after stuck pilots all the time, so that the record of last night's cycles says what was wrong then.

One question per schedd and round, through clients of its own; a schedd that does not answer costs only this
thread's time. What is older than a few rounds is not told any more.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from autopyfactory.accounting.lately import NOTHING, Lately
from autopyfactory.condor.capacity import CAPACITIES
from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.target import Target
from autopyfactory.external.clocks import CLOCKS
from autopyfactory.logs.setup import queue_logger
from autopyfactory.model.record import CycleRecord, Troubles
from autopyfactory.why import departed
from autopyfactory.why.causes import of_troubles
from autopyfactory.why.model import Cause
from autopyfactory.why.probe import Probes
from autopyfactory.why.troubles import Matches, all_troubles, both, mine
from autopyfactory.why.waits import patience, starved
from autopyfactory.why.work import Still

log = logging.getLogger("autopyfactory.why")

INTERVAL = 60.0  # seconds between two rounds
ASK = 10.0  # seconds for one question
SERVER_TIME = "ServerTime"  # Unix time in an ad that a schedd sends
FRESH = 3  # rounds after which an answer is too old to be told
_DIGITS = re.compile(r"\d+")


def _compare_clocks(client: CondorClient, target: Target) -> None:
    """Ask what time it is for the schedd; it says so with every job, whosoever it is."""
    before = time.time()
    ads = client.query("true", [SERVER_TIME], limit=1, deadline=ASK)
    said = ads[0].get(SERVER_TIME) if ads else None
    if isinstance(said, int):
        CLOCKS.note(f"schedd {target}", said, before, time.time())


def _note_capacity(client: CondorClient, target: Target, factory_id: str) -> None:
    """Ask how much the schedd takes; one that does not tell is asked again, and its troubles are told."""
    try:
        CAPACITIES.note(target, client.capacity(mine(factory_id), deadline=ASK))
    except CondorError as err:
        log.debug("%s does not tell its limits: %s", target, err)


@dataclass
class _Seen:
    """What one schedd said."""

    at: float = float("-inf")  # monotonic
    troubles: Mapping[str, Troubles] = field(default_factory=dict)
    matches: Matches = field(default_factory=Matches)


class Pilots(Protocol):
    """How pilots fared; see `accounting.endings`."""

    @property
    def queues(self) -> tuple[str, ...]:
        """Return the queues of which pilots are known."""

    def of(self, queue: str) -> Lately:
        """Return how the pilots of `queue` fared lately. Returns at once."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What was told of a queue last, and what from."""

    stuck: Troubles | None
    lately: Lately
    still: Still | None
    starved: bool
    jobs: tuple[str, ...]
    troubles: Troubles | None


def _tell(before: Mapping[str, Troubles], now: Mapping[str, Troubles]) -> None:
    """Log what has begun or ended since the last round, once: counts alone are no news."""
    for queue in sorted({*before, *now}):
        old, new = (_by_code(found.get(queue)) for found in (before, now))
        for code in new.keys() - old.keys():
            quoted = f': "{" ".join(new[code].example.split())}"' if new[code].example else ""
            queue_logger(queue).warning("%s%s", new[code].words, quoted)
        if old and not new:
            queue_logger(queue).warning("no trouble with pilots is seen any more")


def _by_code(troubles: Troubles | None) -> dict[str, Cause]:
    return {c.code: c for c in of_troubles(troubles)} if troubles else {}


class TroubleWatch:
    """A thread that keeps the troubles of all queues of one factory."""

    def __init__(
        self,
        factory_id: str,
        targets: Callable[[], Iterable[Target]],
        client: Callable[[Target], CondorClient],
        *,
        pilots: Pilots,
        interval: float = INTERVAL,
        work: Callable[[str], Still | None] = lambda queue: None,
        unserved: Callable[[str], Sequence[str]] = lambda queue: (),
        credentials: Callable[[], Mapping[str, str]] = dict,
    ):
        """Prepare.

        `pilots` knows how they ended. `work` tells whether there is work of a queue that does not move.
        `unserved` tells what jobs ask for that the pilots of a queue may not have; it may ask the WMS.
        `credentials` tells what is wrong with those of each queue; it may read files.
        """
        self._factory_id = factory_id
        self._targets = targets
        self._client = client
        self._interval = interval
        self._seen: dict[Target, _Seen] = {}
        self._probes = Probes()
        self._near: frozenset[str] = frozenset()  # limits that were told
        self._stuck: Mapping[str, Troubles] = {}
        self._current: Mapping[str, Troubles] = {}
        self._pilots = pilots
        self._work = work
        self._unserved = unserved
        self._jobs: dict[str, tuple[str, ...]] = {}  # that match no pilot, of queues whose pilots are empty
        self._told: dict[str, _Told] = {}
        self._look_at_credentials = credentials
        self._credentials: Mapping[str, str] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; does nothing when it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="troubles", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; a question under way ends by its own time limit."""
        self._stop.set()

    def of(self, queue: str) -> Troubles | None:
        """Return what is wrong with the pilots of `queue`; None: nothing that is known. Returns at once.

        The same object as before while nothing has changed.
        """
        stuck, lately, still = self._stuck.get(queue), self._pilots.of(queue), self._work(queue)
        if stuck is None and lately is NOTHING:
            return None
        now = datetime.now(UTC)
        hungry = (
            stuck is not None
            and not stuck.stuck
            and starved(stuck.oldest_pending, lately.newest_start, now, patience(lately.waits))
        )
        known, jobs = self._told.get(queue), self._jobs.get(queue, ())
        if (
            known is not None
            and known.stuck is stuck
            and known.lately is lately
            and known.still == still
            and known.starved == hungry
            and known.jobs == jobs
        ):
            return known.troubles
        found = departed.told(stuck or Troubles(now), lately, now.timestamp(), still, jobs)
        troubles = found if found.any or hungry else None
        self._told[queue] = _Told(stuck, lately, still, hungry, jobs, troubles)
        return troubles

    def told(self, queue: str, found: Troubles) -> Troubles:
        """Return what a schedd has just said of `queue`, with what is known of its pilots that ended."""
        if found.error:
            return found
        now = datetime.now(UTC).timestamp()
        jobs = self._jobs.get(queue, ())
        return departed.told(found, self._pilots.of(queue), now, self._work(queue), jobs)

    def credential(self, queue: str) -> str | None:
        """Return what is wrong with the credentials of `queue`; None: nothing known. Returns at once."""
        return self._credentials.get(queue)

    def added_to(self, record: CycleRecord) -> CycleRecord:
        """Return `record` with what is wrong with its queue's pilots and credentials. Returns at once."""
        troubles, credential = self.of(record.queue), self.credential(record.queue)
        if troubles is None and credential is None:
            return record
        return record.changed(troubles=troubles, credential=record.credential or credential)

    def look(self) -> None:
        """Ask every schedd once; called by the thread, and by tests."""
        spoiled = self._look_at_credentials()
        for queue in spoiled.keys() - self._credentials.keys():
            queue_logger(queue).warning("%s", spoiled[queue])
        for queue in self._credentials.keys() - spoiled.keys():
            queue_logger(queue).warning("the credentials are good again")
        self._credentials = spoiled
        targets = list(dict.fromkeys(self._targets()))
        for target in targets:
            seen = self._seen.setdefault(target, _Seen())
            try:
                self._ask(target, seen)
            except CondorError as err:
                log.debug("%s does not tell about stuck pilots: %s", target, err)
        self._seen = {t: s for t, s in self._seen.items() if t in targets}
        oldest = time.monotonic() - FRESH * self._interval
        current: dict[str, Troubles] = {}
        for seen in self._seen.values():
            if seen.at >= oldest:
                for queue, found in seen.troubles.items():
                    current[queue] = both(current[queue], found) if queue in current else found
        self._stuck = current = self._probes.round(current)
        names = {*current, *self._pilots.queues}
        current = {q: t for q in names if (t := self.of(q)) is not None}
        self._jobs = {q: self._ask_for_jobs(q) for q, t in current.items() if t.empty}
        self._told = {q: t for q, t in dict(self._told).items() if q in names}
        _tell(self._current, current)
        self._tell_limits()
        self._current = current

    def _tell_limits(self) -> None:
        """Log which limits of schedds are almost reached, each once: numbers that change are no news."""
        near = {_DIGITS.sub("", words): words for words in CAPACITIES.near()}
        for key in near.keys() - self._near:
            log.warning("%s", near[key])
        self._near = frozenset(near)

    def _ask_for_jobs(self, queue: str) -> tuple[str, ...]:
        try:
            return tuple(self._unserved(queue))
        except Exception as err:  # noqa: BLE001 - a plugin's, of any kind: then it is not known
            log.debug("%s: which jobs match no pilot is not known: %s", queue, err)
            return self._jobs.get(queue, ())

    def _ask(self, target: Target, seen: _Seen) -> None:
        client = self._client(target)
        try:
            seen.troubles = all_troubles(client, self._factory_id, ASK, seen.matches)
            _compare_clocks(client, target)
            _note_capacity(client, target, self._factory_id)
        finally:
            client.rest()  # a child takes as much memory as some hundred queues
        seen.at = time.monotonic()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception:
                log.exception("looking after stuck pilots failed")
            self._stop.wait(self._interval)
