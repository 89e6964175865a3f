"""What a running factory answers to `status`, `why`, `pause`, `resume`, `drain` and `pilots`.

Each function takes the factory and the arguments of the command and returns plain data; docs/why.md
describes them. None of them holds a lock while it waits for a schedd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autopyfactory.api import pilotquery as pilot_reports
from autopyfactory.api import pilots
from autopyfactory.api.answers import MOST_KEPT
from autopyfactory.api.arguments import moment, text
from autopyfactory.api.deliveryproblems import unheard
from autopyfactory.api.live import known_state, live_state
from autopyfactory.api.pilotquery import Ages
from autopyfactory.api.pilots import known, meant
from autopyfactory.api.rows import QueueRow, State, queue_row
from autopyfactory.condor.capacity import CAPACITIES
from autopyfactory.condor.errors import CondorError
from autopyfactory.control.server import CommandError
from autopyfactory.external.clocks import CLOCKS
from autopyfactory.history.opening import last_cycles, open_history
from autopyfactory.model.serialize import to_plain
from autopyfactory.model.text import count
from autopyfactory.pauses import ALL, Pause, PauseError
from autopyfactory.why.schedds import reporting_client, targets
from autopyfactory.why.waits import patience

if TYPE_CHECKING:
    from autopyfactory.factory.factory import Factory

Arguments = dict[str, Any]

ASK = 10.0  # seconds that a schedd gets to answer a report


def status(factory: Factory, arguments: Arguments) -> dict[str, Any]:
    """Answer `status`: a row per queue (of `queue` only, if given); `longest` asks the schedds too."""
    wanted = arguments.get("queue")
    names = _names(factory, wanted)
    rows = [_row(factory, name) for name in names]
    now = factory.clock.now()
    mail = mailer.status() if (mailer := factory.reporting.mailer) else None
    notes = list(unheard((r.status() for r in factory.reporting.reporters()), mail, now))
    notes += (*factory.room.low(), *CLOCKS.wrong(), *CAPACITIES.near(), *factory.downtimes.troubles)
    if arguments.get("longest"):
        rows, unknown = _with_ages(factory, rows, wanted)
        notes += unknown
    return {
        "factory": factory.configuration.factory.factory_id,
        "at": to_plain(now),
        "started": to_plain(factory.started_at),
        "queues": [row.as_dict() for row in rows],
        "pauses": {name: p.words for name, p in factory.pauses.all(now).items()},
        "notes": notes,
    }


def _names(factory: Factory, wanted: str | None) -> list[str]:
    configuration = factory.configuration
    if wanted is not None:
        return [known(factory.configuration, wanted)]
    # queues that are switched off say nothing unless they are asked for
    return sorted({*factory.queues, *factory.failures, *configuration.broken})


def _row(factory: Factory, name: str) -> QueueRow:
    configuration = factory.configuration
    queue, config = factory.queues.get(name), configuration.queues.get(name)
    pause = factory.pauses.get(name, factory.clock.now())
    state: State = "running"
    problem = ""
    if queue is None:
        broken = configuration.broken.get(name)
        state = "broken" if broken else "disabled" if config and not config.options.enabled else "stopped"
        problem = broken[0].brief if broken else f"the queue is {state}"
        if failure := factory.failures.get(name):
            state, problem = "broken", failure.text
    return queue_row(
        name,
        queue.last if queue else None,
        state=state,
        pause=pause,
        trend=factory.reporting.trends.of(name),
        wmsqueue=config.options.wmsqueue if config else None,
        ce=queue.parts.ce if queue else "",
        sent=factory.book.total(name),
        ends=factory.tally.ends(name),
        acknowledged={c: a.words for c, a in factory.acknowledged.of(name, factory.clock.now()).items()},
        problem=problem,
        live=known_state(factory, name),
    )


def _with_ages(
    factory: Factory, rows: list[QueueRow], wanted: str | None
) -> tuple[list[QueueRow], list[str]]:
    found: dict[str, Ages] = {}
    notes: list[str] = []
    for target in targets(meant(factory.configuration, wanted)):
        try:
            found |= pilot_reports.ages(
                reporting_client(target), factory.configuration.factory.factory_id, wanted, deadline=ASK
            )
        except CondorError as err:
            notes.append(f"how old pilots are is not known: {err}")
    now = factory.clock.now()
    return [
        replace(
            row,
            oldest_pending=ages.oldest_pending,
            oldest_running=ages.oldest_running,
            full=ages.full(now, patience(factory.endings.of(row.queue).waits)),
        )
        if (ages := found.get(row.queue))
        else row
        for row in rows
    ], notes


def why(factory: Factory, arguments: Arguments) -> dict[str, Any]:
    """Answer `why`: the record of the last cycle of `queue`, and what is known now.

    With `schedd` false no schedd is asked: for pages, which must not wait. With `last` it answers so many
    cycles of its history as well (`kept`), and why it could not read them (`unread`).
    """
    name = known(factory.configuration, text(arguments, "queue"))
    queue = factory.queues.get(name)
    return {
        **(_kept(factory, name, arguments["last"]) if "last" in arguments else {}),
        "queue": name,
        "record": to_plain(queue.last) if queue and queue.last else None,
        "live": to_plain(live_state(factory, name, ask=ASK if arguments.get("schedd", True) else 0.0)),
    }


def _kept(factory: Factory, name: str, last: object) -> Arguments:
    if not isinstance(last, int) or not 1 <= last <= MOST_KEPT:
        raise CommandError(f"last is no number from 1 to {MOST_KEPT}: {last!r}")
    records, unread = last_cycles(lambda: open_history(factory.configuration.factory), name, last)
    return {"kept": to_plain(records), "unread": unread}


def pause(factory: Factory, arguments: Arguments) -> dict[str, Any]:
    """Answer `pause`: put a pause of `queue` (`*`: all) in force; `until` (ISO 8601), `reason`, `by`.

    Somebody else's is left in force and told, unless `replace`.
    """
    return _order(factory, arguments, drain=False)


def drain(factory: Factory, arguments: Arguments) -> dict[str, Any]:
    """Answer `drain`: like `pause`, and pilots that do not run yet are taken back."""
    return _order(factory, arguments, drain=True)


def _order(factory: Factory, arguments: Arguments, *, drain: bool) -> dict[str, Any]:
    name = text(arguments, "queue")
    if name != ALL:
        name = known(factory.configuration, name)
    now = factory.clock.now()
    until = moment(arguments.get("until"))
    if until is not None and until <= now:
        raise CommandError(f"{until:%Y-%m-%d %H:%MZ} is over already")
    made = Pause(
        name,
        now,
        "draining" if drain else "paused",
        until,
        str(arguments.get("reason") or ""),
        str(arguments.get("by") or ""),
    )
    try:
        before = factory.pauses.set(made, replace=arguments.get("replace") is True)
    except PauseError as err:
        raise CommandError(str(err)) from err
    factory.announce(made.kind, made.words, None if name == ALL else name)
    _wake(factory, name)
    return {"queue": name, "words": made.words, "before": before.words if before else None}


def resume(factory: Factory, arguments: Arguments) -> dict[str, Any]:
    """Answer `resume`: end the pause or drain of `queue` (`*`: the one for all queues)."""
    name = text(arguments, "queue")
    try:
        ended = factory.pauses.clear(name)
    except PauseError as err:
        raise CommandError(str(err)) from err
    left = factory.pauses.get(name, factory.clock.now())
    if ended is None and left is None:
        if name != ALL:
            known(factory.configuration, name)
        return {"queue": name, "ended": None, "left": None}
    if ended is not None:
        factory.announce("resumed", f"no longer {ended.words}", None if name == ALL else name)
        _wake(factory, name)
    return {"queue": name, "ended": ended.words if ended else None, "left": left.words if left else None}


def _wake(factory: Factory, name: str) -> None:
    for queue in list(factory.queues.values()):
        if name in (ALL, queue.name):
            queue.wake()


def _pilots(factory: Factory, arguments: Arguments) -> dict[str, Any]:
    return pilots.pilots(factory.configuration, arguments)


def _kill(factory: Factory, arguments: Arguments) -> dict[str, Any]:
    done = pilots.kill(factory.configuration, arguments)
    if done["removed"]:
        factory.announce(
            "removed", f"{count(done['removed'], 'pilot')}, by {arguments.get('by')}", arguments.get("queue")
        )
    return done


COMMANDS: dict[str, Callable[[Factory, Arguments], Any]] = {
    "status": status,
    "why": why,
    "pause": pause,
    "resume": resume,
    "drain": drain,
    "pilots": _pilots,
    "kill": _kill,
}
