"""Asks a schedd which pilots are stuck, and why: held, or on their way to a CE that does not answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.quoting import constraint_string
from autopyfactory.record import HeldGroup, Troubles
from autopyfactory.why.holds import kind_of, stripped

LIMIT = 5000  # ads per question; more stuck pilots than that say nothing new
HELD, IDLE = 5, 1
ATTRIBUTES = (
    "MATCH_APF_QUEUE", "JobStatus", "HoldReason", "HoldReasonCode", "EnteredCurrentStatus", "ClusterId",
    "ProcId", "GridResourceUnavailableTime", "LastRemoteStatusUpdate", "QDate", "GridResource",
)  # fmt: skip
GONE = (
    "MATCH_APF_QUEUE", "JobStatus", "RemoveReason", "LastHoldReason", "LastHoldReasonCode",
    "EnteredCurrentStatus", "ClusterId", "ProcId",
)  # fmt: skip
LATELY = 3600  # s: how far back pilots that left are looked for
OURS = ("AutoPyFactory", "via condor_rm")  # how the reasons of those begin that somebody removed on purpose
STUCK = "(JobStatus == 5 || GridResourceUnavailableTime isnt undefined)"


def troubles(client: CondorClient, queue: str, factory_id: str, deadline: float) -> Troubles:
    """Return what the schedd says about the stuck pilots of one queue, within `deadline` seconds.

    Never raises for a schedd that does not answer: `error` says so.
    """
    wanted = f"{mine(factory_id)} && MATCH_APF_QUEUE == {constraint_string(queue)}"
    now = datetime.now(UTC)
    try:
        ads = client.query(
            f"{wanted} && ({STUCK} || JobStatus == 1)", ATTRIBUTES, limit=LIMIT, deadline=deadline
        )
        gone = dropped(client, wanted, now.timestamp() - LATELY, deadline)
    except CondorError as err:
        return Troubles(now, error=str(err))
    found = summarize(ads, now).get(queue, Troubles(now))
    return replace(found, lost=lost(gone))


def dropped(client: CondorClient, wanted: str, since: float, deadline: float) -> list[dict[str, Any]]:
    """Return the ads of pilots that the schedd dropped after `since` (Unix time), the latest first.

    That is what becomes of held pilots which say that they are not essential, or which a rule removes.
    Raises CondorError.
    """
    return client.history(
        f"{wanted} && JobStatus == 3",
        GONE,
        limit=500,
        since=f"EnteredCurrentStatus < {int(since)}",
        deadline=deadline,
    )


def lost(ads: Iterable[Mapping[str, Any]]) -> tuple[HeldGroup, ...]:
    """Group what schedds dropped by reason; what somebody removed on purpose is left out."""
    rows: list[Mapping[str, Any]] = []
    for ad in ads:
        removed = str(ad["RemoveReason"] or "")
        if removed.startswith(OURS):
            continue
        # a rule that removes held pilots says nothing of why they were held
        reason = str(ad["LastHoldReason"] or removed)
        rows.append({**ad, "HoldReason": reason, "HoldReasonCode": ad["LastHoldReasonCode"]})
    return _held(rows)


def all_troubles(client: CondorClient, factory_id: str, deadline: float) -> Mapping[str, Troubles]:
    """Return the same for all queues of a factory that have stuck pilots, with one question.

    Idle pilots are not asked for: `oldest_pending` is that of the stuck ones. Raises CondorError.
    """
    now = datetime.now(UTC)
    return summarize(
        client.query(f"{mine(factory_id)} && {STUCK}", ATTRIBUTES, limit=LIMIT, deadline=deadline), now
    )


def mine(factory_id: str) -> str:
    """Return the constraint that fits the pilots of a factory."""
    return f"ApfFactory == {constraint_string(factory_id)}"


def summarize(ads: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, Troubles]:
    """Turn ads of stuck and idle pilots into what is wrong with each queue."""
    by_queue: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for ad in ads:
        if ad["MATCH_APF_QUEUE"] is not None:
            by_queue[str(ad["MATCH_APF_QUEUE"])].append(ad)
    return {queue: _of_queue(found, now) for queue, found in by_queue.items()}


def _of_queue(ads: list[Mapping[str, Any]], now: datetime) -> Troubles:
    down = [ad for ad in ads if _ce_is_down(ad)]
    pending = [t for ad in ads if ad["JobStatus"] in (IDLE, HELD) and (t := _time(ad["QDate"]))]
    return Troubles(
        asked_at=now,
        held=_held([ad for ad in ads if ad["JobStatus"] == HELD]),
        ce_down=len(down),
        ce_down_since=min(
            (t for ad in down if (t := _time(ad["GridResourceUnavailableTime"]))), default=None
        ),
        ce=str(down[0]["GridResource"] or "") if down else "",
        oldest_pending=min(pending, default=None),
    )


def _ce_is_down(ad: Mapping[str, Any]) -> bool:
    if ad["GridResourceUnavailableTime"] is None or ad["JobStatus"] == HELD:
        return False
    # some releases leave the attribute when the CE is back: then there is later news of the pilot
    news = ad["LastRemoteStatusUpdate"]
    return not isinstance(news, int) or news <= int(ad["GridResourceUnavailableTime"])


def _held(ads: list[Mapping[str, Any]]) -> tuple[HeldGroup, ...]:
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for ad in ads:
        text, code = str(ad["HoldReason"] or ""), int(ad["HoldReasonCode"] or 0)
        groups[kind_of(text, code).code, stripped(text)].append(ad)
    found = [
        HeldGroup(
            reason=str(group[0]["HoldReason"] or "no reason given"),
            count=len(group),
            code=int(group[0]["HoldReasonCode"] or 0),
            since=min((t for ad in group if (t := _time(ad["EnteredCurrentStatus"]))), default=None),
            example=f"{group[0]['ClusterId']}.{group[0]['ProcId']}",
        )
        for group in groups.values()
    ]
    return tuple(sorted(found, key=lambda g: -g.count))


def _time(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) and seconds > 0 else None
