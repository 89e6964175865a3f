"""One pilot from its sending to its end, stage by stage, and the first thing that went wrong with it. Pure.

What is seen of it are its ads, look after look, and its ending; each makes the next state of what is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from autopyfactory.condor.endings import number
from autopyfactory.condor.jobstatus import actual
from autopyfactory.model.declaration import Who
from autopyfactory.model.ending import Account, Ending
from autopyfactory.model.text import count, printable, span
from autopyfactory.why.groups import held_there
from autopyfactory.why.holds import kind_of

StageName = Literal["submitted", "at the CE", "running", "ended", "payloads", "summary"]
Fate = Literal["under way", "held", "unreachable", "ended", "given up", "runs"]
ADS = (
    "ClusterId", "ProcId", "JobStatus", "GridResource", "GridJobId", "GridJobStatus", "QDate",
    "JobStartDate", "HoldReason", "HoldReasonCode", "EnteredCurrentStatus", "GridResourceUnavailableTime",
    "LastRemoteStatusUpdate", "JobUniverse", "RemoteHost",
)  # fmt: skip
IDLE, RUNNING, REMOVED, COMPLETED, HELD = 1, 2, 3, 4, 5
LONGEST = 400  # characters of what others say

OWNERS: Mapping[str, Who] = {"site": "site", "vo": "work", "us": "us"}
"""Who has to act, by what a pilot's summary calls them."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage that a pilot has reached."""

    name: StageName
    at: float  # Unix time
    words: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong first."""

    stage: str  # that was not reached
    words: str
    who: Who
    next: str = ""  # what to do, a sentence without its full stop
    code: str = ""  # for machines


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one pilot."""

    job: str  # `cluster.proc`
    sent: float  # Unix time
    stages: tuple[Stage, ...] = ()
    trouble: Trouble | None = None
    fate: Fate = "under way"
    resource: str = ""  # where it is to go, as its ad says
    since: float = 0.0  # Unix time since when its CE does not answer; 0: it does

    @property
    def over(self) -> bool:
        """Whether nothing more is to come."""
        return self.fate != "under way"

    def has(self, name: StageName) -> bool:
        """Whether it has reached a stage."""
        return any(stage.name == name for stage in self.stages)

    @property
    def running_since(self) -> float:
        """Return when it began to run; 0: it has not."""
        return next((s.at for s in self.stages if s.name == "running"), 0.0)

    @property
    def ahead(self) -> StageName:
        """Return the stage that it has not reached yet."""
        order: tuple[StageName, ...] = ("submitted", "at the CE", "running", "ended")
        wanted = [name for name in order if name != "at the CE" or self.resource]
        return next((name for name in wanted if not self.has(name)), "ended")


def sent(job: str, now: float) -> Known:
    """Return what is known of a pilot that its schedd has just taken."""
    return Known(job, now, (Stage("submitted", now),))


def seen(p: Known, ad: Mapping[str, Any], now: float) -> Known:
    """Take in what the pilot's ad says at Unix time `now`."""
    if p.over:
        return p
    resource = str(ad["GridResource"] or "")
    p = replace(p, resource=resource)
    runs = actual(ad["JobStatus"], ad["GridJobStatus"]) == RUNNING
    began = number(ad["JobStartDate"]) or now
    if resource and ad["GridJobId"]:
        at = min(now, began) if runs else now
        p = _reached(p, "at the CE", at, f"as {printable(str(ad['GridJobId']).split()[-1], 80)}")
    if runs:
        host = str(ad["RemoteHost"] or "")
        p = _reached(p, "running", began, f"on {printable(host, 80)}" if host and not resource else "")
    if ad["JobStatus"] == HELD:
        return _held(p, ad)
    return replace(p, since=_unreachable(ad))


def _held(p: Known, ad: Mapping[str, Any]) -> Known:
    text, code = str(ad["HoldReason"] or ""), int(number(ad["HoldReasonCode"]))
    kind = kind_of(text, code, "there" if held_there(ad) else "here")
    words = f"held: {kind.words}: {printable(text, LONGEST)}"
    return _troubled(replace(p, fate="held"), Trouble(p.ahead, words, kind.who, kind.next, kind.code))


def _unreachable(ad: Mapping[str, Any]) -> float:
    """Return since when an idle pilot's CE does not answer; some releases leave that time when it does."""
    since, news = number(ad["GridResourceUnavailableTime"]), number(ad["LastRemoteStatusUpdate"])
    return 0.0 if ad["JobStatus"] != IDLE or news > since else since


def unreachable(p: Known, words: str, who: Who, then: str, code: str) -> Known:
    """Give up a pilot whose CE has not answered for too long, with what a try of its door showed."""
    return _troubled(replace(p, fate="unreachable"), Trouble(p.ahead, words, who, then, code))


def ended(p: Known, e: Ending) -> Known:
    """Take in how the pilot ended."""
    if p.fate not in ("under way", "runs"):
        return p
    if e.started:
        p = _reached(p, "at the CE", e.started) if p.resource and not p.has("running") else p
        p = _reached(p, "running", e.started)
    how = e.how or {"well": "exit code 0", "empty": "it found no work"}.get(e.outcome, e.outcome)
    ran = f" after {span(e.wall)}" if e.wall else ""
    p = _reached(replace(p, fate="ended"), "ended", e.at, f"{how}{ran}")
    if e.outcome in ("dropped", "removed", "taken back"):
        return _gone(p, e)
    p = _account(p, e.account, e.at)
    return _failed(p, e) if e.bad else p


def vanished(p: Known, account: Account | None, now: float) -> Known:
    """Take in that a process has gone, whose exit code nobody knows; its account is all that tells."""
    p = _account(_reached(replace(p, fate="ended"), "ended", now, "exit code not known"), account, now)
    if account is None or account.outcome in ("", "ok", "empty"):
        return p
    who = OWNERS.get(account.owner, "us")
    return _troubled(p, Trouble("payloads", f"failed: {account.words}", who, "", account.outcome))


def _gone(p: Known, e: Ending) -> Known:
    """Tell of a pilot that did not end by itself."""
    if e.outcome == "dropped":
        kind = kind_of(e.hold_reason or e.reason, e.hold_code, "there" if e.held_there else "here")
        text = printable(e.hold_reason or e.reason, LONGEST)
        words = f"dropped by the schedd: {kind.words}: {text}"
        return _troubled(p, Trouble("ended", words, kind.who, kind.next, kind.code))
    words = f"somebody removed it: {printable(e.reason, LONGEST) or 'without a reason'}"
    return _troubled(p, Trouble("ended", words, "us", "ask who did", "removed"))


def _account(p: Known, account: Account | None, at: float) -> Known:
    if account is None:
        return p
    if account.payloads is not None:
        p = _reached(p, "payloads", at, count(account.payloads, "payload"))
    elif account.payload:
        p = _reached(p, "payloads", at, account.payload)
    if account.outcome:
        said = f": {account.words}" if account.words else ""
        p = _reached(p, "summary", at, printable(f"{account.outcome}{said}", LONGEST))
    return p


def _failed(p: Known, e: Ending) -> Known:
    """Tell why a pilot failed: as it says itself, else by what it wrote last."""
    account = e.account
    who: Who = OWNERS.get(account.owner if account else "", "us")
    said = (account.words if account else "") or e.said
    words = f"failed on {e.host or 'an unknown node'}: {e.how}{f': {said}' if said else ''}"
    then = f"read what it wrote: {e.said_in or e.errors or e.output}"
    return _troubled(p, Trouble("payloads", printable(words, LONGEST), who, then, e.failure))


def given_up(p: Known, words: str, who: Who, then: str) -> Known:
    """Stop following a pilot that has not come to its end in time."""
    if p.has("running"):
        return replace(p, fate="runs")
    return _troubled(replace(p, fate="given up"), Trouble(p.ahead, words, who, then, "long-pending"))


def lost(p: Known, words: str) -> Known:
    """Stop following a pilot of whose end nothing can be known."""
    return _troubled(replace(p, fate="given up"), Trouble("ended", words, "us", "see its log", "lost"))


def enough(p: Known) -> Known:
    """Stop following a pilot that has run for as long as was wanted."""
    return replace(p, fate="runs")


def _troubled(p: Known, trouble: Trouble) -> Known:
    return p if p.trouble is not None else replace(p, trouble=trouble)


def _reached(p: Known, name: StageName, at: float, words: str = "") -> Known:
    """Note a stage; none is earlier than the one before: schedds tell whole seconds, and clocks differ."""
    latest = p.stages[-1].at if p.stages else at
    return p if p.has(name) else replace(p, stages=(*p.stages, Stage(name, max(at, latest), words)))
