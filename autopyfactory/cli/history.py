"""`autopyfactory history`: past cycles, or what the history holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.link import Link, fail
from autopyfactory.cli.output import print_json
from autopyfactory.cli.terminal import echo
from autopyfactory.cli.timeargs import past_time
from autopyfactory.model.serialize import to_full
from autopyfactory.model.text import count, span

if TYPE_CHECKING:
    from autopyfactory.history.reader import HistoryReader, Stored


@click.command("history")
@conf_option
@click.argument("queue", required=False, shell_complete=queue_names)
@click.option("--since", callback=past_time, metavar="TIME", help="From then on (UTC); default: an hour ago.")
@click.option("--until", callback=past_time, metavar="TIME", help="Up to then (UTC); default: now.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object per line.")
def command(
    conf: tuple[str, ...], queue: str | None, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """Show the cycles of QUEUE and what happened around them; without QUEUE, what the history holds."""
    from autopyfactory.history.place import HistoryError

    try:
        reader = Link(conf).history()
        try:
            if queue is None:
                _info(reader, as_json=as_json)
            else:
                now = datetime.now(UTC)
                _cycles(reader, queue, since or now - timedelta(hours=1), until or now, as_json=as_json)
        finally:
            reader.close()
    except HistoryError as err:
        fail(str(err))


def _info(reader: HistoryReader, *, as_json: bool) -> None:
    info = reader.info()
    if as_json:
        data = to_full(info)
        data["schema"] = data.pop("version")  # of the database
        print_json(data, indent=None)
        return
    echo(f"{info.url}, schema version {info.version}")
    held = f"{count(info.queues, 'queue')}, at most {count(info.rows, 'cycle')}"
    echo(f"{held}, {info.used_bytes / 1e6:.1f} MB")
    if info.oldest and info.newest:
        age = span((info.newest - info.oldest).total_seconds())
        echo(f"from {info.oldest:%Y-%m-%d %H:%MZ} to {info.newest:%Y-%m-%d %H:%MZ} ({age})")


def _cycles(reader: HistoryReader, queue: str, since: datetime, until: datetime, *, as_json: bool) -> None:
    if queue not in reader.queues():
        fail(f"nothing is kept about {queue!r}")
    lines: list[tuple[datetime, dict[str, Any], str]] = [
        (
            s.record.started,
            {"cycle": to_full(s.record), "cycles": s.cycles, "submitted": s.submitted},
            _line(s),
        )
        for s in reader.span(queue, since, until)
    ]
    lines += [
        (e.at, {"event": to_full(e)}, f"{e.at:%Y-%m-%d %H:%M:%SZ}  -- {e.kind}: {e.text}")
        for e in reader.events(since, until, queue)
    ]
    for _, data, text in sorted(lines, key=lambda line: line[0]):
        if as_json:
            print_json(data, indent=None)
        else:
            echo(text)


def _line(stored: Stored) -> str:
    record = stored.record
    inputs = record.inputs
    ready = inputs.wms.ready if inputs and inputs.wms else "?"
    batch = inputs.batch if inputs else None
    pending, running = (batch.pending, batch.running) if batch else ("?", "?")
    counts = f"ready {ready:>4}  pending {pending:>4}  running {running:>5}"
    many = (
        f" (last of {stored.cycles} alike in {span(stored.width)}, {count(stored.submitted, 'pilot')})"
        if stored.cycles > 1
        else ""
    )
    return f"{record.started:%Y-%m-%d %H:%M:%SZ}  {counts}  {record.outcome}: {record.reason}{many}"
