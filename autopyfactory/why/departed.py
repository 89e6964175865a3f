"""Pilots that left a schedd's queue lately: which it dropped and why, and how those that ended fared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from autopyfactory.condor.client import CondorClient
from autopyfactory.model.record import Empty, Failed, HeldGroup, Troubles
from autopyfactory.model.text import printable
from autopyfactory.why.groups import same_reason
from autopyfactory.wrapper.summary import Summary, read, summary

ATTRIBUTES = (
    "MATCH_APF_QUEUE", "JobStatus", "RemoveReason", "LastHoldReason", "LastHoldReasonCode",
    "EnteredCurrentStatus", "ClusterId", "ProcId", "ExitCode", "ExitBySignal", "ExitSignal",
    "RemoteWallClockTime", "JobStartDate", "CompletionDate", "Out", "Err", "GridJobStatus",
)  # fmt: skip
LATELY = 3600  # s: how far back pilots that left are looked for
AT_ONCE = 2000  # ads per question; the latest come first
MOST = 2000  # dropped pilots of a schedd that are remembered
LAST = 20  # ended pilots of a queue that are remembered
QUOTED, LONGEST_QUOTE = 3, 300  # lines and characters of what a failed pilot wrote last
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
    errors: str = ""  # file with what it wrote to standard error

    @property
    def began(self) -> float:
        """Unix time at which it started."""
        return self.at - self.wall

    @property
    def account(self) -> _Account | None:
        """Return what it says itself, if it does."""
        return _account(self.output, self.at) if self.output else None


@dataclass(frozen=True, slots=True)
class _Account:
    """What matters here of a pilot's summary."""

    host: str
    words: str
    empty: bool


@lru_cache(maxsize=20_000)
def _account(output: str, _at: int) -> _Account | None:
    """Read the end of a pilot's output, which is complete when the pilot has left the queue."""
    text = read(Path(output))
    one = summary(text) if text else None
    return None if one is None else _Account(one.host, _words(one), one.empty)


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
        last = sorted(self._ended.get(queue, {}).values(), key=lambda e: e.at)[-LAST:]
        return replace(troubles, lost=lost(dropped), failed=_failed(last), empty=_empty(last))


def _failed(last: Sequence[_Ended]) -> Failed | None:
    """Return how these pilots failed, if most of them did and the newest do not show that it is over."""
    bad = [e for e in last if e.how]
    if len(bad) < FEW or 2 * len(bad) < len(last):
        return None
    newest = max(e.began for e in bad)
    if sum(not e.how and e.began > newest for e in last) >= FEW:
        return None
    how, _ = Counter(e.how for e in bad).most_common(1)[0]
    alike = [e for e in bad if e.how == how]
    told = [(e, e.account) for e in last]
    output, quote = _last_words(alike[-1])
    return Failed(
        len(last),
        len(bad),
        how,
        median(e.wall for e in alike),
        output,
        _said([one.words for e, one in told if e.how == how and one]),
        _hosts([(one.host, bool(e.how)) for e, one in told if one and one.host]),
        quote,
    )


def _last_words(e: _Ended) -> tuple[str, str]:
    """Return the file in which a pilot says why it failed, and its last lines; those may be empty.

    Shells and most programs complain to standard error. A pilot's summary is no complaint.
    """
    for file in (e.errors, e.output):
        text = (read(Path(file)) if file else None) or ""
        lines = [
            line.strip()
            for line in text.splitlines()
            if line.strip() and not line.strip().startswith("APF-SUMMARY ")
        ]
        if lines:
            return file, printable(" / ".join(lines[-QUOTED:]), LONGEST_QUOTE)
    return e.output, ""


def _said(words: Sequence[str]) -> str:
    """Return what most failed pilots say themselves; empty when they do not, or each says something else."""
    if not words:
        return ""
    text, number = Counter(words).most_common(1)[0]
    return text if 2 * number >= len(words) else ""


def _words(one: Summary) -> str:
    culprit = one.culprit
    if culprit:
        return f"check {culprit.name}: {culprit.reason or culprit.result}"
    return f"{one.payload}: {one.reason}" if one.payload else one.reason


def _hosts(seen: Sequence[tuple[str, bool]]) -> tuple[str, ...]:
    """Return the nodes on which several pilots failed and none did well, if not all nodes are like that."""
    well = {host for host, failed in seen if not failed}
    bad = Counter(host for host, failed in seen if failed and host not in well)
    several = [f"{host} ({n})" for host, n in bad.most_common() if n >= FEW - 1]
    return tuple(several) if well or len(bad) > len(several) else ()


def _empty(last: Sequence[_Ended]) -> Empty | None:
    """Return how these pilots found no work, if most of them, and the very last, ended well without any."""
    good = [e for e in last if not e.how]
    if len(good) < FEW or 2 * len(good) < len(last):
        return None
    empty = [e for e in good if e.account is not None and e.account.empty]
    if len(empty) < FEW or 2 * len(empty) < len(last) or good[-1] not in empty:
        return None
    return Empty(len(last), len(empty), median(e.wall for e in empty), empty[-1].output)


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
    return _Ended(at, how, wall, str(ad["Out"] or ""), str(ad["Err"] or ""))


def _at(ad: Mapping[str, Any]) -> int:
    return int(ad["EnteredCurrentStatus"] or 0)
