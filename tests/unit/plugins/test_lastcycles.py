"""What one queue lets others know."""

from __future__ import annotations

import pytest

from autopyfactory.model.record import FactoryEvent
from autopyfactory.plugins.lastcycles import Board, overflow
from cyclekit import FIXED, MUTE, PENDING, PER_CYCLE, READY, cycle
from fakes import FakeClock


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (cycle(0), 0),
        (cycle(8), 0),  # all of it is sent
        (cycle(83), 0),  # only paced: the rest is sent in the next cycles
        (cycle(83, running=50), 83),  # full
        (cycle(83, pending=20, running=30), 63),
        (cycle(83, running=45), 78),  # five more fit, and are sent
        (cycle(83, pending=15, chain=(READY, PENDING)), 63),
        (cycle(83, chain=(READY, MUTE)), 80),  # says nothing of itself: taken for a limit
        (cycle(83, chain=(READY, FIXED, PER_CYCLE)), 0),  # the last start is what the queue wants
        (cycle(83, chain=(READY, FIXED, PENDING)), 10),
        (cycle(83, outcome="paused"), 83),
        (cycle(83, outcome="failed", chain=(READY,)), 83),
        (cycle(5, chain=(READY,), caps=("ce:x is full",), sent=()), 5),
        (cycle(83, outcome="held back", gate=("batch status 400 s old",)), None),
        (cycle(83, inputs=None), None),
    ],
)
def test_overflow_is_what_a_queue_has_no_room_for(record, expected):
    assert overflow(record) == expected


def test_the_board_holds_the_last_cycle_of_each_queue():
    board = Board(FakeClock())
    assert board.last("A") is None
    board.note(cycle(1))
    last = cycle(2, ages={"wms": 90.0, "batch": 20.0})
    board.note(last)
    board.note(FactoryEvent("reloaded", last.started))
    note = board.last("A")
    assert note is not None and note.record is last
    board.clock.advance(30)
    assert note.age(board.clock.monotonic()) == 120


def test_boards_know_nothing_of_each_other():
    one, other = Board(), Board()
    one.note(cycle(1))
    assert other.last("A") is None
