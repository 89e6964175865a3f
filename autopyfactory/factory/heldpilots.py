"""Acts on held and lost pilots: releases, removes, counts, and tells.

Nothing is done at a place that the book does not trust now. What is to be done `why/treatment` says; here it
is asked of the schedd, which looks at the pilots' states once more before it does anything.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from autopyfactory.accounting import spelling
from autopyfactory.breakers.options import BreakerOptions
from autopyfactory.breakers.registry import Breakers
from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.endings import number
from autopyfactory.condor.target import Target
from autopyfactory.credentials import pilotfiles
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.factory import evidence
from autopyfactory.logs.setup import queue_logger
from autopyfactory.model.clock import Clock
from autopyfactory.model.ending import WALL
from autopyfactory.model.text import count
from autopyfactory.why.treatment import (
    RELEASES,
    RENEWED,
    SAID,
    SENT_WITH,
    Held,
    HeldOptions,
    Order,
    only,
    orders,
    remedy,
)
from autopyfactory.why.troubles import mine

ASK = 20.0  # seconds for one question, or action
SURE = 1800.0  # seconds for which nothing was heard of a pilot, at every look, until that is believed
SILENT = "lost-silent"


class Tell(Protocol):
    """Tells everybody."""

    def __call__(self, kind: str, text: str, queue: str | None = None, code: str = "") -> None:
        """Tell of an event; `code`: of a problem, that of its cause in `why`."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the care needs of its factory; each returns at once."""

    factory_id: str
    queues: Callable[[], Mapping[str, APFQueue]]
    targets: Callable[[], Iterable[Target]]
    breaker_options: Callable[[], BreakerOptions]
    held_options: Callable[[], HeldOptions]
    # The CE to which the pilot with this tag and job was sent; empty: not known; None: it is none of ours.
    ce_of: Callable[[str, str], str | None]
    closed: Callable[[str], Sequence[str]]  # why nothing may be done at a place, by the book
    tell: Tell


@dataclass
class Totals:
    """What was done since the factory's start, for those who count."""

    held: Mapping[str, int] = field(default_factory=dict)  # pilots by kind of hold, in the last round
    acted: Counter[tuple[str, str]] = field(default_factory=Counter)  # (released, removed or lost; kind)


class HeldPilots:
    """What is done about them; used by one thread."""

    def __init__(self, around: Surroundings, breakers: Breakers, clock: Clock):
        self._around = around
        self._breakers = breakers
        self._clock = clock
        self.totals = Totals()
        self._alarmed: set[tuple[str, str]] = set()  # queue and kind of hold
        self._reported: set[tuple[str, str]] = set()  # the same, in this round
        self._seen: Counter[str] = Counter()  # pilots by kind of hold, in this round
        self._doubted: dict[str, dict[str, float]] = {}  # by place and job: since when nothing is heard of it

    def begin(self) -> None:
        """Begin a round over all schedds."""
        self._reported.clear()
        self._seen.clear()

    def end(self) -> None:
        """End it: what was not seen in it is news when it comes again."""
        self._alarmed &= self._reported
        self.totals.held = dict(self._seen)

    def treat(self, schedd: CondorClient, place: str, held: Sequence[Held]) -> None:
        """Release and remove held pilots, as far as it is time to. Raises CondorError."""
        options = self._around.held_options()
        for one in held:
            self._seen[one.kind.code] += 1
            if remedy(one.kind.code, options) == "stop":
                self._alarm(one)
        if not options.act or not held or self._around.closed(place):
            return
        files = _Renewals(self._around.queues(), self._clock)
        due = [o for o in orders(held, options, files.of, self._now) if self._allowed(o)]
        self._act(schedd, due, options.at_once, "JobStatus == 5")

    def _allowed(self, order: Order) -> bool:
        """Whether no open breaker keeps it back: of what is released in hope, one pilot goes as its probe.

        Held pilots count against limits: new ones may not be able to go and see.
        """
        if order.action != "release" or order.reason == RENEWED:
            return True
        found = self._around.queues().get(order.queue)
        gates = found.gates if found is not None else ()
        gates = tuple(gate for gate in gates if gate.address.ce == order.ce) or gates
        if not gates or any(gate.permit().words is None for gate in gates):
            return True
        return any(gate.take_probe() for gate in gates)

    def _alarm(self, one: Held) -> None:
        self._reported.add((one.queue, one.kind.code))
        if (one.queue, one.kind.code) not in self._alarmed:
            self._alarmed.add((one.queue, one.kind.code))
            words = f"pilots are held: {one.kind.words}. {one.kind.next}"
            self._around.tell("problem", words, one.queue, one.kind.code)

    def _act(self, schedd: CondorClient, due: Sequence[Order], most: int, state: str) -> None:
        """Carry out `due`, `most` releases and removals at most; the schedd looks at `state` again."""
        groups: dict[tuple[str, str, str, str, int], list[str]] = defaultdict(list)
        used: Counter[str] = Counter()
        for order in due:
            if used[order.action] < most:
                used[order.action] += 1
                groups[order.action, order.code, order.queue, order.reason, order.releases].append(order.job)
        for (action, code, queue, reason, before), jobs in groups.items():
            wanted = f"{state} && {only(self._around.factory_id, jobs)}"
            if action == "release":  # first: one that is not counted would go round for ever
                schedd.note(wanted, RELEASES, before + 1, deadline=ASK)
            done = schedd.act(action, wanted, reason=f"{SAID}{reason}", deadline=ASK)
            n = done.get("TotalSuccess", 0)
            if not n:
                continue
            what = "lost" if code.startswith("lost") else f"{action}d"
            self.totals.acted[what, code] += n
            words = f"{count(n, 'pilot')} {action}d: {reason}"
            queue_logger(queue).warning("%s", words)
            self._around.tell(f"pilots {what}", words, queue)
            if reason == RENEWED and (found := self._around.queues().get(queue)):
                for gate in found.gates:
                    self._breakers.hurry(gate.address)

    def remove_lost(self, schedd: CondorClient, place: str) -> None:
        """Remove pilots of which nothing is to be expected any more. Raises CondorError."""
        options = self._around.held_options()
        if not options.act or self._around.closed(place):
            return
        for code, state, reason in self._ways_to_be_lost(options):
            wanted = f"{mine(self._around.factory_id)} && {state}"
            ads = schedd.query(
                wanted, ("MATCH_APF_QUEUE", "ClusterId", "ProcId"), limit=options.at_once, deadline=ASK
            )
            due = [
                Order(f"{ad['ClusterId']}.{ad['ProcId']}", str(ad["MATCH_APF_QUEUE"]), "remove", code, reason)
                for ad in ads
            ]
            self._act(schedd, self._sure(place, due) if code == SILENT else due, options.at_once, state)

    def _sure(self, place: str, due: Sequence[Order]) -> list[Order]:
        """Return those that were found at every look for long enough.

        When a schedd starts that was stopped for a day, there is no news of any pilot for some minutes.
        """
        now, before = self._clock.monotonic(), self._doubted.get(place, {})
        since = self._doubted[place] = {order.job: before.get(order.job, now) for order in due}
        return [order for order in due if now - since[order.job] >= SURE]

    @staticmethod
    def _ways_to_be_lost(o: HeldOptions) -> Iterator[tuple[str, str, str]]:
        """Yield kind, constraint and reason of each; times are compared with the schedd's own clock."""
        if o.silent:
            before = f"time() - {int(o.silent)}"
            # That a pilot still waits is told all the time where the CE is an HTCondor (as measured); of
            # others only the silence of the whole CE is certain.
            down = (
                f"(GridResourceUnavailableTime < {before} && (LastRemoteStatusUpdate is undefined"
                " || LastRemoteStatusUpdate <= GridResourceUnavailableTime))"
            )
            silent = f'(substr(GridJobId, 0, 7) == "condor " && LastRemoteStatusUpdate < {before})'
            yield (
                SILENT,
                f"(JobStatus == 1 && JobUniverse == 9 && EnteredCurrentStatus < {before}"
                f" && ({down} || {silent}))",
                "lost: it waits, and its CE has told nothing of it for too long",
            )
        if o.overtime:
            # What it was sent with: its queue may say something else by now, or CRIC something wrong.
            before = f"time() - {int(o.overtime)}"
            yield (
                "lost-overtime",
                f"(JobStatus == 2 && {WALL} > 0 && JobCurrentStartDate + {WALL} * 60 < {before})",
                "lost: it runs for longer than its wall time allows",
            )

    @property
    def _now(self) -> float:
        return self._clock.now().timestamp()


class _Renewals:
    """When the credentials of pilots were renewed; each file is looked at once."""

    def __init__(self, queues: Mapping[str, APFQueue], clock: Clock):
        self._queues = queues
        self._now = clock.now()
        self._files: dict[str, float] = {}
        self._waits: dict[tuple[str, str], float | None] = {}  # by queue and CE

    def of(self, one: Held) -> float | None:
        """Return when what a pilot was sent with was renewed, if it is good; 0: it is not; None: no file."""
        if one.files:
            known = [self._of_file(path) for path in one.files]
            return max(known) if all(known) else 0.0
        if (at := (one.queue, one.ce)) not in self._waits:
            self._waits[at] = self._of_queue(*at)
        return self._waits[at]

    def _of_file(self, path: str) -> float:
        if path not in self._files:
            fault = next(pilotfiles.faults_of(path, self._now), None)
            try:
                self._files[path] = 0.0 if fault else Path(path).stat().st_mtime
            except OSError:
                self._files[path] = 0.0
        return self._files[path]

    def _of_queue(self, name: str, ce: str) -> float | None:
        """Return 0 if the queue's profiles have no good credential for `ce`: of a pilot without a file.

        Where the CE is none of the queue's, or not known, they have to have one for each of its CEs.
        """
        queue = self._queues.get(name)
        if queue is None:
            return None
        routes = queue.parts.routes
        routes = tuple(r for r in routes if spelling.ce(r.submit.ce) == ce) or routes
        try:
            choices = [route.submit.credential(self._now) for route in routes]
        except Exception:  # noqa: BLE001 - a plugin's; it is told where pilots are sent
            return 0.0
        return 0.0 if any(c is not None and c.presented is None for c in choices) else None


def held(ad: Mapping[str, Any], now: float, ce: str = "") -> Held:
    """Return the held pilot of this ad, sent to `ce`, which came at Unix time `now` of this host's clock."""
    since, theirs = number(ad["EnteredCurrentStatus"]), number(ad["ServerTime"])
    return Held(
        f"{ad['ClusterId']}.{ad['ProcId']}",
        str(ad["MATCH_APF_QUEUE"]),
        evidence.kind_of_ad(ad),
        since and since + (now - theirs if theirs else 0.0),  # by our clock
        int(number(ad[RELEASES])),
        tuple(path for name in SENT_WITH if isinstance(path := ad.get(name), str) and path),
        ce,
    )
