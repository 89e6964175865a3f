"""What one pilot shows about the place it went to, good or bad, and what many show together. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Kind = Literal[
    "failed",  # it ended badly by itself
    "short",  # it ended well, too soon to have done anything
    "held",  # schedd or CE hold it
    "dropped",  # the schedd has given it up
    "down",  # it cannot be handed to its CE
    "well",  # it ended well
    "runs",  # it has run for long enough
]
"""How a pilot shows it."""

GOOD: frozenset[Kind] = frozenset({"well", "runs"})
NEVER_STARTED: frozenset[Kind] = frozenset({"held", "dropped", "down"})  # told of pilots that did not run
ENOUGH = 3  # bad pilots of one node, and none that did better since, that make it a bad node
LAST = 20  # pilots that are judged together, the latest


@dataclass(frozen=True, slots=True)
class Evidence:
    """One pilot's fate. Times are Unix times, by the clock of its schedd."""

    pilot: str  # the same for nobody else
    kind: Kind
    at: float  # when it showed
    words: str = ""  # of a bad one: what went wrong, without what differs from pilot to pilot
    sent: float = 0.0
    began: float = 0.0  # when it started to run; 0: it never did
    wall: float = 0.0  # seconds it ran
    host: str = ""  # the node; empty: not known

    @property
    def good(self) -> bool:
        """Whether it speaks for the place."""
        return self.kind in GOOD

    @property
    def moment(self) -> float:
        """When it went through what it shows: its start, or its sending if it never started."""
        return self.began or self.sent or self.at

    def newer_than(self, bad: Evidence) -> bool:
        """Whether this pilot went through later what the bad one has failed at: hand-over, or running."""
        if bad.kind in NEVER_STARTED:
            return self.sent > bad.sent
        return self.began > bad.began


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the latest pilots show together."""

    bad: tuple[Evidence, ...] = ()
    good: tuple[Evidence, ...] = ()
    nodes: tuple[str, ...] = ()  # bad nodes, as `node7 (4)`, whose pilots are in neither of these

    @property
    def seen(self) -> int:
        """Pilots that were judged."""
        return len(self.bad) + len(self.good)

    @property
    def outlived(self) -> float:
        """Seconds after which most of the bad ones had ended: who runs for longer does better."""
        return median([e.wall for e in self.bad]) if self.bad else 0.0

    def convicts(self, least: int, share: float) -> bool:
        """Whether at least so many, and at least this share of all, are bad."""
        return len(self.bad) >= least and len(self.bad) >= share * self.seen

    @property
    def words(self) -> str:
        """Say how many are bad, of how many, and why: `5 of the last 6 pilots went wrong: 5 exit code 1`."""
        reasons = Counter(e.words for e in self.bad).most_common(3)
        told = "; ".join(f"{n} {words}" for words, n in reasons)
        return f"{len(self.bad)} of the last {self.seen} pilots went wrong: {told}"


def in_order(seen: Iterable[Evidence]) -> list[Evidence]:
    """Return evidence in the order in which pilots went through what it shows."""
    return sorted(seen, key=lambda e: (e.moment, e.pilot))


def verdict(seen: Iterable[Evidence]) -> Verdict:
    """Judge what was seen, by the latest pilots to have started, or been sent: not by the latest news.

    Pilots that started in good times go on ending well for hours, and say nothing of now.
    Bad nodes are left out while others, at least as many, do well: who swallows one pilot after the other
    there must not make the whole site look bad. Where no node does well it is the site, or the pilots.
    """
    latest = in_order(seen)
    bad_nodes, good_nodes = _nodes(latest)
    excused = bad_nodes.keys() if len(bad_nodes) <= len(good_nodes) else frozenset[str]()
    judged = [e for e in latest if e.host not in excused][-LAST:]
    return Verdict(
        tuple(e for e in judged if not e.good),
        tuple(e for e in judged if e.good),
        tuple(f"{host} ({n})" for host, n in bad_nodes.most_common() if host in excused),
    )


def _nodes(latest: Sequence[Evidence]) -> tuple[Counter[str], frozenset[str]]:
    """Return how many pilots went wrong on each bad node, and the nodes that do well."""
    by_host: dict[str, list[Evidence]] = defaultdict(list)
    for e in latest:
        if e.host and e.kind not in NEVER_STARTED:
            by_host[e.host].append(e)
    bad: Counter[str] = Counter()
    good = set()
    for host, its in by_host.items():
        best = max((e.began for e in its if e.good), default=float("-inf"))
        worse = sum(not e.good and e.began > best for e in its)
        if worse >= ENOUGH:
            bad[host] = worse
        elif best > float("-inf"):
            good.add(host)
    return bad, frozenset(good)
