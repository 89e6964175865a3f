"""Pilots that people send to see whether a site works: sent by the queue itself, followed to their end.

Each order has a thread of its own. It asks the schedd for these pilots only, through the client that reports
use; how they ended comes from the one stream of endings. So no cycle waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from autopyfactory.accounting.pilotwords import account_of
from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.quoting import constraint_string
from autopyfactory.condor.target import Target
from autopyfactory.credentials import pilotfiles
from autopyfactory.cycle.byhand import NotSent, Order, Overruled
from autopyfactory.cycle.components import Route
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.model.declaration import Who
from autopyfactory.model.ending import Account, Ending
from autopyfactory.model.queuefolder import queue_folder
from autopyfactory.model.record import Sent, Troubles
from autopyfactory.model.serialize import to_full
from autopyfactory.model.text import count, span
from autopyfactory.plugins.base import SubmitError, SubmitUnknown
from autopyfactory.why import pilotstages, probe
from autopyfactory.why.causes import of_troubles
from autopyfactory.why.explain import ordered
from autopyfactory.why.holds import NOT_ACCEPTED, RENAMED, kind_of
from autopyfactory.why.pilotstages import Known, Trouble
from autopyfactory.why.schedds import reporting_client, targets_of
from autopyfactory.why.treatment import SAID, only
from autopyfactory.why.troubles import both, troubles
from autopyfactory.wrapper.summary import read

log = logging.getLogger("autopyfactory.probes")

AT_ONCE = 16  # orders that are followed at a time
KEPT = 200  # orders that are remembered
MOST = 8  # pilots of one order
QUICK, SLOW = 1.0, 10.0  # seconds between two looks: at first, and after ten minutes
ASK = 10.0  # seconds for one question
UNREACHABLE = 60.0  # seconds without an answer of the CE after which a pilot is given up
SUBMITS = 90.0  # seconds within which the queue must have sent
TRIES = 15.0  # seconds for a try of a CE's door
ENDING = 300.0  # seconds for the schedd's history to tell how a pilot ended that has left its queue

Outcome = Literal["under way", "well", "runs", "wrong", "refused"]


class TooMany(Exception):
    """An order is not taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants."""

    queue: str
    pilots: int = 1
    overrules: Set[Overruled] = frozenset()  # also in spite of these
    limit: float = 3600.0  # seconds for which they are followed
    enough: float | None = None  # seconds that a pilot has to run to have done well; None: to its end
    keep: bool = False  # whether pilots that go wrong stay in the schedd's queue
    by: str = ""


@dataclass(slots=True)
class Probe:
    """One order, and what became of it; its thread writes, anybody reads."""

    number: int
    wish: Wish
    ce: str
    asked: float  # Unix time
    pilots: Mapping[str, Known] = field(default_factory=dict)  # by job; replaced as a whole
    refused: Trouble | None = None  # why nothing was sent
    notes: tuple[str, ...] = ()
    over: bool = False

    @property
    def first_wrong(self) -> Trouble | None:
        """Return the first thing that went wrong."""
        return self.refused or next((p.trouble for p in self.pilots.values() if p.trouble), None)

    @property
    def outcome(self) -> Outcome:
        """Return what it comes to."""
        if self.refused is not None:
            return "refused"
        if not self.over:
            return "under way"
        if self.first_wrong is not None:
            return "wrong"
        return "runs" if any(p.fate == "runs" for p in self.pilots.values()) else "well"

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data; times are Unix times."""
        return {
            "probe": self.number,
            "queue": self.wish.queue,
            "ce": self.ce,
            "by": self.wish.by,
            "asked": self.asked,
            "wanted": self.wish.pilots,
            "outcome": self.outcome,
            "first_wrong": None if self.first_wrong is None else to_full(self.first_wrong),
            "notes": list(self.notes),
            "pilots": [
                {
                    "job": p.job,
                    "fate": p.fate,
                    "stages": [
                        {"stage": s.name, "at": s.at, "after": round(max(0.0, s.at - self.asked), 1),
                         "words": s.words}
                        for s in p.stages
                    ],
                    "trouble": None if p.trouble is None else to_full(p.trouble),
                }
                for p in self.pilots.values()
            ],
        }  # fmt: skip


class Probes:
    """All orders of one factory."""

    def __init__(
        self,
        queues: Callable[[], Mapping[str, APFQueue]],
        tell: Callable[[str, str, str | None], None],
    ):
        """Prepare. `tell` hears of each: kind of event, words, queue."""
        self._queues = queues
        self._tell = tell
        self._lock = threading.Lock()
        self._known: OrderedDict[int, Probe] = OrderedDict()
        self._endings: dict[tuple[str, str], Ending] = {}  # by tag and job, of pilots that are followed
        self._tags: set[str] = set()
        self._stop = threading.Event()

    def start(self, wish: Wish) -> Probe:
        """Take an order; returns at once. Raises TooMany."""
        queue = self._queues()[wish.queue]
        with self._lock:
            live = [p for p in self._known.values() if not p.over]
            if any(p.wish.queue == wish.queue for p in live):
                raise TooMany(f"a probe of {wish.queue} is under way")
            if len(live) >= AT_ONCE:
                raise TooMany(f"{AT_ONCE} probes are under way")
            made = Probe(next(reversed(self._known), 0) + 1, wish, queue.parts.ce, time.time())
            self._known[made.number] = made
            while len(self._known) > KEPT:
                del self._known[next(iter(self._known))]
        words = f"{count(wish.pilots, 'pilot')} to see whether all is well, asked for by {wish.by or '?'}"
        self._tell("probe", words, wish.queue)
        name = f"probe {wish.queue}"
        threading.Thread(target=self._run, args=(made, queue), name=name, daemon=True).start()
        return made

    def get(self, number: int) -> Probe | None:
        """Return an order by its number."""
        with self._lock:
            return self._known.get(number)

    def last(self, queue: str) -> Probe | None:
        """Return the last order for `queue`."""
        with self._lock:
            return next((p for p in reversed(self._known.values()) if p.wish.queue == queue), None)

    def endings(self, ended: Sequence[Ending]) -> None:
        """Take in how pilots ended; returns at once."""
        for e in ended:
            if e.tag in self._tags:
                self._endings[e.tag, e.job] = e

    def stop(self) -> None:
        """Follow nothing more; the pilots go on by themselves."""
        self._stop.set()

    # --- one order ------------------------------------------------------------------------------

    def _run(self, one: Probe, queue: APFQueue) -> None:
        tags: list[str] = []
        try:
            sent = self._send(one, queue)
            tags = [s.tag for s in sent]
            if sent:
                _Follower(one, queue, _route(queue, sent[0]), tags, self._ending_of, self._stop).follow()
        except Exception as err:  # whoever asked is told, whatever it is
            log.exception("the probe of %s cannot be followed", queue.name)
            words = f"it cannot be followed: {type(err).__name__}: {err}"
            one.pilots = {j: p if p.over else pilotstages.lost(p, words) for j, p in one.pilots.items()}
            if not one.pilots:
                one.refused = one.refused or Trouble("sending", words, "us")
        finally:
            one.over = True
            self._tags.difference_update(tags)
            for key in [key for key in self._endings if key[0] in tags]:
                del self._endings[key]
            wrong = one.first_wrong
            words = f"{one.outcome}{f': {wrong.stage}: {wrong.words}' if wrong else ''}"
            self._tell("probe", words, one.wish.queue)

    def _ending_of(self, tag: str, job: str) -> Ending | None:
        return self._endings.get((tag, job))

    def _send(self, one: Probe, queue: APFQueue) -> list[Sent]:
        """Have the queue send; return what went, all of it one way."""
        order = Order(one.wish.pilots, one.wish.overrules)
        queue.order(order)
        try:
            done = order.answer(SUBMITS)
        except NotSent as err:
            one.refused = _behind(err, queue) if err.full else None
            one.refused = one.refused or Trouble("sending", str(err), err.who, err.next, "not-sent")
            return []
        except (SubmitError, SubmitUnknown, TimeoutError) as err:
            one.refused = _refusal(str(err))
            return []
        except Exception as err:  # noqa: BLE001 - a third party's plugin may raise anything
            one.refused = Trouble("sending", str(err) or type(err).__name__, "us", "", "not-sent")
            return []
        errors = [s.error for s in done.sent if s.error]
        if errors:
            one.refused = _refusal(errors[0])
        one.notes = done.notes
        went = [s for s in done.sent if not s.error]
        self._tags.update(s.tag for s in went)
        now = time.time()
        jobs = [f"{s.cluster}.{s.first_proc + i}" for s in went for i in range(s.count)]
        one.pilots = {job: pilotstages.sent(job, now) for job in jobs}
        if went:
            one.ce = went[0].ce
        return went


def _route(queue: APFQueue, sent: Sent) -> Route:
    """Return the way that these pilots went: a queue may have several CEs and schedds."""
    routes = queue.parts.routes
    found = (r for r in routes if (r.submit.ce, r.submit.target) == (sent.ce, sent.target))
    return next(found, routes[0])


def _behind(full: NotSent, queue: APFQueue) -> Trouble | None:
    """Return why pilots of the queue do not get on, which fill its limit meanwhile; None: it is not known."""
    found: Troubles | None = None
    factory_id = queue.parts.submit.context.factory.factory_id
    for target in targets_of(queue.config):
        one = troubles(reporting_client(target), queue.name, factory_id, ASK)
        found = both(found, one)
    if found is None or found.error:
        return None
    stuck = [c for c in of_troubles(probe.probed(found, TRIES)) if c.blocks]
    if not stuck:
        return None
    first = ordered(stuck)[0]
    return Trouble("sending", f"{full}; it is full since {first.words}", first.who, first.next, first.code)


def _refusal(text: str) -> Trouble:
    kind = kind_of(text, place="submission")
    return Trouble("sending", text, kind.who, kind.next, kind.code)


class _Follower:
    """Follows the pilots of one order until each has ended, is stuck, or the time is up."""

    def __init__(
        self,
        one: Probe,
        queue: APFQueue,
        route: Route,
        tags: Sequence[str],
        ending_of: Callable[[str, str], Ending | None],
        stop: threading.Event,
    ):
        self._one = one
        self._queue = queue
        self._tags = tags
        self._ending_of = ending_of
        self._stop = stop
        self._route = route
        targets = targets_of(queue.config)
        self._target = next((t for t in targets if str(t) == route.submit.target), next(iter(targets), None))
        self._factory = route.submit.context.factory
        self._left: dict[str, float] = {}  # jobs that were not seen any more, and since when (monotonic)

    def follow(self) -> None:
        """Look until all is over; what goes wrong is taken back, unless it is to stay."""
        begun = time.monotonic()
        while not self._stop.is_set():
            passed = time.monotonic() - begun
            self._look()
            self._judge(passed)
            if all(p.over for p in self._one.pilots.values()):
                break
            self._stop.wait(QUICK if passed < 60 else min(SLOW, passed / 60))
        if not self._one.wish.keep:
            self._take_back([p.job for p in self._one.pilots.values() if p.trouble and p.fate != "ended"])

    def _look(self) -> None:
        now = time.time()
        if self._target is None:
            self._look_at_processes(now)
            return
        tags = " || ".join(f"ApfSubmission =?= {constraint_string(tag)}" for tag in self._tags)
        try:
            found = self._client(self._target).query(tags, pilotstages.ADS, deadline=ASK)
        except CondorError as err:
            self._note(f"the schedd does not tell: {err}")
            return
        ads = {f"{ad['ClusterId']}.{ad['ProcId']}": ad for ad in found}
        self._one.pilots = {job: self._seen(p, ads.get(job), now) for job, p in self._one.pilots.items()}

    def _seen(self, p: Known, ad: Mapping[str, Any] | None, now: float) -> Known:
        if p.over:
            return p
        for tag in self._tags:
            if (e := self._ending_of(tag, p.job)) is not None:
                return pilotstages.ended(p, e)
        if ad is not None and ad["JobStatus"] not in (pilotstages.REMOVED, pilotstages.COMPLETED):
            return pilotstages.seen(p, ad, now)
        since = self._left.setdefault(p.job, time.monotonic())
        if (source := self._route.batch_source) is not None:
            source.refresh()  # whose poll brings how it ended
        if time.monotonic() - since > ENDING:
            return pilotstages.lost(p, "it has left the schedd's queue, whose history does not tell how")
        return p

    def _look_at_processes(self, now: float) -> None:
        """Ask the submit plugin, which knows what runs; what a pilot wrote tells the rest."""
        there: set[str] = set()
        try:
            for tag in self._tags:
                found = self._route.submit.lookup(tag, ASK)
                there.update(found.ids if found else ())
        except SubmitUnknown as err:
            self._note(str(err))
            return
        self._one.pilots = {job: self._process(p, job in there, now) for job, p in self._one.pilots.items()}

    def _process(self, p: Known, there: bool, now: float) -> Known:
        """Take in whether a process was seen. One that is missing is looked for again."""
        if there:
            self._left.pop(p.job, None)
            running = {"JobStatus": pilotstages.RUNNING}
            return pilotstages.seen(p, {name: running.get(name) for name in pilotstages.ADS}, now)
        if p.over:
            return p
        if p.job not in self._left:
            self._left[p.job] = time.monotonic()
            return p
        return pilotstages.vanished(p, self._account(p.job), now)

    def _account(self, job: str) -> Account | None:
        """Return what a process says of itself in its output, where the log tree has it."""
        asked = datetime.fromtimestamp(self._one.asked, UTC)
        base = Path(self._factory.base_log_dir).expanduser()
        for day in {f"{asked:%Y-%m-%d}", f"{datetime.now(UTC):%Y-%m-%d}"}:
            text = read(base / day / queue_folder(self._queue.name) / f"{job}.out")
            if text:
                return account_of(text)
        return None

    def _judge(self, passed: float) -> None:
        """Give up pilots that are stuck, and stop following those that have run for long enough."""
        wish, now = self._one.wish, time.time()
        self._one.pilots = {job: self._judged(p, passed, now) for job, p in self._one.pilots.items()}
        late = passed >= wish.limit
        if late and (waiting := [p for p in self._one.pilots.values() if not p.over]):
            words, who, then = self._why_waiting(waiting[0])
            self._one.pilots = {
                job: p if p.over else pilotstages.given_up(p, words, who, then)
                for job, p in self._one.pilots.items()
            }

    def _judged(self, p: Known, passed: float, now: float) -> Known:
        wish = self._one.wish
        if p.over or passed >= wish.limit:
            return p
        if p.since and now - max(p.since, p.sent) >= UNREACHABLE:
            return pilotstages.unreachable(p, *self._tried(p))
        if wish.enough is not None and p.running_since and now - p.running_since >= wish.enough:
            return pilotstages.enough(p)
        return p

    def _tried(self, p: Known) -> tuple[str, Who, str, str]:
        """Try the door of a CE that does not answer: what was seen, who has to act, how, and the code."""
        verdict = probe.probe(p.resource, TRIES)
        code, seen = verdict or ("", "")
        here = self._credential()
        if code == "ce-unknown":
            return seen, "us", "correct the CE's name in the queue's options", code
        if code == "ce-refuses" or here:
            words = f"it takes no pilots: {seen}{f'; here: {here}' if here else ''}"
            return words, "credentials", NOT_ACCEPTED.next, "ce-refuses"
        then = RENAMED if "does not know the schedd" in seen else "tell the site"
        return f"the CE does not answer{f': {seen}' if seen else ''}", "site", then, code or "ce-down"

    def _credential(self) -> str:
        """Return what this host knows to be wrong with the pilots' credential; empty: nothing."""
        found = pilotfiles.of_plugin(self._route.submit, datetime.now(UTC))
        return "; ".join(f.words for f in found if f.credential)

    def _why_waiting(self, p: Known) -> tuple[str, Who, str]:
        waited = f"not {p.ahead} after {span(time.time() - p.sent)}"
        if self._target is not None and not p.resource:
            cluster, _, proc = p.job.partition(".")
            try:
                match = self._client(self._target).match(
                    f"ClusterId == {cluster} && ProcId == {proc}", deadline=ASK
                )
            except CondorError:
                match = None
            if match is not None and not match.fit:
                clauses = "; ".join(f"{text} excludes {n}" for text, n in match.clauses[:3])
                pool = count(match.machines, "machine")
                return f"{waited}: of {pool} none fits: {clauses}", "us", "ask for less"
        return waited, "site", "ask the site why it starts no pilot, or wait for longer (--limit)"

    def _take_back(self, jobs: Sequence[str]) -> None:
        if not jobs or self._target is None:
            return
        try:
            self._client(self._target).act(
                "remove",
                only(self._factory.factory_id, jobs),
                reason=f"{SAID}a probe's pilot that went wrong",
                deadline=ASK,
            )
        except CondorError as err:
            self._note(f"what went wrong may still be in the schedd's queue: {err}")

    def _client(self, target: Target) -> CondorClient:
        return reporting_client(target)

    def _note(self, words: str) -> None:
        if words not in self._one.notes:
            self._one.notes = (*self._one.notes, words)[-5:]
