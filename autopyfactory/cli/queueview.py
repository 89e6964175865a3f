"""The rows of all queues: from the running factory, else from the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autopyfactory.api import answers
from autopyfactory.api.rows import SORTS, QueueRow, chosen, row_from_dict
from autopyfactory.cli.link import Link, fail

SILENT = 3  # exit code: no factory answers


@dataclass(frozen=True)
class QueueView:
    """What is to be looked at, once or again and again."""

    link: Link
    queue: str | None = None
    sort: str = "queue"
    words: Sequence[str] = ()
    problems: bool = False
    longest: bool = False
    backwards: bool = False  # the order the other way round

    def look(self) -> tuple[dict[str, Any], list[QueueRow]]:
        """Return the factory's answer (or what the history gives in its place), and the rows to show."""
        try:
            answer = answers.status(self.link, self.queue, longest=self.longest)
        except answers.NoSuchQueue as err:
            fail(str(err))
        except answers.Unknown as err:
            fail(str(err), SILENT)
        try:
            found = chosen(map(row_from_dict, answer["queues"]), self.words)
            rows = sorted(found, key=SORTS[self.sort], reverse=self.backwards)
        except ValueError as err:
            fail(str(err), 2)
        rows = [row for row in rows if row.problems or not self.problems]
        return {**answer, "queues": [row.as_dict() for row in rows]}, rows
