"""What pilots did lately, read from a real schedd, reaches the rules that need it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autopyfactory.factory.factory import Factory
from autopyfactory.model.record import CycleRecord
from factorybox import Box, InProcess, last
from patience import until
from testbed.pool import SITE, Pool


def throttled(factory: Factory) -> CycleRecord | None:
    """Return q1's last cycle if Throttle let one pilot through in it, by at least four that have ended."""
    record = factory.queues["q1"].last
    history = record.inputs.history if record is not None and record.inputs is not None else None
    return record if record and history and history.finished >= 4 and "1 pilot to" in record.reason else None


def test_short_pilots_are_counted_and_throttled(tmp_path: Path, make_pool: Callable[..., Pool]) -> None:
    box = Box(tmp_path / "f", make_pool("site", SITE), "short-lived")
    box.queue(
        "q1",
        schedplugin="Ready, MaxPerCycle, Throttle",
        sched__maxpercycle__maximum="4",
        sched__throttle__maxtime="30",
        sched__throttle__submit="1",
        executable="/bin/true",
        breaker__enabled="False",  # it would stop the queue altogether
        batchsubmit__condorlocal__condor_attributes="request_memory=100, request_disk=1024",
    )
    box.work({"q1": 50})
    with InProcess(box) as factory:
        record = until(lambda: throttled(factory), "Throttle to bite")
        assert record.inputs is not None and record.decision is not None
        history = record.inputs.history
        assert history is not None
        assert history.failed == 0
        assert history.short == history.finished
        assert history.start_latency is not None and 0 <= history.start_latency < 60
        assert history.submitted_total >= history.finished
        assert record.decision.steps[-1].plugin == "Throttle"
        assert record.decision.n == 1


def test_a_schedd_whose_history_does_not_answer_holds_back(
    tmp_path: Path, make_pool: Callable[..., Pool]
) -> None:
    pool = make_pool("nohistory", HISTORY_HELPER="/bin/false", HISTORY="")
    box = Box(tmp_path / "f", pool, "no-history")
    box.queue("q1", schedplugin="Ready, Throttle")
    box.work({"q1": 5})
    with InProcess(box) as factory:
        until(lambda: "history of pilots" in last(factory, "q1"), "the reason")
        assert last(factory, "q1").startswith("held back")
        assert box.pilots() == 0
