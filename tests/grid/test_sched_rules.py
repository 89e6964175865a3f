"""Rules that depend on other queues or on earlier cycles, in a running factory on a real schedd."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from factorybox import Box, InProcess, last
from patience import until
from testbed.pool import SITE, Pool


def steady(count: Callable[[], int], seconds: float = 4.0) -> set[int]:
    """Return every number that `count` gives for a while: some cycles of all queues."""
    end = time.monotonic() + seconds
    seen = set()
    while time.monotonic() < end:
        seen.add(count())
        time.sleep(0.3)
    return seen


def test_queues_that_share_a_wms_queue_send_its_demand_once(tmp_path: Path, ap: Pool) -> None:
    box = Box(tmp_path / "f", ap, "sharing")
    weights = {"a": 1, "b": 2, "c": 0.5}
    for name, weight in weights.items():
        box.queue(name, wmsqueue="W", schedplugin="Ready, Share", sched__share__weight=str(weight))
    box.work({"W": 35})
    with InProcess(box):
        until(lambda: box.pilots() >= 35, "pilots for all the work")
        assert steady(box.pilots) == {35}
        assert {name: box.pilots(name) for name in weights} == {"a": 10, "b": 20, "c": 5}


def test_queues_at_one_ce_keep_to_its_limit_together(tmp_path: Path, ap: Pool) -> None:
    box = Box(tmp_path / "f", ap, "one-ce")
    for number in range(4):
        box.queue(f"q{number}", schedplugin="Ready, MaxPerCE", sched__maxperce__maximum="21")
    box.work({f"q{number}": 50 for number in range(4)})
    with InProcess(box):
        until(lambda: box.pilots() >= 21, "the limit to be reached")
        assert steady(box.pilots) == {21}


def test_adaptive_takes_back_what_waits_when_the_work_has_gone(
    tmp_path: Path, make_pool: Callable[..., Pool]
) -> None:
    box = Box(tmp_path / "f", make_pool("adaptive", SITE, NUM_SLOTS="2", NUM_SLOTS_TYPE_1="2"), "adaptive")
    box.queue(
        "q1",
        schedplugin="Adaptive, MaxPending",
        sched__adaptive__reserve="0",
        sched__maxpending__maximum="50",
        executable="/bin/sleep",
        executable__arguments="300",
    )
    box.work({"q1": 6})
    with InProcess(box) as factory:
        running = lambda: [row for row in box.ads("JobStatus") if row == ["2"]]  # noqa: E731
        until(lambda: len(running()) == 2, "two pilots to run")
        box.work({"q1": 4}, {"q1": 2})
        # A cycle between two starts and that word of them saw six jobs beside four that wait, and sent two.
        until(lambda: "4 pending wanted, " in reason(factory), "the work to be known")
        assert 6 <= box.pilots() <= 8

        box.work({"q1": 0})
        until(lambda: box.pilots() == 2, "all that wait to be taken back")
        assert len(running()) == 2
        until(lambda: "nothing to do" in reason(factory), "rest")
        history = lambda: factory.queues["q1"].last.inputs.history  # noqa: E731
        until(lambda: history() is not None and history().started == 2, "the history to know of both")
        assert history().submitted_total >= 6, "more than that if the first answers came late"
        assert history().failed == 0


def test_a_demand_that_collapses_in_one_answer_retires_nothing_that_runs(
    tmp_path: Path, make_pool: Callable[..., Pool]
) -> None:
    """Whatever the rule: here one that is told to remove running pilots, which a second answer lets it do."""
    pool = make_pool("collapse", SITE, NUM_SLOTS="3", NUM_SLOTS_TYPE_1="3")
    box = Box(tmp_path / "f", pool, "collapse")
    box.queue(
        "q1",
        schedplugin="WeightedActivated, KeepNRunning",
        sched__weightedactivated__pending="0",
        wmsstatus__file__sleep="10",
        batchsubmit__condorlocal__peaceful="False",
        executable="/bin/sleep",
        executable__arguments="600",
    )
    box.work({"q1": 3})
    running = lambda: [row for row in box.ads("JobStatus", "ClusterId", "ProcId") if row[0] == "2"]  # noqa: E731
    with InProcess(box) as factory:
        until(lambda: len(running()) == 3, "three pilots to run")
        before = running()

        box.work({"q1": 0})
        until(lambda: "3 too many, if later answers" in words(factory), "the demand to be gone")
        box.work({"q1": 3})  # seconds before it is asked for again
        until(lambda: "too many" not in words(factory), "it to be back")
        assert steady(lambda: len(running())) == {3}
        assert running() == before

        box.work({"q1": 0})
        until(lambda: box.pilots() == 0, "all to be removed, since two answers agree")


def words(factory) -> str:
    return last(factory, "q1")


def reason(factory) -> str:
    record = factory.queues["q1"].last
    return record.decision.steps[0].reason if record and record.decision else last(factory, "q1")
