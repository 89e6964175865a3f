"""Looks after stuck pilots all the time, so that the record of last night's cycles says what was wrong then.

One question per schedd and round, through clients of its own; a schedd that does not answer costs only this
thread's time. What is older than a few rounds is not told any more.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from autopyfactory.condor.capacity import CAPACITIES
from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.target import Target
from autopyfactory.external.clocks import CLOCKS
from autopyfactory.logs.setup import queue_logger
from autopyfactory.model.record import Troubles
from autopyfactory.why import departed
from autopyfactory.why.causes import of_troubles
from autopyfactory.why.model import Cause
from autopyfactory.why.probe import Probes
from autopyfactory.why.troubles import all_troubles, mine

log = logging.getLogger("autopyfactory.why")

INTERVAL = 60.0  # seconds between two rounds
ASK = 10.0  # seconds for one question
SERVER_TIME = "ServerTime"  # Unix time in an ad that a schedd sends
FRESH = 3  # rounds after which an answer is too old to be told
_DIGITS = re.compile(r"\d+")
OVERLAP = 60.0  # seconds: clocks differ, and schedds write their history late


def _compare_clocks(client: CondorClient, target: Target, factory_id: str) -> None:
    """Ask what time it is for the schedd; it says so with every job, so one of ours has to be there."""
    before = time.time()
    ads = client.query(mine(factory_id), [SERVER_TIME], limit=1, deadline=ASK)
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
    left: departed.Left = field(default_factory=departed.Left)
    read_until: float = 0.0  # Unix time


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
        interval: float = INTERVAL,
        credentials: Callable[[], Mapping[str, str]] = dict,
    ):
        """Prepare. `credentials` tells what is wrong with those of each queue; it may read files."""
        self._factory_id = factory_id
        self._targets = targets
        self._client = client
        self._interval = interval
        self._seen: dict[Target, _Seen] = {}
        self._probes = Probes()
        self._near: frozenset[str] = frozenset()  # limits that were told
        self._current: Mapping[str, Troubles] = {}
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
        """Return what is wrong with the pilots of `queue`; None: nothing that is known. Returns at once."""
        return self._current.get(queue)

    def credential(self, queue: str) -> str | None:
        """Return what is wrong with the credentials of `queue`; None: nothing known. Returns at once."""
        return self._credentials.get(queue)

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
                current |= {q: t for q, t in seen.troubles.items() if t.any}
        current = self._probes.round(current)
        _tell(self._current, current)
        self._tell_limits()
        self._current = current

    def _tell_limits(self) -> None:
        """Log which limits of schedds are almost reached, each once: numbers that change are no news."""
        near = {_DIGITS.sub("", words): words for words in CAPACITIES.near()}
        for key in near.keys() - self._near:
            log.warning("%s", near[key])
        self._near = frozenset(near)

    def _ask(self, target: Target, seen: _Seen) -> None:
        client, now = self._client(target), time.time()
        begin = max(seen.read_until - OVERLAP, now - departed.LATELY)
        try:
            stuck = dict(all_troubles(client, self._factory_id, ASK))
            seen.left.take(departed.since(client, mine(self._factory_id), begin, ASK))
            _compare_clocks(client, target, self._factory_id)
            _note_capacity(client, target, self._factory_id)
        finally:
            client.rest()  # a child takes as much memory as some hundred queues
        seen.read_until = now
        seen.left.forget(now - departed.LATELY)
        asked_at = datetime.fromtimestamp(now, UTC)
        for queue in seen.left.queues:
            stuck[queue] = seen.left.told(queue, stuck.get(queue, Troubles(asked_at)))
        seen.troubles, seen.at = stuck, time.monotonic()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception:
                log.exception("looking after stuck pilots failed")
            self._stop.wait(self._interval)
