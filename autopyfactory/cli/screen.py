"""Tables and colours on the terminal, for text that may be anybody's: no markup, no emoji in it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from autopyfactory.model.text import visible


class _Terminal(Console):
    def render_str(self, text: str, **kwargs: Any) -> Text:
        """Make plain text of a string, whatever is in it."""
        return super().render_str(visible(text), **{**kwargs, "markup": False, "emoji": False})


class _Piped(_Terminal):
    def print(self, *objects: Any, **kwargs: Any) -> None:
        """Print without the blanks that fill a table's lines up: they are for nobody to read."""
        with self.capture() as taken:
            super().print(*objects, **kwargs)
        self.file.write("".join(f"{line.rstrip()}\n" for line in taken.get().splitlines()))


def console(width: int | None = None) -> Console:
    """Return a console for tables."""
    return _Terminal(width=width, highlight=False, markup=False, emoji=False)


ENDLESS = 20_000  # columns: no row of a table is as wide


def wide_console() -> Console:
    """Return the console for tables; in a pipe or a file each row is one line, however long."""
    made = console()
    return made if made.is_terminal else _Piped(width=ENDLESS, highlight=False, markup=False, emoji=False)


def styled(*parts: str | tuple[str, str]) -> Text:
    """Return a line made of texts, each plain or with its style."""
    return Text.assemble(*(visible(p) if isinstance(p, str) else (visible(p[0]), p[1]) for p in parts))
