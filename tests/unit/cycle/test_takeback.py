"""Pilots are taken back when two answers of all sources agree that they are too many, or a queue drains."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.plugins.base import SubmitUnknown
from cycleworld import APause, World
from fakes import Want


def test_pilots_counted_twice_for_a_moment_are_not_taken_back(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5)])
    w.poll()
    w.cycle()  # five are sent; the next snapshot, asked for before the confirmation, shows them already
    w.queue.parts.chain[0].n = -3
    record = w.cycle()
    assert (record.outcome, w.submit.retired) == ("nothing", 0)
    assert "5 are not visible" in record.reason


def test_one_pilot_is_not_visible_and_not_are(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(1)])
    w.poll()
    w.cycle()
    w.queue.parts.chain[0].n = -3
    assert w.cycle().reason == "3 too many, but 1 is not visible"


def test_a_negative_number_retires(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(-3)])
    w.poll()
    record = w.cycle()
    assert (record.outcome, w.submit.retired) == ("nothing", 0)
    assert record.reason == "3 too many, if later answers of all sources agree"
    assert w.cycle().outcome == "nothing"  # the same answers are no second ones
    w.clock.advance(1)
    w.poll()
    record = w.cycle()
    assert (record.outcome, record.retired, w.submit.retired) == ("retired", 3, 3)


def test_a_demand_that_collapses_in_one_answer_takes_nothing_back(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(-3)])
    for n in (-3, 0, -3, 2, -3):
        w.queue.parts.chain[0].n = n
        w.clock.advance(1)
        w.poll()
        w.cycle()
    assert w.submit.retired == 0


@pytest.mark.parametrize(("most", "gone"), [(2, 2), (0, 0), (50, 3)])
def test_one_cycle_takes_back_as_many_as_it_may(tmp_path: Path, most: int, gone: int) -> None:
    w = World(tmp_path, [Want(-3)], most_taken_back=most)
    for _ in range(2):
        w.clock.advance(1)
        w.poll()
        record = w.cycle()
    assert (record.retired, w.submit.retired) == (gone, gone)
    assert record.outcome == ("retired" if gone else "nothing")
    assert ("apfqueue.maxretire is 0" in record.reason) is (most == 0)


def test_pilots_that_end_by_themselves_are_left_to_it(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(-3)])
    w.submit.retire = lambda *_: 0  # type: ignore[method-assign]
    for _ in range(2):
        w.clock.advance(1)
        w.poll()
        record = w.cycle()
    assert (record.outcome, record.reason) == ("nothing", "3 pilots too many: they end by themselves")


def test_a_draining_queue_takes_back_what_does_not_run(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5)])
    w.batch.queues["q"] = BatchQueueInfo(pending=4, running=2)
    w.poll()
    w.pause = APause("drained", drains=True)
    record = w.cycle()
    assert (record.outcome, record.retired, w.submit.retired, w.submit.sent) == ("paused", 4, 4, 0)


def test_a_draining_queue_takes_nothing_back_by_what_it_does_not_know(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5)])
    w.batch.queues["q"] = BatchQueueInfo(pending=4)
    w.poll()
    w.pause = APause("drained", drains=True)
    w.block = ("the ledger is gone",)
    assert (w.cycle().outcome, w.submit.retired) == ("paused", 0)


@pytest.mark.parametrize("drains", [False, True])
def test_a_schedd_that_does_not_say_what_it_took_back_is_no_internal_error(
    tmp_path: Path, drains: bool
) -> None:
    world = World(tmp_path, [Want(-3)])
    world.batch.queues["q"] = BatchQueueInfo(pending=4)
    world.pause = APause("draining", drains=True) if drains else None

    def lost(n: int, deadline: float, started_before: float | None = None) -> int:
        raise SubmitUnknown("pilots may or may not have been taken back: no answer within 60 s")

    world.submit.retire = world.submit.withdraw = lost  # type: ignore[method-assign]
    for _ in range(2):  # a surplus needs two answers
        world.clock.advance(1)
        world.poll()
        record = world.cycle()
    assert (record.outcome, record.reason[:38]) == ("failed", "pilots may or may not have been taken ")
    assert record.inputs is not None and record.decision is not None and record.wanted == -3
