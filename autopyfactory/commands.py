"""What the running factory answers to the commands of its control socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autopyfactory.control.server import CommandError

if TYPE_CHECKING:
    from autopyfactory.factory import Factory
    from autopyfactory.queue import APFQueue

Command = Callable[["Factory", dict[str, Any]], Any]


def answer(factory: Factory, command: str, arguments: dict[str, Any]) -> Any:
    """Return the answer to `command`. Raises CommandError with words for whoever asked."""
    known = COMMANDS.get(command)
    if known is None:
        raise CommandError(f"unknown command {command!r}")
    return known(factory, arguments)


def status(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return a row per queue: counts, ages, last decision."""
    wanted = arguments.get("queue")
    rows = [_row(factory, q) for n, q in sorted(factory.queues.items()) if wanted in (None, n)]
    return {"factory": factory.configuration.factory.factory_id, "queues": rows}


def _row(factory: Factory, queue: APFQueue) -> dict[str, Any]:
    last = queue.last
    inputs = last.inputs if last else None
    batch = inputs.batch if inputs else None
    return {
        "queue": queue.name,
        "wmsqueue": queue.config.options.wmsqueue,
        "ce": queue.parts.submit.ce,
        "ready": inputs.wms.ready if inputs and inputs.wms else None,
        "pending": batch.pending if batch else None,
        "running": batch.running if batch else None,
        "held": batch.held if batch else None,
        "sent": factory.ledger.total(queue.name),
        "outcome": last.outcome if last else "starting",
        "reason": last.reason if last else "no cycle yet",
        "at": last.started.isoformat() if last else None,
        "ages": dict(last.ages) if last else {},
    }


COMMANDS: dict[str, Command] = {"status": status}
