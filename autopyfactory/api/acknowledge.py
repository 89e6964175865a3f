"""The answers to `acknowledge` and `unacknowledge`: somebody takes on what is wrong with a queue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from autopyfactory.api.arguments import moment, text
from autopyfactory.api.live import known_state
from autopyfactory.api.pilots import known
from autopyfactory.control.server import CommandError
from autopyfactory.model.text import printable
from autopyfactory.notify.acknowledged import Acknowledged, NotKept
from autopyfactory.notify.digest import codes_of
from autopyfactory.why.problems import problems

if TYPE_CHECKING:
    from autopyfactory.factory.factory import Factory

USUAL, LONGEST = timedelta(days=1), timedelta(days=90)


def acknowledge(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `acknowledge`: `queue`, `reason`, `until` (a day by default), `by`; `codes`: only these causes.

    Without `codes` it is all that is wrong now.
    """
    name = known(factory.configuration, text(arguments, "queue"))
    reason, now = printable(text(arguments, "reason"), 500), factory.clock.now()
    until = moment(arguments.get("until")) or now + USUAL
    if not now < until <= now + LONGEST:
        raise CommandError(f"{until:%Y-%m-%d %H:%MZ} is over already, or more than {LONGEST.days} days ahead")
    by = printable(str(arguments.get("by") or "?"), 100)
    codes = _codes(factory, name, arguments)
    _keep(factory, [Acknowledged(name, code, now, until, reason, by) for code in codes], now)
    words = f"{', '.join(codes)} acknowledged by {by} until {until:%Y-%m-%d %H:%MZ}: {reason}"
    factory.announce("acknowledged", words, name)
    return {"queue": name, "codes": codes, "words": words}


def _codes(factory: Factory, name: str, arguments: dict[str, Any]) -> list[str]:
    wrong = _wrong(factory, name)
    wanted = _wanted(arguments)
    if unknown := sorted(set(wanted) - set(wrong)):
        found = ", ".join(wrong) or "nothing"
        raise CommandError(f"{', '.join(unknown)} is not wrong with {name}; what is: {found}")
    if not wrong:
        raise CommandError(f"nothing is wrong with {name}")
    return list(dict.fromkeys(wanted)) or wrong


def _wrong(factory: Factory, name: str) -> list[str]:
    """Return the codes of what is wrong with a queue, then of what else is mailed of it; the worst first."""
    queue = factory.queues.get(name)
    last = queue.last if queue else None
    codes = [c.code for c in problems(last, known_state(factory, name))]
    if last is not None:  # nobody has to act on some of it
        codes += sorted(codes_of(last))
    if factory.credentials.troubled(name):  # it is mailed before it stops pilots
        codes.append("credential")
    return list(dict.fromkeys(codes))


def unacknowledge(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `unacknowledge`: end what was acknowledged of `queue`; `codes`: only these causes; `by`."""
    name = text(arguments, "queue")
    try:
        ended = factory.acknowledged.clear(name, _wanted(arguments), factory.clock.now())
    except NotKept as err:
        raise CommandError(str(err)) from err
    if not ended:
        known(factory.configuration, name)
    codes = [a.code for a in ended]
    if codes:
        by = printable(str(arguments.get("by") or "?"), 100)
        factory.announce("acknowledged", f"{', '.join(codes)} no longer, by {by}", name)
    return {"queue": name, "codes": codes}


def _wanted(arguments: dict[str, Any]) -> list[str]:
    codes = arguments.get("codes") or []
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise CommandError("codes is no list of codes")
    return codes


def _keep(factory: Factory, new: list[Acknowledged], now: datetime) -> None:
    try:
        factory.acknowledged.set(new, now)
    except NotKept as err:
        raise CommandError(str(err)) from err


COMMANDS = {"acknowledge": acknowledge, "unacknowledge": unacknowledge}
