"""`autopyfactory cric`: what CRIC's records would become, and why each was taken or left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.output import print_json
from autopyfactory.cli.screen import wide_console
from autopyfactory.cli.terminal import echo
from autopyfactory.external import atomicfile
from autopyfactory.model.text import count

if TYPE_CHECKING:
    from autopyfactory.cric.plan import Verdict
    from autopyfactory.options.problem import Problem
    from autopyfactory.options.section import Section
    from autopyfactory.plugins.queueconfig.cric import Outcome

OK, WRONG = 0, 1


@click.command("cric")
@conf_option
@click.option("--dry-run", is_flag=True, help="Tell what became of every record, and write nothing.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), help="Write the queue sections to this file."
)
@click.option("--queue", "only", metavar="NAME", help="Tell of this PanDA queue only.")
@click.option("--taken", is_flag=True, help="With --dry-run: leave out what is not wanted.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: print one JSON object.")
@click.option("--fresh", is_flag=True, help="Ask CRIC even if it was asked a short while ago.")
@click.pass_context
def command(
    ctx: click.Context,
    conf: tuple[str, ...],
    dry_run: bool,
    output: str | None,
    only: str | None,
    taken: bool,
    as_json: bool,
    fresh: bool,
) -> None:
    """Make queue sections of what CRIC knows, as the selections [CRIC ...] of the configuration say.

    Prints a queues.conf, or writes it with -o; a factory that has `config.queues.plugin = CRIC` needs
    neither. Exit code 0: good; 1: a source could not be read, or nothing was selected; 2: wrong usage.
    """
    from autopyfactory.options.problem import ConfigError

    if (taken or as_json) and not dry_run:
        raise click.UsageError("--taken and --json need --dry-run")
    try:
        outcome = _outcome(conf, fresh)
    except ConfigError as err:
        _tell(err.problems)
        ctx.exit(WRONG)
    # the table tells of broken records itself
    _tell(p for p in outcome.config.problems if p.severity == "error" or not dry_run)
    verdicts = [
        v for v in outcome.verdicts if only in (None, v.record) and (v.section or v.broken or not taken)
    ]
    if as_json:
        print_json({"queues": [asdict(v) for v in verdicts]})
    elif dry_run:
        _table(verdicts)
    elif output and (outcome.config.errors or not any(v.section for v in verdicts)):
        echo(f"{output} is left as it is: there is nothing complete to write", err=True)
        ctx.exit(WRONG)
    else:
        names = {v.section for v in verdicts}
        try:
            text = _text([s for n, s in outcome.config.sections.items() if n in names])
        except ConfigError as err:
            _tell(err.problems)
            ctx.exit(WRONG)
        _write(text, output)
    ctx.exit(WRONG if outcome.config.errors else OK)


def _tell(problems: Iterable[Problem]) -> None:
    for problem in problems:
        echo(str(problem), err=True)


def _outcome(conf: tuple[str, ...], fresh: bool) -> Outcome:
    """Return the outcome of the plugin for the configuration `conf`."""
    from autopyfactory.config.factory import read_factory
    from autopyfactory.config.fetch import READING, reading
    from autopyfactory.options.binding import Binder
    from autopyfactory.options.problem import ConfigError
    from autopyfactory.plugins.queueconfig.cric import CRIC

    binder = Binder()
    factory = read_factory(conf, {}, binder)
    options, problems = binder.bind(CRIC.Options, factory.section, factory.section)
    if options is None:
        raise ConfigError(problems)
    plugin = CRIC(options.model_copy(update={"sleep": 0.0}) if fresh else options, factory.options)
    plugin.sections, plugin.folder = factory.others, factory.folder
    token = READING.set(replace(reading(), insecure=factory.options.queue_insecure))
    try:
        return plugin.outcome()
    finally:
        READING.reset(token)


def _table(verdicts: Sequence[Verdict]) -> None:
    """Print a line for each record or CE, and a summary."""
    table = Table("PanDA queue", "CE", "selection", "becomes", "why", box=None, pad_edge=False)
    for v in verdicts:
        style = "green" if v.section else "red" if v.broken else "dim"
        cells = (v.record, v.ce, v.selection, v.section or "-", v.reason)
        table.add_row(*cells, style=style)
    screen = wide_console()
    screen.print(table)
    left = Counter(v.reason for v in verdicts if not v.section)
    taken = [v for v in verdicts if v.section]
    screen.print(f"{count(len(taken), 'queue')} of {count(len({v.record for v in taken}), 'PanDA queue')}")
    for reason, number in left.most_common(10):
        screen.print(f"{number} left: {reason}")


def _text(sections: Sequence[Section]) -> str:
    """Return sections as a queues.conf that reads back as exactly these. Raises ConfigError otherwise."""
    from autopyfactory.config.loader import parse_text
    from autopyfactory.options.problem import ConfigError, Problem

    wanted = {s.name: {key: s.values[key].text for key in s.values} for s in sections}
    blocks = ["# made by autopyfactory cric"]
    for name, texts in wanted.items():
        blocks.append("\n".join([f"[{name}]", *(f"{key} = {_value(text)}" for key, text in texts.items())]))
    text = "\n\n".join(blocks) + "\n"
    back = {s.name: {key: s.values[key].text for key in s.values} for s in parse_text(text).sections.values()}
    problems = [
        Problem("error", "cannot be written so that it reads back as itself", section=name, key=key)
        for name in {**wanted, **back}
        for key in {**wanted.get(name, {}), **back.get(name, {}), "": ""}
        if wanted.get(name, {}).get(key) != back.get(name, {}).get(key) or (name in wanted) != (name in back)
    ]
    if problems:
        raise ConfigError(problems)
    return text


def _value(text: str) -> str:
    """Return `text` as the value of a key; further lines are indented."""
    return text.replace("%", "%%").replace("\n", "\n    ") or '""'


def _write(text: str, output: str | None) -> None:
    """Write `text`, for the owner only: defaults files may hold secrets."""
    if output is None:
        echo(text, nl=False)
        return
    # a factory that reads it meanwhile sees the old or the new file
    atomicfile.replace(Path(output), text.encode(), mode=atomicfile.OWNER)
    echo(f"{output} is written", err=True)
