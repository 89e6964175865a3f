"""The answers to `pilots` and `kill`, for a configuration: with a running factory and without one."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from autopyfactory.api.pilotquery import Wanted, listed, remove
from autopyfactory.condor.errors import CondorError
from autopyfactory.config.model import Configuration, QueueConfig
from autopyfactory.control.server import CommandError
from autopyfactory.model.serialize import to_full
from autopyfactory.why.schedds import reporting_client, targets

Arguments = dict[str, Any]

LIST, REMOVE = 20.0, 60.0  # seconds for one question to a schedd


def known(configuration: Configuration, name: str) -> str:
    """Return `name` if it is a queue's. Raises CommandError with the nearest that is."""
    names = {*configuration.queues, *configuration.broken}
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise CommandError(f"there is no queue {name!r}{hint}")


def meant(configuration: Configuration, wanted: str | None) -> list[QueueConfig]:
    """Return the queue `wanted`, or all."""
    return [q for n, q in configuration.queues.items() if wanted in (None, n)]


def pilots(configuration: Configuration, arguments: Arguments) -> dict[str, Any]:
    """Answer `pilots`: up to `limit` pilots of `queue`, in `states`, in them for `older` seconds."""
    wanted = _wanted(configuration, arguments)
    limit = int(arguments.get("limit", 1000))
    factory_id = configuration.factory.factory_id
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    for target in targets(meant(configuration, wanted.queue)):
        try:
            found = listed(reporting_client(target), factory_id, wanted, limit=limit, deadline=LIST)
        except CondorError as err:
            notes.append(f"not all pilots are listed: {err}")
            continue
        except ValueError as err:
            raise CommandError(str(err)) from err
        rows += [to_full(p) for p in found]
    return {"pilots": rows[:limit], "notes": [*notes, *_others(configuration, wanted.queue)]}


def _others(configuration: Configuration, wanted: str | None) -> list[str]:
    """Return a note when some queues send without a schedd."""
    all_ = meant(configuration, wanted)
    with_schedd = {n for names in targets(all_).values() for n in names}
    rest = sorted(q.name for q in all_ if q.options.enabled and q.name not in with_schedd)
    return [f"not listed, since they use no schedd: {', '.join(rest)}"] if rest else []


def kill(configuration: Configuration, arguments: Arguments) -> dict[str, Any]:
    """Answer `kill`: remove the pilots that `pilots` would list; `by` and `reason` go into their ads."""
    wanted = _wanted(configuration, arguments)
    by, reason = str(arguments.get("by") or "?"), str(arguments.get("reason") or "")
    words = " ".join(f"AutoPyFactory: removed by {by}: {reason}".split()).rstrip(": ")
    factory_id = configuration.factory.factory_id
    found = removed = 0
    notes = _others(configuration, wanted.queue)
    for target in targets(meant(configuration, wanted.queue)):
        try:
            there, gone = remove(reporting_client(target), factory_id, wanted, reason=words, deadline=REMOVE)
        except CondorError as err:
            notes.append(f"perhaps not all were removed: {err}")
            continue
        except ValueError as err:
            raise CommandError(str(err)) from err
        found, removed = found + there, removed + gone
    return {"found": found, "removed": removed, "notes": notes}


def _wanted(configuration: Configuration, arguments: Arguments) -> Wanted:
    queue, older = arguments.get("queue"), arguments.get("older")
    return Wanted(
        queue=known(configuration, str(queue)) if queue is not None else None,
        states=tuple(str(s) for s in arguments.get("states") or ()),
        older=timedelta(seconds=float(older)) if older is not None else None,
    )


COMMANDS: dict[str, Callable[[Configuration, Arguments], dict[str, Any]]] = {
    "pilots": pilots,
    "kill": kill,
}
