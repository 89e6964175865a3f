"""A reload changes what has changed and nothing else, while pilots run on real CEs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from factorybox import Box, Daemon, InProcess, at_ce, last
from patience import until
from testbed.grid import Grid


@pytest.fixture
def box(tmp_path: Path, grid: Grid, request: pytest.FixtureRequest) -> Box:
    box = Box(tmp_path / "f", grid.ap, request.node.name[:30])
    box.work({"a": 3, "b": 3, "c": 2, "d": 2})
    return box


def queue_at(box: Box, grid: Grid, name: str, site: str, **options: str) -> None:
    box.queue(
        name,
        **at_ce(grid, site),
        executable="/bin/sleep",
        **{"executable__arguments": "300", "sched__maxtorun__maximum": "3", **options},
    )


def thread_of(queue: str) -> int | None:
    return next((t.ident for t in threading.enumerate() if t.name == f"queue {queue}"), None)


def test_only_what_changed_is_touched(box: Box, grid: Grid) -> None:
    queue_at(box, grid, "a", "ce1")
    queue_at(box, grid, "b", "ce2")
    queue_at(box, grid, "c", "ce1", sched__maxtorun__maximum="2")
    with InProcess(box) as factory:
        until(lambda: (box.pilots("a"), box.pilots("b"), box.pilots("c")) == (3, 3, 2), "pilots")
        until(lambda: "running 3" in str(running(factory, "a")), "pilots to run at the CE")
        before = box.ads("MATCH_APF_QUEUE", "ClusterId", "ProcId")
        thread, cycles, changed = thread_of("a"), factory.queues["a"].cycles_run, factory.queues["b"]

        queue_at(box, grid, "b", "ce2", sched__maxtorun__maximum="5")  # changed
        del box.queues["c"]  # removed: its pilots stay
        queue_at(box, grid, "d", "ce1", sched__maxtorun__maximum="1")  # added
        box.work({"a": 3, "b": 9, "c": 2, "d": 2})
        box.write()
        report = factory.reload()
        assert report.applied, report.problems
        assert report.changes is not None
        assert (report.changes.added, report.changes.removed, [*report.changes.changed]) == (
            ("d",),
            ("c",),
            ["b"],
        )
        until(lambda: (box.pilots("b"), box.pilots("d")) == (5, 1), "the new numbers")
        assert thread_of("a") == thread
        until(lambda: factory.queues["a"].cycles_run > cycles, "the untouched queue to go on")
        assert factory.queues["b"] is not changed
        assert not changed.alive
        until(lambda: thread_of("c") is None, "the thread of the removed queue to end")
        after = box.ads("MATCH_APF_QUEUE", "ClusterId", "ProcId")
        assert [row for row in before if row not in after] == [], "no pilot was lost"
        assert (box.pilots("a"), box.pilots("c")) == (3, 2)


def running(factory: object, queue: str) -> str:
    record = factory.queues[queue].last  # type: ignore[attr-defined]
    return f"running {record.inputs.batch.running}" if record and record.inputs.batch else ""


def test_a_broken_file_changes_nothing(box: Box) -> None:
    box.queue("a", sched__maxtorun__maximum="3")
    with InProcess(box) as factory:
        until(lambda: box.pilots("a") == 3, "pilots")
        thread = thread_of("a")
        box.queue("a", sched__maxtorun__maximum="many")
        box.write()
        report = factory.reload()
        assert not report.applied
        assert any("sched.maxtorun.maximum" in str(p) and "queues.conf:" in str(p) for p in report.problems)
        assert thread_of("a") == thread
        until(lambda: last(factory, "a").startswith("nothing"), "the queue to go on")


def test_plan_tells_what_reload_then_does(box: Box) -> None:
    box.queue("a", sched__maxtorun__maximum="3")
    box.queue("b", sched__maxtorun__maximum="3")
    daemon = Daemon(box)
    try:
        until(lambda: daemon.socket.exists() and (box.pilots("a"), box.pilots("b")) == (3, 3), "pilots")
        assert "No change" in daemon.ask("plan")["text"]
        box.queue("a", sched__maxtorun__maximum="7")
        del box.queues["b"]
        box.queue("d", sched__maxtorun__maximum="1")
        box.work({"a": 10, "d": 2})
        until(
            lambda: daemon.ask("status", queue="a")["queues"][0]["ready"] == 10,
            "the new amount of work",
        )
        box.write()
        plan = daemon.ask("plan")
        assert plan["accepted"]
        assert "sched.maxtorun.maximum: 3 -> 7" in plan["text"]
        assert "would send 4" in plan["text"]
        assert "would send 1" in plan["text"]
        assert (box.pilots("a"), box.pilots("d")) == (3, 0), "a plan sends nothing"
        done = daemon.ask("reload")
        assert done["applied"]
        until(lambda: (box.pilots("a"), box.pilots("d")) == (7, 1), "what was planned")
        assert box.pilots("b") == 3
        box.queue("a", sched__maxtorun__maximum="9")
        box.write()
        assert "sched.maxtorun.maximum = 7" in daemon.ask("dump", queue="a")["text"], "not yet in force"
    finally:
        daemon.terminate()
