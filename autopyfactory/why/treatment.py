"""What is done about held pilots and lost ones: which are released, which removed, and when. Pure.

All that has to be remembered is in the pilots' ads: since when they are held, and how often we released them
(ApfReleases). HTCondor's own NumHolds is no count: a rule that holds a pilot makes three of one. So a restart
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from autopyfactory.condor.quoting import constraint_string
from autopyfactory.model.text import count, span
from autopyfactory.options.common import FACTORY
from autopyfactory.options.declare import NameList, Options, option
from autopyfactory.why.holds import KINDS, OTHER, Kind

SENT_WITH = ("ScitokensFile", "x509userproxy")  # the attributes of pilots that name their credentials
RELEASES = "ApfReleases"  # the attribute of pilots that counts how often we released them
RENEWED = "the credential was renewed"  # why pilots are released of which that is known
SAID = "AutoPyFactory: "  # how the reasons begin that we give schedds

Remedy = Literal["renew", "release", "remove", "leave", "stop"]
"""What is done: renew: released when the credential is a newer one; release: by and by, a few times; remove:
at once; leave: never touched; stop: nothing helps but a person; in the end they are removed."""

CREDENTIAL = frozenset({"credential-expired", "credential-missing", "credential-refused"})
CODES = frozenset({k.code for k in (*KINDS, OTHER)})
RELEASED = (
    "batch-down", "ce-closed", "ce-down", "ce-files", "ce-not-found", "ce-policy", "gridmanager-fails",
    "node-disk-full", "node-trouble",
)  # fmt: skip
REMOVED = ("batch-lost", "resource-limit", "vanished-at-ce")
LEFT = ("held-by-person", "submitted-on-hold")


def _codes(names: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := sorted(set(names) - CODES):
        raise ValueError(f"no such kind of hold: {', '.join(unknown)} (known: {', '.join(sorted(CODES))})")
    return names


Codes = Annotated[NameList, AfterValidator(_codes)]


class HeldOptions(Options):
    """What is done about pilots that are held or lost."""

    act: bool = option(
        True, key="held.act", scope=FACTORY, description="Whether held pilots are released and removed at all"
    )
    release: Codes = option(
        RELEASED,
        key="held.release",
        scope=FACTORY,
        description="Kinds of holds (codes of `why`) that may pass: such pilots are released, each time after"
        " twice as long, and removed when that did not help. Those for a credential are released when it was"
        " renewed",
    )
    remove: Codes = option(
        REMOVED, key="held.remove", scope=FACTORY, description="Kinds whose pilots are removed at once"
    )
    leave: Codes = option(LEFT, key="held.leave", scope=FACTORY, description="Kinds that are never touched")
    releases: int = option(
        3,
        key="held.releases",
        scope=FACTORY,
        ge=0,
        description="A pilot that was released so often, and is held again, is removed",
    )
    backoff: float = option(
        300,
        key="held.backoff",
        scope=FACTORY,
        unit="s",
        gt=0,
        description="Time until a pilot is released for the first time",
    )
    keep: float = option(
        21600,
        key="held.keep",
        scope=FACTORY,
        unit="s",
        ge=0,
        description="A pilot that is held for longer is removed, unless its kind is left alone; 0: none",
    )
    at_once: int = option(
        100,
        key="held.atonce",
        scope=FACTORY,
        ge=1,
        description="Pilots that are released, and removed, at most in one round (a minute) per schedd",
    )
    silent: float = option(
        86400,
        key="lost.silent",
        scope=FACTORY,
        unit="s",
        ge=0,
        description="A pilot that waits, and of which its CE has told nothing for so long, is lost: it is"
        " removed; 0: none is",
    )
    overtime: float = option(
        7200,
        key="lost.overtime",
        scope=FACTORY,
        unit="s",
        ge=0,
        description="A pilot that has run for longer than the wall time that it was sent with"
        " (batchsubmit.walltime) and this is lost; 0: none is",
    )


class HeldPart:
    """Declares the options of [Factory] about held and lost pilots."""

    name: ClassVar[str] = "held"
    Options: ClassVar[type[Options]] = HeldOptions


@dataclass(frozen=True, slots=True)
class Held:
    """A held pilot."""

    job: str  # cluster.proc
    queue: str
    kind: Kind
    since: float  # Unix time; 0: not known
    releases: int  # how often we released it
    files: tuple[str, ...] = ()  # the credentials that it was sent with
    ce: str = ""  # where it was sent, in one spelling; empty: not known


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with a pilot."""

    job: str
    queue: str
    action: Literal["release", "remove"]
    code: str  # the kind of its trouble
    reason: str  # the same for all pilots of one fate
    releases: int = 0  # how often it was released before
    ce: str = ""  # as of `Held`


def remedy(code: str, options: HeldOptions) -> Remedy:
    """Return what is done about pilots held for this kind of reason."""
    if code in options.leave:
        return "leave"
    if code in options.remove:
        return "remove"
    if code in CREDENTIAL:
        return "renew"
    return "release" if code in options.release else "stop"


def orders(
    held: Iterable[Held], options: HeldOptions, renewed: Callable[[Held], float | None], now: float
) -> Iterator[Order]:
    """Yield what is to be done now, at Unix time `now`.

    renewed: when the credential that a pilot was sent with was renewed last, if it is good (Unix time; 0: it
    is no good); None: it was sent with no file. What its queue names now is nothing to a pilot that was sent.
    """
    for one in held:
        found = _decide(one, remedy(one.kind.code, options), options, renewed, now)
        if found is not None:
            yield Order(one.job, one.queue, found[0], one.kind.code, found[1], one.releases, one.ce)


def _decide(
    one: Held, how: Remedy, o: HeldOptions, renewed: Callable[[Held], float | None], now: float
) -> tuple[Literal["release", "remove"], str] | None:
    if how == "leave":
        return None
    if how == "remove":
        return "remove", one.kind.words
    if not one.since:
        return None
    if o.keep and now - one.since > o.keep:
        return "remove", f"held for longer than {span(o.keep)}: {one.kind.words}"
    if how == "stop":
        return None
    due = now - one.since >= o.backoff * 2.0**one.releases
    why = "it may have passed"
    if how == "renew" and (made := renewed(one)) is not None:
        if made <= one.since:
            return None  # with the same credential it would be held again
        due, why = True, RENEWED
    if not due:
        return None
    if one.releases >= o.releases:
        return "remove", f"held again after {count(one.releases, 'release')}: {one.kind.words}"
    return "release", why


def only(factory_id: str, jobs: Iterable[str]) -> str:
    """Return the constraint that fits these jobs, if they are pilots of this factory and of no other."""
    ids = " || ".join(
        f"(ClusterId == {cluster} && ProcId == {proc})"
        for cluster, _, proc in (job.partition(".") for job in jobs)
    )
    return f"ApfFactory =?= {constraint_string(factory_id)} && ({ids})"
