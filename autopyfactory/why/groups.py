"""Ads of pilots that share a fate, grouped by the reason that the schedd gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from autopyfactory.condor.endings import LATEST
from autopyfactory.model.record import HeldGroup
from autopyfactory.why.holds import Kind, kind_of, stripped

HELD_THERE = "HELD"  # GridJobStatus of a pilot that its CE holds: reason and code are the CE's then


def same_reason(ads: Iterable[Mapping[str, Any]]) -> tuple[HeldGroup, ...]:
    """Group ads by `HoldReason` and its code, the largest group first; numbers in the text do not matter."""
    groups: dict[tuple[str, str, bool], list[Mapping[str, Any]]] = defaultdict(list)
    for ad in ads:
        text, code, there = str(ad["HoldReason"] or ""), _code(ad), held_there(ad)
        kind = kind_of(text, code, "there" if there else "here")
        groups[kind.code, stripped(text), there].append(ad)
    found = [
        HeldGroup(
            reason=str(group[0]["HoldReason"] or "no reason given"),
            count=len(group),
            code=_code(group[0]),
            since=min((t for ad in group if (t := moment(ad["EnteredCurrentStatus"]))), default=None),
            example=f"{group[0]['ClusterId']}.{group[0]['ProcId']}",
            there=there,
        )
        for (_, _, there), group in groups.items()
    ]
    return tuple(sorted(found, key=lambda g: -g.count))


def kind_of_group(group: HeldGroup) -> Kind:
    """Return what the reason of `group` means."""
    return kind_of(group.reason, group.code, "there" if group.there else "here")


def moment(seconds: Any) -> datetime | None:
    """Return Unix time as a datetime; None for what is none: an ad can hold anything."""
    known = isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds < LATEST
    return datetime.fromtimestamp(seconds, UTC) if known else None


def _code(ad: Mapping[str, Any]) -> int:
    code = ad["HoldReasonCode"]
    return code if isinstance(code, int) else 0


def held_there(ad: Mapping[str, Any]) -> bool:
    """Whether it is the CE that holds the pilot of this ad."""
    return str(ad.get("GridJobStatus") or "").upper() == HELD_THERE
