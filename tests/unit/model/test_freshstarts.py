"""Work that a pilot has just taken is not sent for again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.decision import CycleInputs
from autopyfactory.model.freshstarts import Starts
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.plugins.sched.ready import Ready, ReadyOptions
from fakes import context


def test_starts_count_until_the_wms_was_asked_later() -> None:
    starts = Starts()
    starts.note(10, 3)  # what ran before we looked is no start
    starts.note(10, 9)  # the same snapshot
    starts.note(20, 7)
    starts.note(30, 7)
    starts.note(40, 5)  # two ended
    starts.note(50, 6)
    assert [starts.since(t) for t in (5, 19, 20, 49, 50)] == [5, 5, 1, 1, 0]


def ready(**known: int) -> int:
    inputs = CycleInputs(
        "q",
        wms=WMSQueueInfo(ready=9),
        batch=BatchQueueInfo(pending=1, running=8),
        starting=known.get("starting", 0),
    )
    return Ready(ReadyOptions(), context()).calc(0, inputs).n_out


def test_ready_takes_them_for_pending() -> None:
    assert ready() == 8
    assert ready(starting=8) == 0
    assert ready(starting=20) == 0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60), st.integers(0, 70))
def test_never_more_starts_than_there_were(moves: list[tuple[int, int]], moment: int) -> None:
    """`moves`: pilots that really started and ended between two snapshots, one second apart."""
    starts, running, real = Starts(), 0, []
    for second, (started, ended) in enumerate(moves, 1):
        running += started - min(ended, running)
        real.append((second, started))
        starts.note(float(second), running)
    assert starts.since(moment) <= sum(n for second, n in real if second > moment)
    assert starts.since(len(moves)) == 0
    assert starts.since(moment) >= starts.since(moment + 1)


def test_only_a_bounded_number_of_snapshots_is_kept() -> None:
    starts = Starts()
    for second in range(1, 1001):
        starts.note(float(second), second)
    assert starts.since(0) == 50
