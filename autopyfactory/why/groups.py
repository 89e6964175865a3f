"""Ads of pilots that share a fate, grouped by the reason that the schedd gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from autopyfactory.model.record import HeldGroup
from autopyfactory.why.holds import kind_of, stripped


def same_reason(ads: Iterable[Mapping[str, Any]]) -> tuple[HeldGroup, ...]:
    """Group ads by `HoldReason` and its code, the largest group first; numbers in the text do not matter."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for ad in ads:
        text, code = str(ad["HoldReason"] or ""), int(ad["HoldReasonCode"] or 0)
        groups[kind_of(text, code).code, stripped(text)].append(ad)
    found = [
        HeldGroup(
            reason=str(group[0]["HoldReason"] or "no reason given"),
            count=len(group),
            code=int(group[0]["HoldReasonCode"] or 0),
            since=min((t for ad in group if (t := moment(ad["EnteredCurrentStatus"]))), default=None),
            example=f"{group[0]['ClusterId']}.{group[0]['ProcId']}",
        )
        for group in groups.values()
    ]
    return tuple(sorted(found, key=lambda g: -g.count))


def moment(seconds: Any) -> datetime | None:
    """Return Unix time as a datetime; None for what is none."""
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) and seconds > 0 else None
