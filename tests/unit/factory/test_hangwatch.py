"""A plugin that hangs is announced once, counted, and announced again when it is over."""

from __future__ import annotations

from dataclasses import dataclass

from autopyfactory.factory.hangwatch import HangWatch


@dataclass
class Queue:
    hangs: str = ""


def test_each_hang_is_told_once_and_counted() -> None:
    told: list[tuple[str, str | None]] = []
    watch = HangWatch(lambda kind, text, queue, code: told.append((kind, queue)))
    queues = {"a": Queue(), "b": Queue("the rule X has not returned for 40 s")}
    for _ in range(3):
        watch.look(queues)
    queues["b"].hangs = ""
    watch.look(queues)
    queues["b"].hangs = "the rule X has not returned for 31 s"
    watch.look(queues)
    assert told == [("problem", "b"), ("recovered", "b"), ("problem", "b")]
    assert watch.total == 2
