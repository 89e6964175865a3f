"""One breaker, as a state machine without clock and threads: each function returns the state that follows.

Closed, it gathers what pilots show, and opens when too many of the latest went wrong. Open, it lets one pilot
through at a time, each after twice the time of the one before; it closes when a pilot has done well that went
through later what the bad ones have failed at, or when pilots that went through it at the same time turn out
to do well, so that it would not have opened. If it has to open again soon, the intervals go on growing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

from autopyfactory.breakers.evidence import LAST, Evidence, Verdict, in_order, verdict

AMPLE = 60  # pilots that are remembered
FEWEST = 5  # of one node, where there are many nodes
QUIET = 5  # while none was bad
SLACK = 5.0  # seconds by which schedds and we may differ about when a pilot was sent
SOON = 5.0  # seconds in which a pilot that dies at once has died
GROWTH = 2.0  # times the interval, with each probe


@dataclass(frozen=True, slots=True)
class Policy:
    """How touchy breakers are, and how patient. Times in seconds."""

    failures: int = 5  # bad pilots that it takes, at least
    share: float = 0.8  # of the latest pilots, that have to be bad
    window: float = 7200.0  # that a closed breaker looks back
    well: float = 60.0  # that a pilot has to run, and twice as long as the bad ones did, to have done well
    first: float = 300.0  # from opening to the first probe
    last: float = 3600.0  # between two probes, at most


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known at one moment. Times are Unix times."""

    seen: tuple[Evidence, ...] = ()  # each pilot once, in the order of their starts
    since: float = 0.0  # what showed before counts no more
    opened: float | None = None  # None: it is closed
    interval: float = 0.0  # seconds, that the next probe waits or the last one waited
    next_probe: float = 0.0
    probes: int = 0  # since it opened
    probed: float = 0.0  # when the last one went; 0: none has
    closed: float = 0.0  # when it closed last; 0: it never did

    @property
    def open(self) -> bool:
        """Whether it lets nothing through but probes."""
        return self.opened is not None

    @property
    def verdict(self) -> Verdict:
        """What it knows, judged."""
        return verdict(self.seen)

    def suspicious(self, policy: Policy, now: float) -> bool:
        """Whether it is closed and would open with what it knows."""
        return not self.open and _recent(self, policy, now).verdict.convicts(policy.failures, policy.share)

    def enough(self, policy: Policy) -> float:
        """Return the seconds after which a pilot that still runs has done well."""
        return max(policy.well, 2 * self.verdict.outlived)

    def promising(self, now: float) -> float:
        """Return the Unix time before which a pilot started that still runs and has outlived bad ones.

        It has run for twice as long as they did, or it was there before one of them, which is gone already.
        """
        bad = self.verdict.bad
        newest = max((e.began for e in bad), default=0.0) - 1.0
        return max(newest, now - max(SOON, 2 * self.verdict.outlived))

    @property
    def awaits(self) -> bool:
        """Whether a probe has gone, and no pilot that was sent since has shown anything."""
        return self.open and self.probed > 0 and not any(e.sent >= self.probed - SLACK for e in self.seen)

    def lets_probe(self, now: float) -> bool:
        """Whether it is open and one pilot may go."""
        return self.open and now >= self.next_probe


CLOSED = Breaker()


def noted(b: Breaker, new: Evidence, now: float) -> Breaker:
    """Take in what one pilot shows; what was known of the same pilot before gives way to what is newer."""
    if new.at < b.since:
        return b
    new = new if new.at <= now else replace(new, at=now)  # clocks differ
    before = next((e for e in b.seen if e.pilot == new.pilot), None)
    if before is not None and (before.at > new.at or before == new):
        return b
    others = [e for e in b.seen if e is not before]
    bad = [e.moment for e in others if not e.good]
    if b.open and new.good and bad and new.moment < min(bad):
        return b if before is None else replace(b, seen=tuple(others))  # from before it all began
    if b.open and new.good and all(new.newer_than(e) for e in others if not e.good):
        return _close(b, now)
    return replace(b, seen=_kept(in_order([*others, new])))


def retracted(b: Breaker, pilots: Container[str], now: float) -> Breaker:
    """Take back what these pilots showed; it closes if nothing bad is left."""
    left = tuple(e for e in b.seen if e.pilot not in pilots)
    if len(left) == len(b.seen):
        return b
    if b.open and all(e.good for e in left):
        return _close(b, now)
    return replace(b, seen=left)


def judged(b: Breaker, policy: Policy, now: float) -> Breaker:
    """Open it, if too many of the latest pilots went wrong."""
    if b.open and b.verdict.good and not b.verdict.convicts(policy.failures, policy.share):
        return _close(b, now)
    if b.open:
        # a clock that was set back must not keep probes away
        return b if b.next_probe <= now + policy.last else replace(b, next_probe=now + policy.last)
    b = _recent(b, policy, now)
    if not b.verdict.convicts(policy.failures, policy.share):
        return b
    again = 0 < now - b.closed < policy.window
    interval = min(policy.last, max(policy.first, b.interval * GROWTH if again else 0.0))
    return replace(b, opened=now, interval=interval, next_probe=now + interval, probes=0)


def probed(b: Breaker, policy: Policy, now: float) -> Breaker:
    """Note that a probe goes; the next one waits longer."""
    interval = max(policy.first, min(policy.last, b.interval * GROWTH))
    return replace(b, interval=interval, next_probe=now + interval, probes=b.probes + 1, probed=now)


def unsent(b: Breaker, now: float) -> Breaker:
    """Note that a probe did not go after all: it may still."""
    return replace(b, interval=b.interval / GROWTH, next_probe=now, probes=max(0, b.probes - 1), probed=0.0)


def hurried(b: Breaker, now: float) -> Breaker:
    """Let the next probe go at once: what was wrong has been mended, as it seems."""
    return replace(b, next_probe=min(b.next_probe, now)) if b.open else b


def reset(now: float) -> Breaker:
    """Return one that knows nothing from before: because a person says so, or the pilots are others now."""
    return replace(CLOSED, since=now)


def _close(b: Breaker, now: float) -> Breaker:
    return replace(CLOSED, since=now, closed=now, interval=b.interval)


def _recent(b: Breaker, policy: Policy, now: float) -> Breaker:
    oldest = now - policy.window
    if all(e.at >= oldest for e in b.seen):
        return b
    return replace(b, seen=tuple(e for e in b.seen if e.at >= oldest))


def _kept(seen: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Leave out the oldest where there are many; no node takes the place of all others."""
    if all(e.good for e in seen):
        return tuple(seen[-QUIET:])
    if len(seen) <= LAST:
        return tuple(seen)
    return tuple(in_order(_per_node(seen))[-AMPLE:])


def _per_node(seen: Iterable[Evidence]) -> Iterable[Evidence]:
    by_host: dict[str, list[Evidence]] = defaultdict(list)
    for e in seen:
        by_host[e.host].append(e)
    most = max(FEWEST, min(LAST, AMPLE // len(by_host)))
    for its in by_host.values():
        yield from its[-most:]
