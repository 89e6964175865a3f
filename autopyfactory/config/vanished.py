"""Queues that vanish all at once: more often an accident than an intention.

A file that an editor or a full disk has truncated, a folder that is not mounted, a record server that
answers with half of its records: each would quietly end queues. So would new names for all queues of a file:
to a factory a queue of another name is another queue. Such a configuration is refused unless it is asked for
in so many words; one queue more or less is applied as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from autopyfactory.config.fetch import is_url
from autopyfactory.config.model import Configuration, QueueConfig
from autopyfactory.model.text import count
from autopyfactory.options.problem import Problem, Where

SHOWN = 5  # names of queues that a message lists
HINT = "if that is meant: autopyfactory reload --allow-empty"


def _exists(source: str) -> bool:
    return Path(source).exists()


def vanished(
    old: Configuration, new: Configuration, exists: Callable[[str], bool] = _exists
) -> Iterator[Problem]:
    """Yield an error for each source whose queues are gone in a way that looks like an accident.

    `exists` says whether a file is still there: who deletes a file means it.
    """
    stays = {*new.queues, *new.broken}
    if old.queues and not stays:
        gone = f"{count(len(old.queues), 'queue')} would end"
        yield Problem("error", f"no queue is left in the whole configuration: {gone}", hint=HINT)
        return
    by_source, now = _by_source(old.queues.values()), _by_source(new.queues.values())
    yield from _folder(old.factory.queue_dir_conf, by_source, stays)
    for source, names in by_source.items():
        gone_here = [n for n in names if n not in stays]
        if not gone_here:
            continue
        if _is_list_of_others(source, old.queues[names[0]]):
            if len(gone_here) * 2 > len(names):
                what = f"{len(gone_here)} of its {count(len(names), 'queue')} are gone"
                yield _problem(source, what, gone_here)
        elif len(gone_here) == len(names) and exists(source):
            yield _problem(source, _emptied(len(names), now.get(source, [])), gone_here)


def _emptied(gone: int, others: list[str]) -> str:
    """Say what became of a file that has lost all its queues: nothing is in it, or other names are."""
    if not others:
        return "no queue is left in it"
    all_of_them = "its queue has" if gone == 1 else f"all its {gone} queues have"
    there = f"{count(len(others), 'queue')} of other names, {', '.join(others[:SHOWN])}"
    more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    return f"{all_of_them} gone, and there {'is' if len(others) == 1 else 'are'} {there}{more} (renamed?)"


def _folder(folder: str | None, by_source: Mapping[str, list[str]], stays: set[str]) -> Iterator[Problem]:
    """Yield an error when all files of the folder of queues are gone at once: it is not mounted, say.

    One file is as likely to be deleted on purpose.
    """
    inside = [n for source, n in by_source.items() if folder and Path(source).parent == Path(folder)]
    names = [name for file in inside for name in file]
    if folder and len(inside) > 1 and stays.isdisjoint(names):
        words = f"no queue is left of its {count(len(inside), 'file')}"
        yield Problem("error", words, Where(folder), hint=HINT)


def _is_list_of_others(source: str, queue: QueueConfig) -> bool:
    """Whether `source` is kept by others: a URL, or records that are not sections of an INI file."""
    return is_url(source) or queue.section.where is None or not queue.section.where.line


def _by_source(queues: Iterable[QueueConfig]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for queue in queues:
        if queue.section.where is not None:
            found.setdefault(queue.section.where.source, []).append(queue.name)
    return found


def _problem(source: str, what: str, names: list[str]) -> Problem:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return Problem("error", f"{what}: {', '.join(names[:SHOWN])}{more} would end", Where(source), hint=HINT)
