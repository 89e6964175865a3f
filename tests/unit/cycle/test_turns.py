"""Queues decide one at a time, and one that hangs hangs alone."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from autopyfactory.cycle.turns import Turns
from patience import PATIENCE


def test_one_at_a_time() -> None:
    turns, inside, most = Turns(), [], []

    def work(n: int) -> None:
        with turns.turn(str(n)):
            inside.append(n)
            most.append(len(inside))
            time.sleep(0.001)
            inside.remove(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert most == [1] * 20


def test_a_rule_that_hangs_costs_the_others_one_wait_and_not_one_in_each_cycle(
    caplog: pytest.LogCaptureFixture,
) -> None:
    turns, begun, end = Turns(patience=0.2), threading.Event(), threading.Event()

    def hang() -> None:
        with turns.turn("BAD"):
            begun.set()
            end.wait(PATIENCE)

    thread = threading.Thread(target=hang)
    thread.start()
    assert begun.wait(PATIENCE)
    with caplog.at_level(logging.WARNING), turns.turn("GOOD"):
        pass
    told = [r.getMessage() for r in caplog.records]
    assert len(told) == 1 and told[0].startswith("queue BAD has been deciding for more than")
    waited = time.process_time()
    for _ in range(1000):  # at 0.2 s each this would be over the limit of the test
        with turns.turn("GOOD"):
            pass
    assert time.process_time() - waited < PATIENCE
    end.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert len(told) == 1


def test_an_exception_gives_the_turn_back() -> None:
    turns = Turns(patience=PATIENCE)
    with pytest.raises(RuntimeError), turns.turn("A"):
        raise RuntimeError
    with turns.turn("B"):
        pass
