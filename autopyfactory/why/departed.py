"""Pilots that left a schedd's queue lately: which it dropped and why, and how those that ended fared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from autopyfactory.condor.client import CondorClient
from autopyfactory.model.record import Failed, HeldGroup, Troubles
from autopyfactory.why.groups import same_reason

ATTRIBUTES = (
    "MATCH_APF_QUEUE", "JobStatus", "RemoveReason", "LastHoldReason", "LastHoldReasonCode",
    "EnteredCurrentStatus", "ClusterId", "ProcId", "ExitCode", "ExitBySignal", "ExitSignal",
    "RemoteWallClockTime", "JobStartDate", "CompletionDate", "Out", "GridJobStatus",
)  # fmt: skip
LATELY = 3600  # s: how far back pilots that left are looked for
AT_ONCE = 2000  # ads per question; the latest come first
MOST = 2000  # dropped pilots of a schedd that are remembered
LAST = 20  # ended pilots of a queue that are remembered
FEW = 3  # failures that say nothing yet
OURS = ("AutoPyFactory", "via condor_rm")  # how the reasons of those begin that somebody removed on purpose
REMOVED, COMPLETED = 3, 4


@dataclass(frozen=True, slots=True)
class _Ended:
    """A pilot that ended by itself."""

    at: int  # Unix time
    how: str  # in words; empty: well
    wall: float  # seconds it ran
    output: str  # file


def since(client: CondorClient, wanted: str, begin: float, deadline: float) -> list[dict[str, Any]]:
    """Return the ads of pilots that left after `begin` (Unix time), the latest first. Raises CondorError."""
    return client.history(
        f"({wanted}) && (JobStatus == {REMOVED} || JobStatus == {COMPLETED})",
        ATTRIBUTES,
        limit=AT_ONCE,
        since=f"EnteredCurrentStatus < {int(begin)}",
        deadline=deadline,
    )


class Left:
    """Remembers the pilots of one schedd that left it."""

    def __init__(self) -> None:
        # both by queue and pilot
        self._dropped: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        self._ended: dict[str, dict[str, _Ended]] = defaultdict(dict)

    def take(self, ads: Iterable[Mapping[str, Any]]) -> None:
        """Remember more of them; it does no harm to tell of one twice."""
        for ad in ads:
            pilot, queue = f"{ad['ClusterId']}.{ad['ProcId']}", str(ad["MATCH_APF_QUEUE"])
            if ad["JobStatus"] == REMOVED:
                self._dropped[queue][pilot] = ad
            else:
                self._ended[queue][pilot] = _ended(ad)

    def forget(self, before: float) -> None:
        """Forget those that left before this Unix time, and the oldest where there are very many."""
        dropped = [
            (_at(ad), queue, pilot, ad)
            for queue, pilots in self._dropped.items()
            for pilot, ad in pilots.items()
            if _at(ad) > before
        ]
        self._dropped.clear()
        for _, queue, pilot, ad in sorted(dropped, key=lambda d: -d[0])[:MOST]:
            self._dropped[queue][pilot] = ad
        for queue, ended in list(self._ended.items()):
            kept = sorted((e.at, pilot) for pilot, e in ended.items() if e.at > before)[-LAST:]
            if kept:
                self._ended[queue] = {pilot: ended[pilot] for _, pilot in kept}
            else:
                del self._ended[queue]

    @property
    def queues(self) -> set[str]:
        """Return the queues that there is something to tell about."""
        return {*self._dropped, *self._ended}

    def told(self, queue: str, troubles: Troubles) -> Troubles:
        """Return the same troubles of `queue` with what is known here added."""
        dropped = self._dropped.get(queue, {}).values()
        return replace(troubles, lost=lost(dropped), failed=self._failed(queue))

    def _failed(self, queue: str) -> Failed | None:
        """Return how the last pilots failed, if most of them did."""
        last = sorted(self._ended.get(queue, {}).values(), key=lambda e: e.at)[-LAST:]
        bad = [e for e in last if e.how]
        if len(bad) < FEW or 2 * len(bad) < len(last):
            return None
        how, _ = Counter(e.how for e in bad).most_common(1)[0]
        alike = [e for e in bad if e.how == how]
        return Failed(len(last), len(bad), how, median(e.wall for e in alike), alike[-1].output)


def lost(ads: Iterable[Mapping[str, Any]]) -> tuple[HeldGroup, ...]:
    """Group what schedds dropped by reason; what somebody removed on purpose is left out."""
    return same_reason(_as_held(ads))


def _as_held(ads: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for ad in ads:
        removed = str(ad["RemoveReason"] or "")
        if not removed.startswith(OURS):
            # a rule that removes held pilots says nothing of why they were held
            reason = str(ad["LastHoldReason"] or removed)
            yield {**ad, "HoldReason": reason, "HoldReasonCode": ad["LastHoldReasonCode"]}


def _ended(ad: Mapping[str, Any]) -> _Ended:
    at, begun = _at(ad), ad["JobStartDate"]
    end = float(ad["CompletionDate"] or at)
    wall = float(ad["RemoteWallClockTime"] or 0) or (max(0.0, end - float(begun)) if begun else 0.0)
    how = ""
    if ad["ExitBySignal"]:
        how = f"killed by signal {ad['ExitSignal']}"
    elif ad["ExitCode"]:
        how = f"exit code {ad['ExitCode']}"
    return _Ended(at, how, wall, str(ad["Out"] or "") if how else "")


def _at(ad: Mapping[str, Any]) -> int:
    return int(ad["EnteredCurrentStatus"] or 0)
