"""Queues that are woken together get up one after the other, and nobody waits for one that does not."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.cycle.line import Line, Rouse


class Sleepers:
    """Queues that sleep, and what was woken of them."""

    def __init__(self, *names: str) -> None:
        self.asleep = set(names)
        self.woken: list[str] = []
        self._rouse: dict[str, Rouse] = {}

    def rouse(self, name: str) -> Rouse:
        def rouse() -> bool:
            self.woken.append(name)
            slept = name in self.asleep
            self.asleep.discard(name)
            return slept

        return self._rouse.setdefault(name, rouse)


def test_the_next_gets_up_when_one_comes_to_decide() -> None:
    line, queues = Line(), Sleepers("a", "b", "c")
    for name in ("a", "b", "b", "c"):
        line.call(queues.rouse(name))
    assert queues.woken == ["a"]
    line.next()
    assert queues.woken == ["a", "b"]
    line.next()
    line.next()
    line.next()
    assert queues.woken == ["a", "b", "c"]
    queues.asleep.add("a")
    line.call(queues.rouse("a"))
    assert queues.woken[3:] == ["a"], "nobody is getting up any more"


def test_one_that_is_awake_lets_the_next_one_go_first() -> None:
    line, queues = Line(), Sleepers("a", "c")
    for name in ("a", "busy", "c"):
        line.call(queues.rouse(name))
    line.next()
    assert queues.woken == ["a", "busy", "c"]


def test_one_that_hangs_before_it_decides_keeps_the_others_for_a_moment_only() -> None:
    line, queues = Line(), Sleepers("hangs", "b", "c")
    for name in ("hangs", "b", "c"):
        line.call(queues.rouse(name))
    line.look()
    assert queues.woken == ["hangs"], "it has just been woken"
    line.look()
    assert queues.woken == ["hangs", "b"]
    line.next()
    line.look()
    line.look()
    assert queues.woken == ["hangs", "b", "c"]


@given(st.lists(st.sampled_from(["call a", "call b", "call c", "next", "look", "sleep"]), max_size=40))
def test_whoever_is_called_is_woken(steps: list[str]) -> None:
    line, queues = Line(), Sleepers("a", "b", "c")
    called: set[str] = set()
    for step in steps:
        what, _, name = step.partition(" ")
        if what == "call":
            before = len(queues.woken)
            line.call(queues.rouse(name))
            called.add(name)
            called -= set(queues.woken[before:])
            continue
        before = len(queues.woken)
        if what == "sleep":
            queues.asleep |= {"a", "b", "c"}
        else:
            getattr(line, what)()
        called -= set(queues.woken[before:])
    for _ in range(8):  # whatever hangs: within two looks for each
        before = len(queues.woken)
        line.look()
        called -= set(queues.woken[before:])
    assert not called


def test_a_thousand_that_are_called_by_several_threads_all_get_up() -> None:
    line, up = Line(), threading.Semaphore(0)

    def rouse(n: int) -> Rouse:
        def wake() -> bool:
            up.release()
            threading.Thread(target=line.next).start()
            return True

        return wake

    sleepers = [rouse(n) for n in range(400)]
    callers = [
        threading.Thread(target=lambda part=part: [line.call(one) for one in sleepers[part::4]])
        for part in range(4)
    ]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert all(up.acquire(timeout=60) for _ in sleepers)
