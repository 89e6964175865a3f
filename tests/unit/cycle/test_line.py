"""Queues that are woken together get up one after the other, and nobody waits for one that does not."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.cycle.line import LONGEST, Line, Rouse


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


def test_one_that_never_comes_to_decide_lets_the_next_one_go_when_it_sleeps_again() -> None:
    line, queues = Line(), Sleepers("fails", "b", "c")
    for name in ("fails", "b", "c"):
        line.call(queues.rouse(name))
    line.back(queues.rouse("c"))
    assert queues.woken == ["fails"], "it was not c's turn"
    line.back(queues.rouse("fails"))
    assert queues.woken == ["fails", "b"]
    line.back(queues.rouse("fails"))
    line.next()
    line.back(queues.rouse("b"))
    assert queues.woken == ["fails", "b", "c"], "one for each, not two"


def test_nobody_waits_longer_than_a_few_seconds_however_slowly_those_before_get_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("autopyfactory.cycle.line.time", SimpleNamespace(monotonic=lambda: now[0]))
    line, queues = Line(), Sleepers(*"abcdef")
    for name in "abcde":
        line.call(queues.rouse(name))
    now[0] += LONGEST / 2
    line.call(queues.rouse("f"))
    line.next()
    line.look()
    assert queues.woken == ["a", "b"]
    now[0] += LONGEST / 2
    line.look()
    assert queues.woken == ["a", "b", "c", "d", "e", "f"], "f since nobody was woken between two looks"


@given(
    st.lists(
        st.sampled_from(["call a", "call b", "call c", "back a", "back b", "next", "look", "sleep"]),
        max_size=40,
    )
)
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
        if what == "back":
            line.back(queues.rouse(name))
        elif what == "sleep":
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
