"""The only way to the terminal: what others wrote arrives there as text, and as nothing else.

No escape sequences, no markup, no emoji: a server's message moves no cursor and hides nothing, and what looks
like `:thumbs_down:` stays what it is.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from autopyfactory.model.text import visible


class _Terminal(Console):
    def render_str(self, text: str, **kwargs: Any) -> Text:
        """Make plain text of a string, whatever is in it."""
        return super().render_str(visible(text), **{**kwargs, "markup": False, "emoji": False})


def console(width: int | None = None) -> Console:
    """Return a console for tables."""
    return _Terminal(width=width, highlight=False, markup=False, emoji=False)


def wide_console() -> Console:
    """Return the console for tables; what goes into a pipe or a file is not wrapped at 80 columns."""
    made = console()
    return made if made.is_terminal else console(200)


def styled(*parts: str | tuple[str, str]) -> Text:
    """Return a line made of texts, each plain or with its style."""
    return Text.assemble(*(visible(p) if isinstance(p, str) else (visible(p[0]), p[1]) for p in parts))


def echo(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print `text`, which may be anybody's."""
    click.echo(visible(str(text)), err=err, nl=nl)


def bear_any_text() -> None:
    """Let no character end a command: what the terminal's encoding does not know is written out."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
