"""The ways of a queue's pilots: each is one CE, through one schedd, with its breakers and its back-off."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autopyfactory.accounting import spelling
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.lately import WINDOW
from autopyfactory.breakers.registry import FREE, Gate, Permit, of_all
from autopyfactory.config.model import QueueConfig
from autopyfactory.cycle.backoff import Backoff
from autopyfactory.cycle.components import Parts, Route
from autopyfactory.cycle.doing import Doing
from autopyfactory.cycle.sender import Sender, Sending
from autopyfactory.cycle.spread import Share, spread
from autopyfactory.model.clock import Clock
from autopyfactory.model.record import Outcome, Sent
from autopyfactory.model.text import count, span

ROUND = 10_000  # pilots that are divided at a time: who says that there is work for a billion stops nobody


@dataclass(eq=False)
class Way:
    """One of them."""

    route: Route
    sender: Sender
    gate: Gate | None = None  # None: nothing that its pilots do stops the queue
    backoff: Backoff = field(default_factory=Backoff)
    permit: Permit = FREE  # of this cycle
    ce: str = field(init=False)  # in its one spelling
    target: str = field(init=False)  # the schedd as people write it

    def __post_init__(self) -> None:
        """Find out what does not change."""
        self.ce, self.target = spelling.ce(self.route.submit.ce), self.route.submit.target

    @property
    def beyond(self) -> bool:
        """Whether there is a CE beyond the schedd, whose own pool takes the pilots otherwise."""
        return self.route.submit.ce != self.route.submit.target


@dataclass(frozen=True, slots=True)
class Done:
    """What came of sending; `hindered`: why no way was open, in which case nothing was tried."""

    sent: tuple[Sent, ...] = ()
    granted: int = 0
    notes: tuple[str, ...] = ()  # what took away from the number, in words
    hindered: tuple[Outcome, str] | None = None
    probed: bool = False


class Ways:
    """All ways of one queue, in its configuration's order; used by the queue's thread."""

    def __init__(
        self,
        config: QueueConfig,
        parts: Parts,
        book: Bookkeeper,
        clock: Clock,
        stopping: Callable[[], bool],
        doing: Doing,
        gates: Sequence[Gate] = (),
    ):
        """Prepare; `gates` stand in the way of the CEs, in the order of `parts.ces`; none: of no way."""
        self._queue, self._book, self._clock = config.name, book, clock
        self._floor = config.options.ces_floor / 100
        by_ce = {gate.address.ce: gate for gate in gates}
        self.all = tuple(
            Way(route, Sender(config, parts, book, stopping, doing, route), by_ce.get(_spelt(route)))
            for route in parts.routes
        )

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return len(self.all) > 1

    def permit(self) -> Permit:
        """Ask the breakers once for this cycle; return what they say to the queue as a whole.

        While one way is free the queue is; what keeps the others is told with what was sent.
        """
        for way in self.all:
            way.permit = way.gate.permit() if way.gate else FREE
        return of_all([way.permit for way in self.all]) if self.several else self.all[0].permit

    def freest(self, shut: Container[Way]) -> Way:
        """Ask the breakers; return the first way that is free, else the first, but none of those shut."""
        self.permit()
        left = [way for way in self.all if way not in shut]
        return next((way for way in left if way.permit.words is None), left[0])

    # --- sending --------------------------------------------------------------------------------

    def send(self, n: int, seen: int, shut: Mapping[Way, str], silent: Iterable[str]) -> Done:
        """Send up to `n` pilots over all ways that are open.

        seen: the queue's open pilots when `n` was decided on; shut: ways that are not to be used, and why;
        silent: the schedds that did not answer the last question.
        """
        silent = set(silent)
        for way in self.all:
            if way.target not in silent:
                way.backoff.heard()
        hindered = {way: why for way in self.all if (why := self._hindered(way, shut))}
        work = _Work(self, n, seen, silent)
        probes = [way for way in self.all if way not in hindered and way.permit.words is not None]
        tried = {way for way in probes if work.left and work.probe(way)}
        for way in probes:
            if way not in tried:
                hindered[way] = ("held back", f"a breaker is open: {way.permit.words}")
        ready = [way for way in self.all if way not in hindered and way not in probes]
        if not ready and not tried:
            return self._none(hindered)
        work.go(ready)
        left_out = [f"left out: {_named(way)}: {why}" for way, (_, why) in hindered.items()]
        return Done(tuple(work.sent), work.granted, (*work.notes, *left_out), probed=bool(tried))

    def _hindered(self, way: Way, shut: Mapping[Way, str]) -> tuple[Outcome, str] | None:
        if why := shut.get(way):
            return "held back", why
        if left := way.backoff.left(self._clock.monotonic()):
            error = way.backoff.sent[0].error
            again = f" ({count(way.backoff.refusals, 'time')} in a row; tried again in {span(left)})"
            return "failed", f"submission failed: {error}" + (again if self.several else "")
        return None

    def _none(self, hindered: Mapping[Way, tuple[Outcome, str]]) -> Done:
        """Nothing can be sent: tell why, of each way; the same trouble as before stays in the record."""
        outcomes = [outcome for outcome, _ in hindered.values()]
        words = [why if not self.several else f"{_named(w)}: {why}" for w, (_, why) in hindered.items()]
        sent = tuple(s for way, (o, _) in hindered.items() if o == "failed" for s in way.backoff.sent)
        outcome: Outcome = "failed" if "failed" in outcomes else "held back"
        return Done(sent=sent, hindered=(outcome, "; ".join(dict.fromkeys(words))))

    def divide(self, n: int, ways: Sequence[Way]) -> list[tuple[Way, int]]:
        """Divide `n` pilots among CEs by what starts there, and each part among its schedds by weight."""
        if len(ways) == 1:
            return [(ways[0], n)]
        by_ce: dict[str, list[Way]] = defaultdict(list)
        for way in ways:
            by_ce[way.ce if way.beyond else ""].append(way)
        starts, running = self._starts(), self._running()
        shares = [
            Share(starts[ce], max(0, self._book.open_to(self._queue, ce) - running[ce])) for ce in by_ce
        ]
        plan = []
        for part, its in zip(spread(n, shares, self._floor), by_ce.values(), strict=True):
            homes = [Share(w.route.weight, self._book.open_at(self._queue, w.target)) for w in its]
            plan += [(way, m) for way, m in zip(its, spread(part, homes), strict=True) if m]
        return plan

    def _starts(self) -> Counter[str]:
        """Return how many of the queue's pilots have started at each CE lately."""
        since = self._clock.now().timestamp() - WINDOW
        return self._book.endings.starts_at(self._queue, since)

    def _running(self) -> Counter[str]:
        """Return how many of the queue's pilots run at each CE, as their schedds have told last."""
        total: Counter[str] = Counter()
        for source in dict.fromkeys(way.route.batch_source for way in self.all):
            snapshot = source.state.snapshot if source else None
            if snapshot is not None:
                total.update(snapshot.data.running_at.get(self._queue, {}))
        return total

    def note(self, way: Way, sent: Sequence[Sent], *, silent: bool) -> None:
        """Take in what came of sending over `way`."""
        way.backoff.note(sent, self._clock.monotonic(), silent=silent)


class _Work:
    """One cycle's sending."""

    def __init__(self, ways: Ways, n: int, seen: int, silent: set[str]):
        self._ways, self._seen, self._silent = ways, seen, silent
        self.left = n
        self.sent: list[Sent] = []
        self.granted = 0
        self.notes: dict[str, None] = {}

    def probe(self, way: Way) -> bool:
        """Send one pilot where a breaker lets one through; return whether it did."""
        if way.gate is None or not way.gate.take_probe():
            return False
        done = self._one(way, 1)
        if not any(s.count for s in done.sent):
            way.gate.give_back()
        return True

    def go(self, ready: Sequence[Way]) -> None:
        """Send what is left; what one way cannot take goes to the others."""
        open_ = list(ready)
        while self.left > 0 and open_:
            before = (self.left, len(open_))
            for way, n in self._ways.divide(min(self.left, ROUND), open_):
                if way not in open_:  # its schedd has failed meanwhile
                    continue
                done = self._one(way, n)
                if done.granted < n:  # a cap bit
                    open_.remove(way)
                if any(s.error for s in done.sent):
                    open_ = [other for other in open_ if other.target != way.target]
            if not self._ways.several or (self.left, len(open_)) == before:  # a plugin that sends none
                break

    def _one(self, way: Way, n: int) -> Sending:
        taken = sum(s.count for s in self.sent)  # of the same decision
        done = way.sender.send(n, self._seen + taken)
        self._ways.note(way, done.sent, silent=way.target in self._silent)
        self.sent += done.sent
        self.granted += done.granted
        self.left -= sum(s.count for s in done.sent)  # what is not known counts as sent
        self.notes.update(dict.fromkeys(done.notes))
        return done


def _spelt(route: Route) -> str:
    return spelling.ce(route.submit.ce)


def _named(way: Way) -> str:
    return f"{way.route.submit.ce} through {way.target}"
