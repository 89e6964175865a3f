"""One queue of the simulated factory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median

from autopyfactory.model.decision import CycleInputs, Decision, EndedPilot, RecentPilots, Rule
from autopyfactory.model.freshstarts import Starts
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.model.latency import bound
from autopyfactory.model.secondanswer import Surplus
from autopyfactory.simulate.models import Timing
from autopyfactory.simulate.sites import End, Site

PAST = 120  # earlier cycles that a queue remembers
KEEP_STARTS = 500  # as a real history
RECENT = 200  # pilots that medians look at


class SimulatedFactoryQueue:
    """One queue of the factory: what it sees of its site, and what it does there."""

    def __init__(self, chain: Sequence[Rule], site: Site, timing: Timing):
        self.chain = chain
        self.site = site
        self._timing = timing
        self.past: deque[tuple[float, tuple[int, ...]]] = deque(maxlen=PAST)
        self.batch = BatchQueueInfo()
        self.polled = -1.0
        self._history: RecentPilots | None = None  # as of the last poll, worked out when somebody asks
        self.sent = 0
        self.starts = Starts()
        self.surplus = Surplus()
        needs = frozenset[str]().union(*(rule.needs for rule in chain))
        uses = frozenset[str]().union(*(getattr(rule, "uses", ()) for rule in chain))
        self._keeps_ended = "history" in needs
        self.looks_back = "history" in needs | uses
        self.acts_at_once = any(getattr(rule, "acts_at_once", False) for rule in chain)
        self._unseen = 0
        self._sendings: deque[tuple[float, int]] = deque()

    def poll(self, now: float) -> None:
        """Ask the schedd."""
        site = self.site
        self.batch = BatchQueueInfo(
            pending=len(site.known_pending), running=site.known_running, unsubmitted=site.in_schedd
        )
        self.polled = now
        self._unseen = 0
        self.starts.note(now, site.known_running)
        self._history = None

    @property
    def history(self) -> RecentPilots:
        """What happened to the pilots within the window, as of the last poll."""
        if self._history is None:
            self._history = self._recent(self.polled)
        return self._history

    @property
    def counts(self) -> BatchQueueInfo:
        """What the schedd said, and what was sent since."""
        return self.batch.with_unseen(self._unseen)

    def act(self, decision: Decision, answers: tuple[float, ...], now: float) -> None:
        """Send or take back what was decided."""
        n = decision.n
        if n > 0:
            self.site.send(n)
            self.sent += n
            self._unseen += n
            self._sendings.append((now, n))
        too_many = max(0, -n)
        if not self.acts_at_once:
            too_many = self.surplus.agreed(too_many, answers)
        if too_many and not self._unseen:  # as in the factory: what is not visible yet might count twice
            taken = self.site.take_back(too_many)
            why = decision.decisive
            if why is None or not why.spares_running:
                self.site.drain(too_many - taken)

    def remember(self, inputs: CycleInputs, now: float) -> None:
        """Keep the counts of this cycle, in the order of `PastCycle`."""
        wms, batch = inputs.wms or WMSQueueInfo(), inputs.batch or BatchQueueInfo()
        mine = (wms.ready, wms.running, batch.pending, batch.running)
        self.past.appendleft((now, (*mine, inputs.others_pending, inputs.others_running)))

    def _recent(self, now: float) -> RecentPilots:
        site, window = self.site, self._timing.window
        for seen in (site.starts, site.ends, site.recalled, self._sendings):
            while seen and seen[0][0] < now - window:
                seen.popleft()
        latencies = [latency for at, latency in site.starts if at <= now]
        ended = [end for at, end in site.ends if at <= now]
        walls = [end.wall for end in ended[-RECENT:]]
        return RecentPilots(
            window=window,
            submitted_total=self.sent,
            submitted=sum(n for _, n in self._sendings),
            started=len(latencies),
            finished=len(ended),
            short=sum(not end.failed and end.wall < self._timing.short for end in ended),
            failed=sum(end.failed for end in ended),
            empty=sum(end.empty for end in ended),
            start_latency=bound(latencies[-RECENT:], (age for at, age in site.recalled if at <= now)),
            lifetime=median(walls) if walls else None,
            starts=tuple(now - at for at, _ in site.starts if at <= now)[-KEEP_STARTS:],
            ended=self._ended(ended[-RECENT:], now) if self._keeps_ended else None,
        )

    @staticmethod
    def _ended(ends: Sequence[End], now: float) -> tuple[EndedPilot, ...]:
        return tuple(EndedPilot(now - end.started, end.wall) for end in ends)
