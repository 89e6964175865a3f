"""What the running factory answers to the commands of its control socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autopyfactory.api import (
    acknowledge,
    breakers,
    configuration,
    credentials,
    health,
    places,
    probes,
    queues,
    sites,
    worst,
)
from autopyfactory.control.server import CommandError

if TYPE_CHECKING:
    from autopyfactory.factory.factory import Factory

Command = Callable[["Factory", dict[str, Any]], Any]


def answer(factory: Factory, command: str, arguments: dict[str, Any]) -> Any:
    """Return the answer to `command`. Raises CommandError with words for whoever asked."""
    known = COMMANDS.get(command)
    if known is None:
        raise CommandError(f"unknown command {command!r}")
    return known(factory, arguments)


COMMANDS: dict[str, Command] = {
    **queues.COMMANDS,
    **configuration.COMMANDS,
    **health.COMMANDS,
    **places.COMMANDS,
    **breakers.COMMANDS,
    **credentials.COMMANDS,
    **worst.COMMANDS,
    **probes.COMMANDS,
    **acknowledge.COMMANDS,
    **sites.COMMANDS,
}
