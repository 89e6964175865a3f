"""Answers about configurations: what a reload would do, doing it, and what is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autopyfactory.config import dump as dumps
from autopyfactory.config.diff import diff
from autopyfactory.config.difftext import Effect, as_data, render
from autopyfactory.control.server import CommandError
from autopyfactory.factory.preview import Preview
from autopyfactory.options.problem import ConfigError, Problem

if TYPE_CHECKING:
    from autopyfactory.factory.factory import Factory

LOOK = 15.0  # seconds that a plan waits for sources that nobody has asked before
MOST = 500  # queues whose next cycle is worked out


def plan(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `plan`: what a reload would do now, as `text` and as `changes`.

    `accepted` says whether it would be applied.
    """
    try:
        new = factory.reloader.load()
    except ConfigError as err:
        return _refused(err.problems)
    wrong = factory.reloader.refusals(new)
    changes = diff(factory.configuration, new)
    wanted = factory.enabled(new)
    touched = [n for n in (*changes.added, *changes.changed) if n in wanted][:MOST]
    preview = Preview(
        new,
        sources=factory.sources,
        book=factory.book,
        clock=factory.clock,
        shared=factory.shared,
        running=dict(factory.queues),
        declared=factory.downtimes.of,
        breakers=factory.breakers,
    )
    effects = preview.effects({n: wanted[n] for n in touched}, LOOK)
    for name in (*changes.removed, *(n for n in changes.changed if n not in wanted)):
        effects[name] = _left_behind(factory, name)
    return {
        "accepted": not wrong,
        "text": render(changes, effects, everything=bool(arguments.get("everything"))),
        "changes": as_data(changes, effects),
        "problems": [str(p) for p in (wrong or (*new.problems, *factory.reloader.postponed(new)))],
    }


def _left_behind(factory: Factory, name: str) -> Effect:
    """Return the pilots of a queue that will not run any more; they are left to drain."""
    queue = factory.queues.get(name)
    inputs = queue.last.inputs if queue and queue.last else None
    if inputs is None or inputs.batch is None:
        return Effect()
    return Effect(inputs.batch.pending, inputs.batch.running)


def reload(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `reload`: apply the configuration as it is now; `applied` false: all stays as it was.

    `allow_empty`: also when that ends most queues.
    """
    before = {name: _left_behind(factory, name) for name in factory.queues}
    report = factory.reload(allow_empty=bool(arguments.get("allow_empty")))
    if not report.applied or report.changes is None:
        problems = [str(p) for p in report.problems]
        return {"applied": False, "text": "", "changes": None, "problems": problems}
    changes = report.changes
    gone = {n: e for n, e in before.items() if n in changes.removed or n in changes.stops}
    return {
        "applied": True,
        "text": render(changes, gone, everything=bool(arguments.get("everything"))),
        "changes": as_data(changes, gone),
        "problems": [str(p) for p in report.problems],
    }


def dump(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `dump`: the values in force and where each came from, secrets masked; `text` and `data`."""
    queue = arguments.get("queue")
    try:
        found = list(dumps.blocks(factory.configuration, queue))
    except KeyError:
        raise CommandError(f"no such queue: {queue}") from None
    return {
        "text": dumps.render(found, everything=bool(arguments.get("everything"))),
        "data": dumps.as_data(found),
    }


def _refused(problems: list[Problem]) -> dict[str, Any]:
    return {"accepted": False, "text": "", "changes": None, "problems": [str(p) for p in problems]}


COMMANDS = {"plan": plan, "reload": reload, "dump": dump}
