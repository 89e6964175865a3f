"""Man pages of the commands, made from the same declarations as `--help`.

`python -m autopyfactory.cli.manpages docs/man` writes those that are shipped.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

SECTION = 1
TITLE = '.TH "{name}" "1" "" "AutoPyFactory 3" "AutoPyFactory"'


def pages(group: click.Group, program: str) -> dict[str, str]:
    """Return the man page of each command of `group`: file name -> text."""
    top = click.Context(group, info_name=program)
    found: dict[str, str] = {}
    for name in group.list_commands(top):
        command = group.get_command(top, name)
        if command is not None and not command.hidden:
            found[f"{program}-{name}.{SECTION}"] = _page(command, name, top)
    return found


def _page(command: click.Command, name: str, parent: click.Context) -> str:
    context = click.Context(command, info_name=name, parent=parent)
    title = context.command_path.replace(" ", "-")
    lines = [
        TITLE.format(name=title.upper()),
        ".SH NAME",
        f"{_text(title)} \\- {_text(command.get_short_help_str(200).rstrip('.'))}",
        *_body(command, context, ".SH"),
    ]
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            child = command.get_command(context, sub)
            if child is not None and not child.hidden:
                inner = click.Context(child, info_name=sub, parent=context)
                lines += [f'.SH "{_text(inner.command_path.upper())}"', *_body(child, inner, ".SS")]
    lines += [".SH SEE ALSO", ".BR autopyfactory (8),", ".BR autopyfactory.conf (5)"]
    return "\n".join(lines) + "\n"


def _body(command: click.Command, context: click.Context, heading: str) -> Iterator[str]:
    yield f"{heading} SYNOPSIS" if heading == ".SH" else ".PP"
    yield f".B {_text(context.command_path)}"
    usage = " ".join(command.collect_usage_pieces(context))
    if isinstance(command, click.Group) and command.invoke_without_command:
        usage = usage.replace(" COMMAND ", " [COMMAND] ")  # so newer versions of click say it themselves
    yield _text(usage)
    if heading == ".SH":
        yield f"{heading} DESCRIPTION"
    else:
        yield ".PP"
    yield from _paragraphs(command.help or "")
    options = [p for p in command.get_params(context) if isinstance(p, click.Option)]
    if rows := [row for row in (p.get_help_record(context) for p in options) if row is not None]:
        yield f"{heading} OPTIONS"
        for names, words in rows:
            yield from (".TP", f".B {_text(names)}", _text(words))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; those that click leaves as they are, too."""
    for number, paragraph in enumerate(inspect.cleandoc(text).split("\n\n")):
        if number:
            yield ".PP"
        as_it_is = paragraph.startswith("\b")
        lines = paragraph.lstrip("\b\n").splitlines()
        if as_it_is:
            yield from (".nf", *(_text(line) for line in lines), ".fi")
        else:
            yield _text(" ".join(line.strip() for line in lines))


def _text(words: str) -> str:
    """Return `words` so that they are printed as they are, in one line."""
    safe = " ".join(words.split()).replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
    return "\\&" + safe if safe[:1] in (".", "'") else safe


def main() -> None:
    """Write the pages into the folder that is named."""
    from autopyfactory.cli.main import cli

    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(cli, "autopyfactory").items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
