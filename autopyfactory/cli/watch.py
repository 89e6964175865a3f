"""`autopyfactory status --watch`: the table again and again; keys choose order and rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType

from autopyfactory.api.rows import SORTS, QueueRow, chosen
from autopyfactory.cli.keys import Keys, keys
from autopyfactory.cli.queueview import QueueView
from autopyfactory.cli.screen import styled

if TYPE_CHECKING:
    from rich.live import Live

HELP = "s: sort by the next column  r: the other way round  /: filter  p: only problems  q: end"

Draw = Callable[[dict[str, Any], Sequence[QueueRow], int], RenderableType]


class Watch:
    """What is looked at, and what was pressed."""

    def __init__(self, view: QueueView):
        self.view = view
        self.over = False
        self.typing: str | None = None  # the filter that is being typed
        self.wrong = ""  # what is wrong with the last one

    def press(self, pressed: str) -> None:
        """Do what these keys say."""
        for key in pressed if not pressed.startswith("\x1b") else "\x1b":  # arrows and the like are none
            if self.typing is not None:
                self._type(key)
            elif key == "s":
                names = sorted(SORTS)
                self.view = replace(self.view, sort=names[(names.index(self.view.sort) + 1) % len(names)])
            elif key == "r":
                self.view = replace(self.view, backwards=not self.view.backwards)
            elif key == "p":
                self.view = replace(self.view, problems=not self.view.problems)
            elif key == "/":
                self.typing, self.wrong = " ".join(self.view.words), ""
            elif key in ("q", "Q"):
                self.over = True

    def _type(self, key: str) -> None:
        assert self.typing is not None
        if key in ("\r", "\n"):
            words = tuple(self.typing.split())
            try:
                chosen((), words)
            except ValueError as err:
                self.wrong = str(err)
            else:
                self.view = replace(self.view, words=words)
            self.typing = None
        elif key == "\x1b":
            self.typing = None
        elif key in ("\x7f", "\b"):
            self.typing = self.typing[:-1]
        elif key.isprintable():
            self.typing += key

    @property
    def foot(self) -> str:
        """Return the line below the table."""
        if self.typing is not None:
            return f"filter (name, held>0, state=paused): {self.typing}_"
        order = f"sorted by {self.view.sort}{' backwards' if self.view.backwards else ''}"
        words = f"  filter: {' '.join(self.view.words)}" if self.view.words else ""
        only = "  only problems" if self.view.problems else ""
        return f"{self.wrong or HELP}  [{order}{words}{only}]"


def watch(view: QueueView, seconds: float, screen: Console, draw: Draw) -> None:
    """Show the view every `seconds` until somebody ends it; in a pipe or file one after the other."""
    from rich.live import Live

    if not screen.is_terminal:
        while True:
            screen.print(draw(*view.look(), screen.width))
            screen.file.flush()
            time.sleep(seconds)
    state = Watch(view)
    with Live(console=screen, screen=True, auto_refresh=False) as live, keys() as pressed:
        while not state.over:
            table = draw(*state.view.look(), screen.width)
            _wait(state, pressed, seconds, partial(_show, live, table, state))


def _show(live: Live, table: RenderableType, state: Watch) -> None:
    live.update(Group(table, styled((state.foot, "dim"))), refresh=True)


def _wait(state: Watch, pressed: Keys, seconds: float, show: Callable[[], None]) -> None:
    """Show, and take keys, until it is time to look again, or a key asks for other rows."""
    end = time.monotonic() + seconds
    show()
    while not state.over and (left := end - time.monotonic()) > 0:
        before = state.view
        if (said := pressed.wait(left)) is not None:
            state.press(said)
            if state.view is not before:
                return
            show()
