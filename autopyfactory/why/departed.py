"""Pilots that left a schedd's queue lately: which it dropped and why, how those that ended fared. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

from autopyfactory.accounting.lately import WINDOW, Lately
from autopyfactory.model.ending import BAD, Ending
from autopyfactory.model.record import Empty, Failed, Fared, Troubles, Unmoved
from autopyfactory.why.groups import same_reason
from autopyfactory.why.waits import patience, usual
from autopyfactory.why.work import Still

FEW = 3  # pilots that say nothing yet
MOST_NAMED = 5  # checks and nodes


def told(
    troubles: Troubles, lately: Lately, now: float, still: Still | None = None, jobs: tuple[str, ...] = ()
) -> Troubles:
    """Return the same troubles of a queue with what its pilots' endings tell, as of Unix time `now`.

    `still`: since when the WMS has shown no work that moves; None: it moves, or that is not known.
    `jobs`: what jobs ask for that pilots may not have, in words.
    """
    begin = now - WINDOW
    last = [e for e in lately.last if e.at > begin]
    return replace(
        troubles,
        lost=same_reason(_as_held(e for e in lately.dropped if e.at > begin)),
        failed=failed(last),
        empty=replace(found, jobs=jobs) if (found := empty(last)) else None,
        unmoved=unmoved(last, still) if still else None,
        fared=fared(lately, begin),
        newest_start=lately.newest_start,
        patience=patience(lately.waits),
        usual_wait=usual(lately.waits),
    )


def failed(last: Sequence[Ending]) -> Failed | None:
    """Return how these pilots failed, if most of them did and the newest do not show that it is over."""
    bad = [e for e in last if e.how]
    if len(bad) < FEW or 2 * len(bad) < len(last):
        return None
    newest = max(_began(e) for e in bad)
    if sum(not e.how and _began(e) > newest for e in last) >= FEW:
        return None
    how, _ = Counter(e.how for e in bad).most_common(1)[0]
    alike = [e for e in bad if e.how == how]
    return Failed(
        len(last),
        len(bad),
        how,
        median(e.wall for e in alike),
        alike[-1].said_in or alike[-1].output,
        _said([e.account.words for e in alike if e.account]),
        _hosts([(e.host, bool(e.how)) for e in last if e.host]),
        alike[-1].said,
    )


def _began(e: Ending) -> float:
    return e.at - e.wall


def _said(words: Sequence[str]) -> str:
    """Return what most failed pilots say themselves; empty when they do not, or each says something else."""
    if not words:
        return ""
    text, number = Counter(words).most_common(1)[0]
    return text if 2 * number >= len(words) else ""


def _hosts(seen: Sequence[tuple[str, bool]]) -> tuple[str, ...]:
    """Return the nodes on which several pilots failed and none did well, if not all nodes are like that."""
    well = {host for host, bad in seen if not bad}
    bad = Counter(host for host, failed in seen if failed and host not in well)
    several = [f"{host} ({n})" for host, n in bad.most_common() if n >= FEW - 1]
    return tuple(several) if well or len(bad) > len(several) else ()


def empty(last: Sequence[Ending]) -> Empty | None:
    """Return how these pilots found no work, if most of them, and the very last, ended well without any."""
    good = [e for e in last if e.good]
    found = [e for e in good if e.empty]
    if len(found) < FEW or 2 * len(found) < len(last) or good[-1] not in found:
        return None
    return Empty(len(last), len(found), median(e.wall for e in found), found[-1].output)


def unmoved(last: Sequence[Ending], still: Still) -> Unmoved | None:
    """Return how many pilots ended well while no work moved in the WMS, if most that did since then are such.

    Those that say that they ran payloads are no such; of PanDA's the payload is the pilot itself.
    """
    since = [e for e in last if _began(e) >= still.since]
    idle = [e for e in since if e.outcome == "well" and not _worked(e)]
    if len(idle) < FEW or 2 * len(idle) < len(since):
        return None
    began = datetime.fromtimestamp(still.since, UTC)
    wall = median(e.wall for e in idle)
    return Unmoved(len(idle), wall, began, still.ready, still.running, idle[-1].output)


def _worked(e: Ending) -> bool:
    return e.account is not None and bool(e.account.payloads) and e.account.payload != "panda"


def fared(lately: Lately, begin: float) -> Fared | None:
    """Return how pilots fared that ended after `begin` (Unix time); None: none failed, was empty or short."""
    ended = [e for e in lately.endings if e.at > begin and e.outcome != "taken back"]
    bad = [e for e in ended if e.outcome in BAD]
    nothing = [e for e in ended if e.outcome == "empty"]
    short = [e for e in ended if e.short and e.outcome != "empty"]
    if not bad and not nothing and not short:
        return None
    return Fared(
        ended=len(ended),
        failed=len(bad),
        empty=len(nothing),
        wasted_hours=round(sum(e.wall for e in (*bad, *nothing)) / 3600, 3),
        short=len(short),
        failures=_most(e.failure for e in bad),
        checks=_most(e.check for e in bad),
        hosts=_most(e.host for e in bad),
    )


def _most(names: Iterable[str]) -> Mapping[str, int]:
    return dict(Counter(name for name in names if name).most_common(MOST_NAMED))




def _as_held(dropped: Iterable[Ending]) -> Iterator[Mapping[str, Any]]:
    for e in dropped:
        cluster, _, proc = e.job.partition(".")
        yield {
            # a rule that removes held pilots says nothing of why they were held
            "HoldReason": e.hold_reason or e.reason,
            "HoldReasonCode": e.hold_code,
            "EnteredCurrentStatus": int(e.at),
            "ClusterId": cluster,
            "ProcId": proc,
            "GridJobStatus": "HELD" if e.held_there else "",
        }
