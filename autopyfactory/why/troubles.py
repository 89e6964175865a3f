"""Asks a schedd which pilots are stuck, and why: held, or on their way to a CE that does not answer."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.quoting import constraint_string
from autopyfactory.model.record import Match, Troubles
from autopyfactory.why import departed
from autopyfactory.why.groups import moment, same_reason

log = logging.getLogger("autopyfactory.why")

LIMIT = 5000  # ads per question; more stuck pilots than that say nothing new
HELD, IDLE = 5, 1
VANILLA = 5
WAITS = 30.0  # seconds in the local pool, from which on it is asked why: negotiation takes some
ATTRIBUTES = (
    "MATCH_APF_QUEUE", "JobStatus", "HoldReason", "HoldReasonCode", "EnteredCurrentStatus", "ClusterId",
    "ProcId", "GridResourceUnavailableTime", "LastRemoteStatusUpdate", "QDate", "GridResource",
    "GridJobStatus", "JobUniverse",
)  # fmt: skip
STUCK = "(JobStatus == 5 || GridResourceUnavailableTime isnt undefined)"


def troubles(client: CondorClient, queue: str, factory_id: str, deadline: float) -> Troubles:
    """Return what the schedd says about the stuck pilots of one queue, within `deadline` seconds.

    Never raises for a schedd that does not answer: `error` says so.
    """
    wanted = f"{mine(factory_id)} && MATCH_APF_QUEUE =?= {constraint_string(queue)}"
    now = datetime.now(UTC)
    try:
        ads = client.query(
            f"{wanted} && ({STUCK} || JobStatus == 1)", ATTRIBUTES, limit=LIMIT, deadline=deadline
        )
        gone = departed.since(client, wanted, now.timestamp() - departed.LATELY, deadline)
        match = _matched(client, ads, now.timestamp(), deadline)
    except CondorError as err:
        return Troubles(now, error=str(err))
    found = summarize(ads, now).get(queue, Troubles(now))
    who_left = departed.Left()
    who_left.take(gone)
    return replace(who_left.told(queue, found), match=match)


def _matched(
    client: CondorClient, ads: Iterable[Mapping[str, Any]], now: float, deadline: float
) -> Match | None:
    """Ask which machines would take the pilot that waits longest in the local pool, if one does for long."""
    waiting = [
        ad for ad in ads
        if ad["JobStatus"] == IDLE and ad["JobUniverse"] == VANILLA and int(ad["QDate"] or now) < now - WAITS
    ]  # fmt: skip
    if not waiting:
        return None
    one = min(waiting, key=lambda ad: int(ad["QDate"]))
    this = f"ClusterId == {one['ClusterId']} && ProcId == {one['ProcId']} && JobStatus == {IDLE}"
    try:
        return client.match(this, deadline=deadline)
    except CondorError as err:  # what else is known is worth telling
        log.debug("which machines would take %s is not known: %s", this, err)
        return None


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
    return f"ApfFactory =?= {constraint_string(factory_id)}"


def summarize(ads: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, Troubles]:
    """Turn ads of stuck and idle pilots into what is wrong with each queue."""
    by_queue: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for ad in ads:
        if ad["MATCH_APF_QUEUE"] is not None:
            by_queue[str(ad["MATCH_APF_QUEUE"])].append(ad)
    return {queue: _of_queue(found, now) for queue, found in by_queue.items()}


def _of_queue(ads: list[Mapping[str, Any]], now: datetime) -> Troubles:
    down = [ad for ad in ads if _ce_is_down(ad)]
    pending = [t for ad in ads if ad["JobStatus"] in (IDLE, HELD) and (t := moment(ad["QDate"]))]
    return Troubles(
        asked_at=now,
        held=same_reason([ad for ad in ads if ad["JobStatus"] == HELD]),
        ce_down=len(down),
        ce_down_since=min(
            (t for ad in down if (t := moment(ad["GridResourceUnavailableTime"]))), default=None
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
