"""What never changes is found out once for each object, and nobody waits for another one's answer."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from autopyfactory.model.once import once
from patience import PATIENCE


@dataclass(frozen=True)
class Thing:
    """It knows its double, as soon as it may."""

    n: int
    may: threading.Event
    asked: list[int]

    @once
    def double(self) -> int:
        """Return twice the number."""
        self.asked.append(self.n)
        assert self.may.wait(PATIENCE)
        return 2 * self.n


def test_it_is_found_out_once_for_each_object() -> None:
    may, asked = threading.Event(), list[int]()
    may.set()
    one, two = Thing(1, may, asked), Thing(2, may, asked)
    assert [one.double, two.double, one.double, two.double] == [2, 4, 2, 4]
    assert asked == [1, 2]
    assert Thing.double.__doc__ == "Return twice the number."


def test_who_hangs_keeps_nobody_else_waiting() -> None:
    never, now, asked = threading.Event(), threading.Event(), list[int]()
    now.set()
    slow, told = Thing(3, never, asked), list[int]()
    threads = [threading.Thread(target=lambda: told.append(slow.double)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert Thing(4, now, asked).double == 8
    never.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert told == [6, 6]
