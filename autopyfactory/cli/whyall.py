"""`autopyfactory why` without a queue: everything that is wrong, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from autopyfactory.api.rows import QueueRow
from autopyfactory.cli.link import Link
from autopyfactory.cli.output import print_json
from autopyfactory.cli.queueview import QueueView
from autopyfactory.cli.terminal import echo
from autopyfactory.model.serialize import to_full
from autopyfactory.model.text import capital, count, sentence, some
from autopyfactory.why.problems import Trouble, together
from autopyfactory.why.render import cause_lines


def all_queues(link: Link, *, as_json: bool) -> None:
    """Print what is wrong with any queue of the factory that `link` leads to."""
    answer, rows = QueueView(link).look()
    found = together({row.queue: row.problems for row in rows})
    if as_json:
        troubles = [to_full(t) for t in found]
        print_json({"at": answer["at"], "troubles": troubles, "notes": answer["notes"]})
        return
    for line in _lines(answer, rows, found):
        echo(line)


def _lines(answer: dict[str, Any], rows: Sequence[QueueRow], found: Sequence[Trouble]) -> Iterator[str]:
    now = datetime.fromisoformat(answer["at"])
    troubled = sum(bool(row.problems) for row in rows)
    said = f"something is wrong with {troubled}" if troubled else "nothing is wrong"
    source = "the running factory" if answer["started"] else "the history"
    yield f"{answer['factory']}, {count(len(rows), 'queue')}: {said} (from {source})"
    for trouble in found:
        yield ""
        yield f"{some(trouble.queues)}:"
        yield from cause_lines(trouble.cause, now)
        if trouble.cause.next:
            yield f"    Next: {capital(sentence(trouble.cause.next))}"
    for note in answer["notes"]:
        yield f"\n({note})"
    if troubled:
        yield "\n`autopyfactory why QUEUE` tells more of one."
