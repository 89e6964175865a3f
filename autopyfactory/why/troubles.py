"""Asks a schedd which pilots are stuck, and why: held, or on their way to a CE that does not answer."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from autopyfactory.accounting.lately import WINDOW, Memory
from autopyfactory.accounting.pilotwords import with_words
from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.endings import ENDED, ending_of
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.quoting import constraint_string
from autopyfactory.model.record import Match, Troubles
from autopyfactory.why import departed
from autopyfactory.why.groups import moment, same_reason

log = logging.getLogger("autopyfactory.why")

AT_ONCE = 2000  # pilots that ended, per question; the latest come first
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
        match = _matched(client, ads, now.timestamp(), deadline)
    except CondorError as err:
        return Troubles(now, error=str(err))
    return replace(summarize(ads, now).get(queue, Troubles(now)), match=match)


def _matched(
    client: CondorClient, ads: Iterable[Mapping[str, Any]], now: float, deadline: float
) -> Match | None:
    """Ask which machines would take the pilot that waits longest in the local pool, if one does for long."""
    waiting = [
        ad for ad in ads
        if ad["JobStatus"] == IDLE and ad["JobUniverse"] == VANILLA
        and (sent := moment(ad["QDate"])) is not None and sent.timestamp() < now - WAITS
    ]  # fmt: skip
    if not waiting:
        return None
    one = min(waiting, key=lambda ad: int(ad["QDate"]))
    this = f"ClusterId == {one['ClusterId']} && ProcId == {one['ProcId']} && JobStatus == {IDLE}"
    return _match(client, this, deadline)


def _match(client: CondorClient, this: str, deadline: float) -> Match | None:
    """Ask which machines would take the job `this` (a constraint); None: that is not known."""
    try:
        return client.match(this, deadline=deadline)
    except CondorError as err:  # what else is known is worth telling
        log.debug("which machines would take %s is not known: %s", this, err)
        return None


def with_endings(
    client: CondorClient, queue: str, factory_id: str, deadline: float, found: Troubles
) -> Troubles:
    """Return `found` with what the schedd's history tells of the queue's pilots that ended lately.

    For when no factory runs, whose stream of endings would know. Never raises for a schedd that does not
    answer: `error` says so.
    """
    now = datetime.now(UTC).timestamp()
    wanted = f"{mine(factory_id)} && MATCH_APF_QUEUE == {constraint_string(queue)}"
    begin = f"EnteredCurrentStatus < {int(now - WINDOW)}"
    try:
        gone = client.history(wanted, ENDED, limit=AT_ONCE, since=begin, deadline=deadline)
    except CondorError as err:
        return replace(found, error=str(err))
    memory = Memory()
    memory.ended(with_words(e) for ad in reversed(gone) if (e := ending_of(ad)))
    return departed.told(found, memory.of(queue), now)


def all_troubles(
    client: CondorClient, factory_id: str, deadline: float, matches: Matches | None = None
) -> Mapping[str, Troubles]:
    """Return the same for all queues of a factory that have pilots that wait, with two questions.

    Idle pilots are not asked for one by one: the schedd adds up how many were sent when. `matches`
    tells which machines would take those that wait in the local pool. Raises CondorError.
    """
    now, ours = datetime.now(UTC), mine(factory_id)
    stuck = summarize(client.query(f"{ours} && {STUCK}", ATTRIBUTES, limit=LIMIT, deadline=deadline), now)
    names = ("MATCH_APF_QUEUE", "QDate", "JobUniverse")
    idle = client.counts(names, f"{ours} && JobStatus == {IDLE}", deadline=deadline)
    oldest: dict[str, datetime] = {}
    local: set[str] = set()
    for row in idle:
        sent = moment(row["QDate"])
        if row["MATCH_APF_QUEUE"] is not None and sent is not None:
            name = str(row["MATCH_APF_QUEUE"])
            oldest[name] = min(oldest.get(name, sent), sent)
            if row["JobUniverse"] == VANILLA:
                local.add(name)
    for name, sent in oldest.items():
        known = stuck.get(name, Troubles(now))
        stuck[name] = replace(known, oldest_pending=min(known.oldest_pending or sent, sent))
    if matches is not None:
        waiting = {name for name in local if (now - oldest[name]).total_seconds() > WAITS}
        for name, match in matches.of(client, factory_id, waiting, deadline).items():
            stuck[name] = replace(stuck[name], match=match)
    return stuck


class Matches:
    """Which machines would take pilots that wait in the local pool; for each queue asked once in a while."""

    def __init__(self, fresh: float = 300.0, most: int = 5):
        """Prepare: an answer counts for `fresh` seconds; at most so many queues are asked for at a time."""
        self._fresh = fresh
        self._most = most
        self._seen: dict[str, tuple[float, Match | None]] = {}

    def of(
        self, client: CondorClient, factory_id: str, queues: Iterable[str], deadline: float
    ) -> dict[str, Match]:
        """Return what is known of `queues`; a question without an answer is asked again later."""
        now, wanted = time.monotonic(), set(queues)
        oldest = now - self._fresh
        self._seen = {q: seen for q, seen in self._seen.items() if q in wanted and seen[0] > oldest}
        for queue in sorted(wanted - self._seen.keys())[: self._most]:
            idle = f"JobStatus == {IDLE} && JobUniverse == {VANILLA}"
            this = f"{mine(factory_id)} && MATCH_APF_QUEUE =?= {constraint_string(queue)} && {idle}"
            self._seen[queue] = now, _match(client, this, deadline)
        return {queue: match for queue, (_, match) in self._seen.items() if match is not None}


def mine(factory_id: str) -> str:
    """Return the constraint that fits the pilots of a factory."""
    return f"ApfFactory =?= {constraint_string(factory_id)}"


def both(one: Troubles | None, other: Troubles) -> Troubles:
    """Return what two schedds say about the pilots of one queue as one."""
    if one is None or one.error:
        return other
    if other.error:
        return one
    since = [at for at in (one.ce_down_since, other.ce_down_since) if at is not None]
    oldest = [at for at in (one.oldest_pending, other.oldest_pending) if at is not None]
    return replace(
        one,
        held=one.held + other.held,
        lost=one.lost + other.lost,
        ce_down=one.ce_down + other.ce_down,
        ce_down_since=min(since, default=None),
        ce=one.ce or other.ce,
        oldest_pending=min(oldest, default=None),
        match=one.match or other.match,
    )


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
    since = moment(ad["GridResourceUnavailableTime"])
    # some releases leave the attribute when the CE is back: then there is later news of the pilot
    news = ad["LastRemoteStatusUpdate"]
    return since is None or not isinstance(news, int) or news <= since.timestamp()
