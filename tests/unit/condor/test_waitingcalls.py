"""One at a time, in the order in which they came; who goes leaves nobody behind."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from autopyfactory.condor.waitingcalls import Ask, WaitingCalls
from patience import PATIENCE, until


def test_the_turn_goes_to_who_waits_the_longest_and_its_call_is_begun_before():
    turns, begun = WaitingCalls(), []
    first, second, third = Ask("1"), Ask("2"), Ask("3")
    assert turns.enter(first) and turns.taken
    assert not turns.enter(second) and not turns.enter(third)
    assert not turns.wait(second, 0.0)
    turns.give(begun.append)
    assert begun == [second]
    assert turns.wait(second, PATIENCE) and not turns.wait(third, 0.0)
    turns.give()
    assert turns.wait(third, PATIENCE)
    turns.give(begun.append)
    assert not turns.taken and begun == [second], "nobody is left"


def test_who_leaves_is_passed_over_and_who_has_just_got_the_turn_has_to_go_on():
    turns = WaitingCalls()
    first, second, third = Ask("1"), Ask("2"), Ask("3")
    turns.enter(first), turns.enter(second), turns.enter(third)
    assert turns.leave(second)
    turns.give()
    assert not turns.leave(third)
    turns.give()
    assert not turns.taken


def test_who_leaves_while_its_call_is_begun_waits_until_that_is_done():
    turns, hold = WaitingCalls(), threading.Event()
    first, second = Ask("1"), Ask("2")
    turns.enter(first), turns.enter(second)

    def begin(ask):
        assert hold.wait(PATIENCE)
        ask.unsent = memoryview(b"")

    with ThreadPoolExecutor(2) as pool:
        giving = pool.submit(turns.give, begin)
        until(lambda: turns._holder is second)
        leaving = pool.submit(turns.leave, second)
        time.sleep(0.05)
        assert not leaving.done()
        hold.set()
        assert leaving.result(PATIENCE) is False
        assert second.unsent is not None
        giving.result(PATIENCE)


def test_a_defect_in_beginning_keeps_nobody_waiting():
    turns = WaitingCalls()
    first, second = Ask("1"), Ask("2")
    turns.enter(first), turns.enter(second)
    with pytest.raises(ZeroDivisionError):
        turns.give(lambda ask: 1 / 0)
    assert turns.wait(second, PATIENCE)


@pytest.mark.parametrize("seed", range(4))
def test_many_who_come_and_leave(seed):
    """Never two at a time, and nobody is forgotten."""
    turns, inside, most, had = WaitingCalls(), [], [], []

    def one(number: int) -> None:
        dice = random.Random(seed * 1000 + number)
        for _ in range(100):
            ask = Ask(str(number))
            mine = turns.enter(ask) or turns.wait(ask, dice.choice((0.0, 0.0001, PATIENCE)))
            if not mine and turns.leave(ask):
                continue
            inside.append(number)
            most.append(len(inside))
            had.append(number)
            inside.remove(number)
            turns.give(dice.choice((None, lambda ask: None)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    assert max(most) == 1
    assert not turns.taken and not turns._waiting
    assert len(had) > 100
