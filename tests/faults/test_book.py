"""The book of pilots on real schedds: whatever anybody says, no pilot is sent too many.

What a schedd says is bent on its way to the factory where the schedd itself cannot be made to say it.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from autopyfactory.accounting.claims import Claims
from autopyfactory.accounting.protocol.accounts import Policy
from autopyfactory.api import commands
from autopyfactory.control.server import CommandError
from autopyfactory.factory.factory import Factory
from autopyfactory.model.ending import Ending
from autopyfactory.model.info import BatchQueueInfo, BatchStatus
from autopyfactory.plugins.batchstatus.condor import Condor
from factorybox import Box, InProcess, last
from held import as_before, calm
from patience import PATIENCE, until
from testbed.pool import Pool

QUEUES, EACH = ("l1", "l2", "l3", "l4"), 30
LIES_FOR = 12.0  # seconds


@pytest.fixture
def box(tmp_path: Path, ap: Pool, request: pytest.FixtureRequest) -> Iterator[Box]:
    """A factory of this test's own on the module's access point."""
    name = f"b-{abs(hash(request.node.name)) % 10**9}"
    yield Box(tmp_path / "f", ap, name)
    ap.run_client("condor_rm", "-const", f'ApfFactory == "{name}"', check=False)


def want(box: Box, each: int, *names: str, **options: str) -> None:
    for name in names:
        box.queue(name, sched__maxtorun__maximum=str(each), apfqueue__sleep="0.2", **options)
    box.work(dict.fromkeys(names, 1000))


def settled(box: Box, factory: Factory, pilots: int) -> None:
    """Wait until so many pilots are there and everybody knows it."""
    until(lambda: box.pilots() == pilots, f"{pilots} pilots")
    until(lambda: all(s.balance.even and not s.balance.unseen for s in factory.book.standings()), "balance")


def copied(source: str, target: str) -> None:
    """Copy a file of a factory that runs, if it is still there."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def stays(box: Box, most: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert box.pilots() <= most
        time.sleep(0.5)


def part(status: BatchStatus, share: float) -> BatchStatus:
    queues = {
        q: BatchQueueInfo(pending=int(i.pending * share), running=int(i.running * share))
        for q, i in status.queues.items()
    }
    return replace(status, queues=queues)


class Liar:
    """Bends each answer."""

    def __init__(self, lie: str):
        self.lie = lie
        self.answers = 0
        self.first: BatchStatus | None = None

    def __call__(self, status: BatchStatus) -> BatchStatus:
        self.answers += 1
        if self.lie == "zero" or (self.lie == "in turn" and self.answers % 2):
            return replace(status, queues={})
        if self.lie == "a fifth":
            return part(status, 0.2)
        if self.lie == "half":
            return part(status, 0.5)
        if self.lie == "half the queues":
            return replace(status, queues={q: i for q, i in status.queues.items() if q in QUEUES[:2]})
        if self.lie == "old":
            return part(status, 0.1)
        if self.lie == "negative":
            return replace(
                status, queues={q: replace(i, pending=-i.pending) for q, i in status.queues.items()}
            )
        return status


@pytest.mark.parametrize("lie", ["zero", "a fifth", "old", "half the queues", "in turn", "half", "negative"])
def test_counts_that_lie_send_nothing(box: Box, lie: str) -> None:
    want(box, EACH, *QUEUES)
    real = Condor.fetch
    with InProcess(box) as factory:
        settled(box, factory, EACH * len(QUEUES))
        liar = Liar(lie)
        with patch.object(Condor, "fetch", lambda plugin: liar(real(plugin))):
            stays(box, EACH * len(QUEUES), LIES_FOR)
            until(lambda: liar.answers > 3, "more answers that lie")
            if lie in ("zero", "a fifth", "half"):
                until(lambda: sum(s.balance.missing for s in factory.book.standings()), "them to be missed")
        settled(box, factory, EACH * len(QUEUES))


def test_zero_for_four_seconds_after_a_kill(box: Box) -> None:
    want(box, EACH, *QUEUES)
    with InProcess(box) as factory:
        settled(box, factory, EACH * len(QUEUES))
        assert factory.ledger.flush(PATIENCE)
        with factory.ledger.file.lock:  # as it is at this moment; other files come and go
            shutil.copytree(box.folder / "state", box.folder / "killed", copy_function=copied)
    shutil.rmtree(box.folder / "state")
    (box.folder / "killed").rename(box.folder / "state")
    (box.folder / "state/control.sock").unlink(missing_ok=True)
    real, end = Condor.fetch, time.monotonic() + 4
    lying = Liar("zero")
    with (
        patch.object(Condor, "fetch", lambda p: lying(real(p)) if time.monotonic() < end else real(p)),
        InProcess(box) as factory,
    ):
        stays(box, EACH * len(QUEUES), 8)
        settled(box, factory, EACH * len(QUEUES))


def test_caps_hold_where_pilots_were_sent(box: Box) -> None:
    """37 at one CE, however it is written, and wherever the queue sends next."""
    cap = {
        "schedplugin": "Fixed, MaxPerCE",
        "sched__fixed__pilotspercycle": "5",
        "sched__maxperce__maximum": "37",
    }
    for name, ce in (("c1", "ce.example.org"), ("c2", "CE.example.org:9619")):
        box.queue(
            name,
            apfqueue__sleep="0.2",
            batchsubmitplugin="CondorCE",
            batchsubmit__condorce__gridresource=ce,
            **cap,
        )
    box.work({"c1": 1000, "c2": 1000})
    with InProcess(box) as factory:
        until(lambda: box.pilots() == 37, "37 pilots")
        box.queues["c2"]["batchsubmit.condorce.gridresource"] = "other.example.org"
        assert factory.reload().applied
        until(lambda: box.pilots("c2") >= 37, "37 at the other CE")
        stays(box, 74, 3)
        box.queues["c2"]["batchsubmit.condorce.gridresource"] = "CE.EXAMPLE.org"
        assert factory.reload().applied
        stays(box, 74, 4)
    del box.queues["c1"]
    with InProcess(box) as factory:
        until(
            lambda: "37 pilots at the CE" in last(factory, "c2"),
            "the cap of a queue that is gone",
        )
        stays(box, 74, 4)


def test_a_queue_that_moves_keeps_its_pilots_in_the_count(
    box: Box, make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    other = make_pool("elsewhere")
    box.factory_options["maxperfactory.maximum"] = "37"
    box.queue(
        "m1", apfqueue__sleep="0.2", schedplugin="Fixed, MaxPerFactory", sched__fixed__pilotspercycle="5"
    )
    with InProcess(box) as factory:
        until(lambda: box.pilots() == 37, "37 pilots")
        box.queues["m1"]["batchstatus.condor.schedd"] = other.schedd
        box.queues["m1"]["batchstatus.condor.collector"] = other.collector
        assert factory.reload().applied
        until(lambda: other.schedd in str(factory.sources.places()), "the move")
        end = time.monotonic() + 6
        while time.monotonic() < end:
            assert box.pilots() + box.pilots(ap=other) <= 37
            time.sleep(0.5)
        box.ap.run_client("condor_rm", "-const", f'ApfFactory == "{box.name}"')
        until(lambda: box.pilots(ap=other) == 37, "the pilots in the new place: the old ones' end was read")
    other.run_client("condor_rm", "-const", f'ApfFactory == "{box.name}"', check=False)


def test_a_job_queue_that_is_wiped_holds_back_until_somebody_says_so(
    make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    pool = make_pool("wiped")
    box = Box(tmp_path / "f", pool, "wiped")
    want(box, 7, "w1")
    with InProcess(box) as factory:
        settled(box, factory, 7)
        pool.stop()
        for file in (pool.directory / "spool").glob("job_queue.log*"):
            file.unlink()
        pool.start()
        until(lambda: "is not the one it was" in last(factory, "w1"), "the queue to be held back")
        stays(box, 0, 3)
        (standing,) = factory.book.standings()
        assert (standing.balance.open, standing.stranger_age is not None) == (7, True)
        assert factory.book.forget(standing.name, "a test says so") == 7
        until(lambda: box.pilots() == 7, "pilots in the new job queue")
        assert factory.book.standings()[0].lost == 7


def test_a_second_factory_with_our_name_stops_both(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Claims, "take", lambda claims, identity: "")  # as on another host
    want(box, 20, "s1")
    twin = Box(tmp_path / "twin", box.ap, box.name)
    want(twin, 20, "s1")
    with InProcess(box) as factory:
        settled(box, factory, 20)
        with InProcess(twin) as second:
            until(lambda: second.book.open("s1") == 20, "the second to take them over")
            stays(box, 20, 4)
        twin.queues["s1"]["sched.maxtorun.maximum"] = "23"
        with InProcess(twin):
            until(lambda: box.pilots() == 23, "three of the second")
            until(lambda: "are not from this book" in last(factory, "s1"), "the first to say so")
            (standing,) = factory.book.standings()
            assert standing.foreign_age is not None
        factory.book.adopt(standing.name)
        until(lambda: not factory.book.holds(standing.name), "the first to take over the three")
        until(lambda: factory.book.open("s1") == 23, "the first to count them")


def test_a_lost_reply_whose_pilots_ended_before_the_look_up_is_found_in_the_history(box: Box) -> None:
    from autopyfactory.plugins.base import SubmitUnknown
    from autopyfactory.plugins.batchsubmit.condorbase import CondorBase

    want(box, 3, "h1")
    real = CondorBase.submit_to
    lost = threading.Event()

    def submit_and_lose(plugin: object, identity: str, n: int, tag: str, deadline: float) -> object:
        sent = real(plugin, identity, n, tag, deadline)  # type: ignore[arg-type]
        if lost.is_set():
            return sent
        lost.set()
        box.ap.run_client("condor_rm", "-const", f'ApfSubmission == "{tag}"')
        raise SubmitUnknown("the reply is lost")

    with patch.object(CondorBase, "submit_to", submit_and_lose), InProcess(box) as factory:
        until(lambda: factory.book.total("h1") == 6, "three more, for those that have ended")
        until(lambda: box.pilots() == 3, "them to be there")
        assert factory.ledger.flush(PATIENCE)
    with closing(sqlite3.connect(box.folder / "state/ledger.db")) as db:
        assert db.execute("SELECT sum(n), count(*) FROM batch WHERE queue = 'h1'").fetchone() == (6, 2)


def test_demand_that_jumps_is_met_in_steps_and_up_to_the_cap(box: Box) -> None:
    """A WMS may say whatever it likes: it doubles, it is nothing, it is huge for one answer."""
    want(box, 20, "g1", schedplugin="Ready, MaxGrowth, MaxToRun", sched__maxgrowth__initial="3",
         sched__maxgrowth__factor="0")  # fmt: skip
    box.work({"g1": 0})
    with InProcess(box) as factory:
        for ready in (1, 2, 10**9, 0, 4, 10**6, 8, 10**9):
            before = factory.queues["g1"].cycles_run
            box.work({"g1": ready})
            until(lambda n=before: factory.queues["g1"].cycles_run > n + 10, "ten cycles")
            assert box.pilots() <= 20
        until(lambda: factory.book.open("g1") == 20, "the cap to be reached")
        stays(box, 20, 2)
        assert factory.ledger.flush(PATIENCE)
    with closing(sqlite3.connect(box.folder / "state/ledger.db")) as db:
        most, batches = db.execute("SELECT max(n), count(*) FROM batch WHERE queue = 'g1'").fetchone()
    assert most == 3 and batches >= 7


def test_jobs_that_carry_a_tag_of_ours_end_no_pilot(box: Box) -> None:
    """Whoever may submit to the schedd can read our ads, and give the same ones to jobs of his own."""
    want(box, 5, "f1")
    with InProcess(box) as factory:
        settled(box, factory, 5)
        heard: list[Ending] = []
        factory.book.endings.subscribe(heard.extend)
        names = ("ApfFactory", "ApfSubmission", "ApfInstance", "MATCH_APF_QUEUE")
        (row,) = {tuple(row) for row in box.ads(*names)}
        copied = "".join(f'MY.{name} = "{value}"\n' for name, value in zip(names, row, strict=True))
        job = f"executable = /bin/true\nhold = True\n{copied}queue 5\n"
        done = box.ap.run_client("condor_submit", "-terse", "-", input=job)
        forged = done.stdout.split(".")[0]
        until(lambda: factory.book.batch("f1", factory.book.standings()[0].name).foreign == 5, "them to show")
        box.ap.run_client("condor_rm", forged)
        settled(box, factory, 5)
        ours = box.ads("ClusterId", "ProcId")[0]
        box.ap.run_client("condor_rm", ".".join(ours))
        until(lambda: factory.book.total("f1") == 6, "one in the place of the one that has ended")
        until(lambda: bool(heard), "its end to be told")
        assert [e.job for e in heard] == [".".join(ours)]
        stays(box, 5, 3)
        assert factory.book.open("f1") == 5


def test_pilots_that_nobody_knows_any_more_are_written_off(box: Box) -> None:
    want(box, 5, "n1")
    with InProcess(box) as factory:
        factory.book.configure(Policy(under_way=1, apart=2, apart_without_history=4))
        settled(box, factory, 5)
        real, gone = Condor.fetch, {"n1"}
        empty = lambda plugin: replace(real(plugin), queues={})  # noqa: E731
        blind = lambda plugin, tags, most: replace(search(plugin, tags, most), tags={}, history=True)  # noqa: E731
        survey, search = Condor.survey, Condor.search
        with (
            patch.object(Condor, "fetch", empty),
            patch.object(Condor, "survey", lambda plugin: replace(survey(plugin), tags={})),
            patch.object(Condor, "search", blind),
        ):
            until(lambda: factory.book.standings()[0].lost == 5, "the five to be written off")
        assert gone
        until(lambda: factory.book.standings()[0].lost == 0, "them to be found again")
        assert factory.book.open("n1") >= 5


def test_a_slow_disk_makes_nobody_wait_for_the_others(box: Box) -> None:
    names = [f"d{i}" for i in range(8)]
    want(box, 2, *names)
    with InProcess(box) as factory:
        real = factory.ledger._commit
        together: list[int] = []

        def slow(requests: list[object], *, durable: bool) -> object:
            together.append(len(requests))
            time.sleep(1.5)
            return real(requests, durable=durable)  # type: ignore[arg-type]

        with patch.object(factory.ledger, "_commit", slow):
            until(lambda: box.pilots() == 2 * len(names), "all pilots")
        assert max(together) > 2, "each waited for all others"  # beside what can wait, which comes first


def test_lies_and_reloads_leave_nothing_behind(box: Box) -> None:
    want(box, 5, "r1", "r2")
    with InProcess(box) as factory:
        settled(box, factory, 10)
        before = calm()
        for i in range(10):
            box.queues["r1"]["sched.maxpercycle.maximum"] = str(20 + i)
            assert factory.reload().applied
            time.sleep(0.3)
        until(lambda: factory.queues.keys() == {"r1", "r2"}, "both queues")
        as_before(before)
        assert box.pilots() == 10


def test_the_command_tells_each_place(box: Box) -> None:
    want(box, 4, "t1")
    with InProcess(box) as factory:
        settled(box, factory, 4)
        (place,) = commands.answer(factory, "places", {})["places"]
        assert (place["open"], place["shown"], place["missing"], place["foreign"], place["lost"]) == (
            4,
            4,
            0,
            0,
            0,
        )
        assert "job queue of" in place["identity"] and place["age"] < 60 and place["holds"] == []
        with pytest.raises(CommandError, match=f"known are: {place['place']}"):
            commands.answer(factory, "forget", {"place": "nowhere"})
        name = box.ap.schedd.upper() + "@" + box.ap.collector
        assert commands.answer(factory, "adopt", {"place": name})["place"] == place["place"]
        settled(box, factory, 4)
