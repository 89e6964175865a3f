"""What counts as work that moves."""

from datetime import timedelta

import pytest

from autopyfactory.model.info import WMSQueueInfo
from autopyfactory.model.record import FactoryEvent
from autopyfactory.why.work import Still, WorkWatch
from cyclekit import cycle


def watched(*counts: WMSQueueInfo) -> Still | None:
    from dataclasses import replace

    watch = WorkWatch()
    for n, wms in enumerate(counts):
        record = cycle(0)
        assert record.inputs is not None
        inputs = replace(record.inputs, wms=wms)
        watch.note(replace(record, inputs=inputs, started=record.started + timedelta(seconds=60 * n)))
    return watch.of("A")


FIRST = cycle(0).started.timestamp()


def test_more_work_that_waits_is_no_movement() -> None:
    found = watched(WMSQueueInfo(ready=3), WMSQueueInfo(ready=3), WMSQueueInfo(ready=5))
    assert found == Still(FIRST, ready=5, running=0)


@pytest.mark.parametrize(
    "now", [WMSQueueInfo(ready=2), WMSQueueInfo(ready=3, running=1), WMSQueueInfo(ready=3, done=1),
            WMSQueueInfo(ready=3, failed=1)],
)  # fmt: skip
def test_work_that_is_taken_or_done_moves(now: WMSQueueInfo) -> None:
    assert watched(WMSQueueInfo(ready=3), now) == Still(FIRST + 60, now.ready, now.running)


def test_without_work_there_is_nothing_to_move() -> None:
    assert watched(WMSQueueInfo()) is None
    assert watched() is None
    watch = WorkWatch()
    watch.note(FactoryEvent("started", cycle(0).started))
    assert watch.of("A") is None
