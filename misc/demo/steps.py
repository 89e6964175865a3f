"""What the demo is doing while there are no pilots to look at yet: a bar on a terminal, else lines."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)


class Steps:
    """So many steps, told one after the other."""

    def __init__(self, total: int, console: Console | None = None):
        self._total = total
        self._done = 0
        self._console = console or Console()

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Say what is being done, for as long as it takes, and then how long it took."""
        begin = time.monotonic()
        if self._console.is_terminal:
            columns = (SpinnerColumn(), BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}"))
            with Progress(*columns, TimeElapsedColumn(), console=self._console, transient=True) as bar:
                bar.add_task(words, total=self._total, completed=self._done)
                yield
        else:
            self._console.print(f"[{self._done + 1}/{self._total}] {words} ...", markup=False)
            yield
        self._done += 1
        took = time.monotonic() - begin
        self._console.print(f"[{self._done}/{self._total}] {words}: {took:.1f} s", markup=False)
