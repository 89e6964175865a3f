"""The only way to the terminal: what others wrote arrives there as text, and as nothing else.

No escape sequences, no markup, no emoji: a server's message moves no cursor and hides nothing, and what looks
like `:thumbs_down:` stays what it is.
"""

from __future__ import annotations

import io
import sys

import click

from autopyfactory.model.text import visible


def echo(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print `text`, which may be anybody's."""
    click.echo(visible(str(text)), err=err, nl=nl)


def bear_any_text() -> None:
    """Let no character end a command: what the terminal's encoding does not know is written out."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
