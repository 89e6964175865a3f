"""`autopyfactory why`: the story of a queue, from the running factory or from the history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.link import ControlError, Link, NotRunning, fail
from autopyfactory.cli.terminal import echo
from autopyfactory.cli.timeargs import past_time
from autopyfactory.model.record import CycleRecord
from autopyfactory.model.serialize import from_plain, to_full, to_plain
from autopyfactory.why import LiveState, Story, explain
from autopyfactory.why.render import render

EARLIER = 60  # cycles that are looked at to tell since when


@click.command("why")
@conf_option
@click.argument("queue")
@click.option(
    "--at",
    callback=past_time,
    metavar="TIME",
    help="Tell what was then (UTC), e.g. 02:14, 2026-11-22T02:14, 8h.",
)
@click.option(
    "--last",
    type=click.IntRange(1, 10000),
    default=EARLIER,
    show_default=True,
    metavar="N",
    help="Cycles to look at.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the story and the records as JSON.")
@click.option(
    "--schedd/--no-schedd", default=True, help="Ask the schedd about stuck pilots when no factory runs."
)
def command(
    conf: tuple[str, ...], queue: str, at: datetime | None, last: int, as_json: bool, schedd: bool
) -> None:
    """Explain the last decisions of QUEUE, and say what to do."""
    link = Link(conf)
    if at is not None:
        records, problem = _stored(link, queue, last, at)
        if not records:
            fail(problem or f"nothing is kept about {queue} up to {at:%Y-%m-%d %H:%MZ}")
        story = explain(records, None, queue=queue)
    else:
        records, live, problem = _now(link, queue, last, schedd=schedd)
        story = explain(records, live, queue=queue)
    if as_json:
        echo(json.dumps(_data(story, records, problem), indent=2))
        return
    for line in render(story):
        echo(line)
    if problem:
        echo(f"\n({problem})", err=True)


def _now(
    link: Link, queue: str, last: int, *, schedd: bool
) -> tuple[list[CycleRecord], LiveState, str | None]:
    try:
        answer = link.ask("why", queue=queue)
    except NotRunning:
        return _without_factory(link, queue, last, None, schedd=schedd)
    except ControlError as err:
        if "there is no queue" in str(err):
            fail(str(err))
        records, live, problem = _without_factory(link, queue, last, str(err), schedd=schedd)
        return records, replace(live, silent=str(err)), problem
    live = from_plain(LiveState, answer["live"])
    newest = from_plain(CycleRecord, answer["record"]) if answer["record"] else None
    records, problem = _stored(link, queue, last, None)
    if newest is not None:
        records = [*(r for r in records if r.started < newest.started), newest]
    return records, live, problem


def _without_factory(
    link: Link, queue: str, last: int, trouble: str | None, *, schedd: bool
) -> tuple[list[CycleRecord], LiveState, str | None]:
    from autopyfactory.api.offline import offline_state

    records, problem = _stored(link, queue, last, None)
    live = offline_state(link.configuration, link.state_dir, queue, ask=10.0 if schedd else None)
    if live.configured is False and not records:
        fail(f"there is no queue {queue!r}")
    return records, live, problem if trouble is None else None


def _stored(
    link: Link, queue: str, last: int, until: datetime | None
) -> tuple[list[CycleRecord], str | None]:
    """Return the kept cycles, oldest first, and what kept us from reading them."""
    from autopyfactory.history import HistoryError

    try:
        reader = link.history()
        try:
            return [s.record for s in reader.last(queue, last, until)], None
        finally:
            reader.close()
    except HistoryError as err:
        return [], str(err)


def _data(story: Story, records: Sequence[CycleRecord], problem: str | None) -> dict[str, Any]:
    return {
        "story": to_full(story),
        "text": render(story),
        "records": [to_full(r) for r in records],
        "problem": problem,
        "printed_at": to_plain(datetime.now(UTC)),
    }
