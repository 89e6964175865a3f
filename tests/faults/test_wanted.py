"""What runs is what is wanted, whatever reloads, plugins and disks do: on a real access point."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.api import commands
from autopyfactory.config.build import load
from autopyfactory.config.model import Configuration
from autopyfactory.cycle import doing
from autopyfactory.factory.factory import Factory
from autopyfactory.pauses import Pause
from autopyfactory.plugins.batchsubmit.condorlocal import CondorLocal
from autopyfactory.plugins.sched.maxtorun import MaxToRun
from factorybox import Box, InProcess, last
from held import as_before, calm
from patience import PATIENCE, until
from testbed.pool import Pool


@pytest.fixture
def box(tmp_path: Path, ap: Pool, request: pytest.FixtureRequest) -> Iterator[Box]:
    """A factory of this test's own on the module's access point."""
    name = f"w-{request.node.name}"[:40]
    yield Box(tmp_path / "f", ap, name)
    ap.run_client("condor_rm", "-const", f'ApfFactory == "{name}"', check=False)


def threads_of(queue: str) -> int:
    return sum(t.name == f"queue {queue}" for t in threading.enumerate())


def reload(factory: Factory, box: Box, **options: Any) -> bool:
    box.write()
    return factory.reload(**options).applied


def as_it_is(box: Box) -> Configuration:
    """Load the configuration without writing it first."""
    return load([str(box.folder / "factory.conf")])


class Hang:
    """Submissions that hang from now on, until they are let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.go.set()


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hang]:
    """Make submissions hang until it is called, or the test ends."""
    it = Hang()
    submit = CondorLocal.submit_to

    def slow(self: CondorLocal, identity: str, n: int, tag: str, deadline: float) -> Any:
        it.begun.set()
        it.go.wait(PATIENCE)
        return submit(self, identity, n, tag, deadline)

    monkeypatch.setattr(CondorLocal, "submit_to", slow)
    yield it
    it()


def test_changed_then_disabled_before_the_next_look_it_does_not_run_on(box: Box, hang: Hang) -> None:
    box.queue("q", sched__maxtorun__maximum="5")
    box.work({"q": 1000})
    with InProcess(box) as factory:
        until(lambda: box.folder.joinpath("state/ledger.db").exists() and threads_of("q"), "the queue")
        box.queue("q", sched__maxtorun__maximum="6")
        assert reload(factory, box)
        box.queue("q", enabled="False")
        assert reload(factory, box)
        hang()
        until(lambda: threads_of("q") == 0, "the old thread to end")
        sent = box.pilots("q")
        assert sent <= 5
        box.queue("q", sched__maxtorun__maximum="7")
        assert reload(factory, box)
        until(lambda: box.pilots("q") == 7, "the queue as it is wanted now")
        assert threads_of("q") == 1


def test_reloads_that_replace_a_waiting_successor_cost_nothing(box: Box, hang: Hang) -> None:
    box.queue("q", sched__maxtorun__maximum="3")
    box.work({"q": 1000})
    with InProcess(box) as factory:
        until(hang.begun.is_set, "a submission under way")
        before = calm()
        for n in range(4, 19):
            box.queue("q", sched__maxtorun__maximum=str(n))
            assert reload(factory, box)
        as_before(before)
        assert threads_of("q") == 1
        hang()
        until(lambda: box.pilots("q") == 18, "what was wanted last")
        assert threads_of("q") == 1


def test_a_constructor_that_raises_costs_its_queue_only_and_leaves_nothing(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Exception):
        """What a plugin raises."""

    init = MaxToRun.__init__
    broken = threading.Event()

    def fails(self: MaxToRun, options: Any, context: Any) -> None:
        if broken.is_set() and context.queue == "bad":
            raise Broken("no")
        init(self, options, context)

    monkeypatch.setattr(MaxToRun, "__init__", fails)
    box.queue("good", sched__maxtorun__maximum="2")
    box.work({"good": 100, "bad": 100})
    with InProcess(box) as factory:
        until(lambda: box.pilots("good") == 2, "pilots of the good queue")
        before = calm()
        broken.set()
        for n in range(20):
            box.queue("bad", sched__maxtorun__maximum="3", apfqueue__sleep=f"0.{n + 1}")
            assert reload(factory, box)
        as_before(before)
        assert "Broken: no" in factory.failures["bad"].text
        good = factory.queues["good"].cycles_run
        until(lambda: factory.queues["good"].cycles_run > good, "the good queue to go on")
        broken.clear()
        box.queue("bad", sched__maxtorun__maximum="4")
        assert reload(factory, box)
        until(lambda: box.pilots("bad") == 4, "the mended queue")


def test_a_refused_reload_leaves_no_trace(box: Box) -> None:
    box.queue("q", sched__maxtorun__maximum="2")
    box.work({"q": 100})
    with InProcess(box) as factory:
        until(lambda: box.pilots("q") == 2, "pilots")
        before = calm()
        for n in range(20):
            box.queue("new", apfqueue__sleep=f"0.{n + 1}")
            box.queue("q", sched__maxtorun__maximum="many")
            assert not reload(factory, box)
        as_before(before)


@pytest.mark.parametrize("content", ["", "[DEFAULT]\nenabled = True\n"])
def test_a_queues_file_that_is_suddenly_empty_is_refused_unless_asked_for(box: Box, content: str) -> None:
    box.queue("q", sched__maxtorun__maximum="2")
    box.work({"q": 100})
    with InProcess(box) as factory:
        until(lambda: box.pilots("q") == 2, "pilots")
        box.queues_file.write_text(content)
        factory.reloader.load = lambda: as_it_is(box)
        report = factory.reload()
        assert not report.applied
        assert any("no queue is left" in str(p) and "--allow-empty" in str(p) for p in report.problems)
        assert threads_of("q") == 1
        assert factory.reload(allow_empty=True).applied
        until(lambda: threads_of("q") == 0, "the queue to end")


def test_a_queues_folder_that_may_not_be_read_is_refused(box: Box) -> None:
    box.queue("q", sched__maxtorun__maximum="2")
    box.work({"q": 100})
    folder = box.folder / "queues.d"
    folder.mkdir()
    box.queues_file = folder / "queues.conf"
    box.factory_options |= {"queueConf": "None", "queueDirConf": str(folder)}
    with InProcess(box) as factory:
        until(lambda: box.pilots("q") == 2, "pilots")
        factory.reloader.load = lambda: as_it_is(box)
        folder.chmod(0)
        try:
            report = factory.reload()
        finally:
            folder.chmod(0o700)
        assert not report.applied
        assert any("Permission denied" in str(p) for p in report.problems)
        assert threads_of("q") == 1


def test_a_state_folder_that_is_gone_stops_all_sending_and_ends_no_pause(box: Box) -> None:
    box.queue("q", sched__maxtorun__maximum="2")
    box.queue("paused", sched__maxtorun__maximum="2")
    box.work({"q": 100, "paused": 100})
    state = box.folder / "state"
    # elsewhere: the history would make the folder again
    box.factory_options["history.url"] = f"sqlite:///{box.folder}/history.db"
    with InProcess(box) as factory:
        factory.pauses.set(Pause("paused", datetime.now(UTC), reason="site down"))
        until(lambda: box.pilots("q") == 2, "pilots")
        until(lambda: last(factory, "paused").startswith("paused"), "the pause to be in force")
        before = box.pilots("paused")
        aside = state.with_name("aside")
        os.rename(state, aside)
        box.work({"q": 1000, "paused": 1000})
        box.queue("q", sched__maxtorun__maximum="9")
        assert reload(factory, box)
        until(lambda: "state" in last(factory, "q") and "is gone" in last(factory, "q"), "the reason")
        cycles = factory.queues["q"].cycles_run
        until(lambda: factory.queues["q"].cycles_run > cycles + 3, "some more cycles")
        assert (box.pilots("q"), box.pilots("paused")) == (2, before)
        assert "site down" in str(factory.neighbours.paused("paused"))
        os.rename(aside, state)
        until(lambda: box.pilots("q") == 9, "it to go on when the state is back")
        assert box.pilots("paused") == before


def test_a_ledger_that_was_removed_stops_all_sending(box: Box) -> None:
    box.queue("q", sched__maxtorun__maximum="2")
    box.work({"q": 100})
    with InProcess(box) as factory:
        until(lambda: box.pilots("q") == 2, "pilots")
        (box.folder / "state/ledger.db").unlink()
        box.queue("q", sched__maxtorun__maximum="9")
        assert reload(factory, box)
        until(lambda: "ledger.db is gone" in last(factory, "q"), "the reason")
        assert box.pilots("q") == 2


def test_a_rule_that_hangs_for_ever_costs_its_queue_only_and_a_reload_starts_that_anew(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told by `why` and `status`, counted, and needs no restart of the factory."""
    monkeypatch.setattr(doing, "AT_ONCE", 5.0)  # what does not hang takes less, also on a busy machine
    never, hanging = threading.Event(), threading.Event()
    real = MaxToRun.calc

    def calc(rule: MaxToRun, n: int, inputs: Any) -> Any:
        if rule.context.queue == "stuck" and not hanging.is_set():
            hanging.set()
            never.wait()
        return real(rule, n, inputs)

    monkeypatch.setattr(MaxToRun, "calc", calc)
    for name in ("stuck", "free"):
        box.queue(name, sched__maxtorun__maximum="2", apfqueue__sleep="0.2")
    box.work({"stuck": 5, "free": 5})
    try:
        with InProcess(box) as factory:
            until(lambda: box.pilots("free") == 2, "pilots of the other queue")
            until(lambda: factory.hangs.total == 1, "the hang to be noticed")
            rows = {row["queue"]: row for row in commands.answer(factory, "status", {})["queues"]}
            codes = {name: [c["code"] for c in row["problems"]] for name, row in rows.items()}
            assert codes == {"stuck": ["plugin-hangs"], "free": []}
            told = commands.answer(factory, "why", {"queue": "stuck"})["live"]["hangs"]
            assert told.startswith("the rule MaxToRun has not returned for ")
            assert box.pilots("stuck") == 0
            cycles = factory.queues["free"].cycles_run
            until(lambda: factory.queues["free"].cycles_run > cycles + 10, "cycles of the other")
            assert reload(factory, box)
            until(lambda: box.pilots("stuck") == 2, "pilots of the queue that hung")
            assert not commands.answer(factory, "health", {})["hanging"]
            never.set()
            until(lambda: threads_of("stuck") == 1, "the old thread to end")
            assert (box.pilots("stuck"), factory.hangs.total) == (2, 1)
    finally:
        never.set()
