"""The answers to `probe` and `probed`: send pilots to see whether a site works, and tell how they fare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autopyfactory.api.pilots import known
from autopyfactory.control.server import CommandError
from autopyfactory.cycle.byhand import Overruled
from autopyfactory.factory.probes import MOST, TooMany, Wish

if TYPE_CHECKING:
    from autopyfactory.factory.factory import Factory

OVERRULED: tuple[Overruled, ...] = ("pause", "rules")
LONGEST = 7 * 86400.0  # seconds for which pilots are followed at most


def probe(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `probe`: have `queue` send `pilots`; return the order as it is now, `probed` tells how it goes.

    `overrules`: also in spite of a `pause`, of `rules` that hold back, never of limits; `limit` and `enough`:
    seconds, see Wish; `keep`: what goes wrong is not taken back; `by`: who asks.
    """
    name = known(factory.configuration, str(arguments.get("queue") or ""))
    if name not in factory.queues:
        raise CommandError(f"{name} does not run: see `autopyfactory status {name}`")
    wish = Wish(
        queue=name,
        pilots=int(_number(arguments, "pilots", 1, 1, MOST)),
        overrules=_overruled(arguments.get("overrules") or ()),
        limit=_number(arguments, "limit", 3600.0, 1.0, LONGEST),
        enough=None if arguments.get("enough") is None else _number(arguments, "enough", 0.0, 0.0, LONGEST),
        keep=arguments.get("keep") is True,
        by=str(arguments.get("by") or ""),
    )
    try:
        return factory.probes.start(wish).as_data()
    except TooMany as err:
        raise CommandError(str(err)) from err


def probed(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `probed`: the order with the number `probe`, or the last one of `queue`."""
    if arguments.get("queue") is not None:
        name = known(factory.configuration, str(arguments["queue"]))
        found = factory.probes.last(name)
        if found is None:
            raise CommandError(f"nobody has probed {name} since the factory started")
        return found.as_data()
    found = factory.probes.get(int(_number(arguments, "probe", 0, 0, 10**9)))
    if found is None:
        raise CommandError("the factory knows no such probe: it was restarted, or that is long ago")
    return found.as_data()


def _overruled(names: Any) -> frozenset[Overruled]:
    if not isinstance(names, list | tuple) or not set(map(str, names)) <= set(OVERRULED):
        raise CommandError(f"overrules is no list of {', '.join(OVERRULED)}: {names!r:.40}")
    return frozenset(name for name in OVERRULED if name in names)


def _number(arguments: dict[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = arguments.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise CommandError(f"{name} is no number from {least:g} to {most:g}: {value!r:.40}")
    return float(value)


COMMANDS = {"probe": probe, "probed": probed}
