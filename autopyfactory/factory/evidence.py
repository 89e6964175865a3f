"""What endings and stuck pilots show breakers, and whom it is held against. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autopyfactory.breakers.evidence import Evidence
from autopyfactory.breakers.registry import Scope
from autopyfactory.condor.endings import number
from autopyfactory.model.declaration import Who
from autopyfactory.model.ending import Ending
from autopyfactory.model.text import printable
from autopyfactory.why.groups import held_there
from autopyfactory.why.holds import Kind, kind_of, stripped

Told = tuple[Scope, Evidence]

_AGAINST: Mapping[Who, Scope] = {
    "site": "ce",
    "credentials": "credential",
}  # all else: the queue's own pilots
# somebody wants these pilots to be held, or removed: that says nothing about the place
ON_PURPOSE = frozenset({"held-by-person", "submitted-on-hold"})
LONGEST = 120  # characters of what went wrong


def of_ending(e: Ending, executable: str, short: float) -> Told | None:
    """Return what the end of a pilot shows; None: nothing.

    executable: what the queue's pilots run; short: seconds, sooner than which none has done anything.
    """
    if e.outcome == "dropped":
        kind = kind_of(e.hold_reason or e.reason, e.hold_code, "there" if e.held_there else "here")
        return _stuck("dropped", kind, e.hold_reason or e.reason, _pilot(e.place, e.job), e.at, e.queued)
    if e.outcome not in ("well", "empty", "failed"):
        return None
    if e.outcome == "failed":
        said = f", {e.account.words}" if e.account and e.account.words else ""
        words = _words(f"{executable}: {e.how}{said}")
        owner = e.account.owner if e.account else ""
        return ("ce" if owner == "site" else "queue"), _ran("failed", e, words)
    if e.outcome == "well" and e.account is None and 0 < e.wall < short:
        return "queue", _ran("short", e, _words(f"{executable}: ended within {short:g} s"))
    return "queue", _ran("well", e, "")


def of_held(place: str, ad: Mapping[str, Any]) -> Told | None:
    """Return what the ad of a held pilot shows; None: nothing."""
    reason, since = str(ad["HoldReason"] or ""), number(ad["EnteredCurrentStatus"])
    kind = kind_of_ad(ad)
    return _stuck("held", kind, reason, pilot_of(place, ad), since, number(ad["QDate"]))


def of_down(place: str, ad: Mapping[str, Any], now: float) -> Told:
    """Return what the ad of a pilot shows that cannot be handed to its CE, since the CE does not answer."""
    return "ce", Evidence(pilot_of(place, ad), "down", now, "the CE does not answer", number(ad["QDate"]))


def of_running(place: str, ad: Mapping[str, Any], now: float) -> Told:
    """Return what the ad of a pilot shows that has run for long enough."""
    began, sent = number(ad["JobCurrentStartDate"]), number(ad["QDate"])
    host = str(ad["RemoteHost"] or "").rpartition("@")[2]
    wall = max(0.0, now - began) if began else 0.0
    return "queue", Evidence(pilot_of(place, ad), "runs", now, "", sent, began, wall, host)


def kind_of_ad(ad: Mapping[str, Any]) -> Kind:
    """Return why the pilot of this ad is held."""
    text, code = str(ad["HoldReason"] or ""), int(number(ad["HoldReasonCode"]))
    return kind_of(text, code, "there" if held_there(ad) else "here")


def pilot_of(place: str, ad: Mapping[str, Any]) -> str:
    """Return what names the pilot of this ad and no other."""
    return _pilot(place, f"{ad['ClusterId']}.{ad['ProcId']}")


def _pilot(place: str, job: str) -> str:
    return f"{place} {job}"


def _ran(kind: Any, e: Ending, words: str) -> Evidence:
    began = e.started or max(0.0, e.at - e.wall)
    return Evidence(_pilot(e.place, e.job), kind, e.at, words, e.queued or began, began, e.wall, e.host)


def _stuck(kind: Any, why: Kind, reason: str, pilot: str, at: float, sent: float) -> Told | None:
    if why.code in ON_PURPOSE:
        return None
    words = why.words if why.code != "held-other" else stripped(reason) or why.words
    return _AGAINST.get(why.who, "queue"), Evidence(pilot, kind, at, _words(f"{kind}, {words}"), sent)


def _words(text: str) -> str:
    return printable(text, LONGEST)
