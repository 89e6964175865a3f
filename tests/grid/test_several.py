"""One queue that sends to several real CEs, and through several real schedds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.model.record import CycleRecord, Event
from factorybox import Box, InProcess
from patience import until
from testbed.condor import Condor
from testbed.grid import Grid
from testbed.pool import ACCESS_POINT, Pool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SLOTS = {"ce1": 6, "ce2": 1}


@pytest.fixture(scope="module")
def sites(condor_folder: Condor, place: Path) -> Iterator[Grid]:
    """Two CEs, one of them six times as fast as the other."""
    slots = {
        name: {key: str(n) for key in ("NUM_CPUS", "NUM_SLOTS", "NUM_SLOTS_TYPE_1")}
        for name, n in SLOTS.items()
    }
    with Grid(place / "grid", sites=("ce1", "ce2"), settings=slots, condor=condor_folder) as grid:
        yield grid


def two_ces(grid: Grid) -> dict[str, str]:
    """The options of a queue that sends to both, each with the token that opens it."""
    ces = [
        f"{grid.sites[name].collector} schedd={grid.sites[name].schedd} tokenfile={grid.site_token(name)}"
        for name in SLOTS
    ]
    return {"batchsubmitplugin": "CondorCE", "batchsubmit.ces": ", ".join(ces)}


def box_with(folder: Path, ap: Pool, name: str, seconds: int) -> Box:
    made = Box(folder / "f", ap, name)
    for path in (made.folder, *made.folder.parents[:2]):
        path.chmod(0o755)
    script = made.folder / "pilot.sh"
    script.write_text(f"#!/bin/sh\nsleep {seconds}\necho done\n")
    script.chmod(0o755)
    return made


def test_pilots_go_where_they_start_and_each_ce_has_its_limit(sites: Grid, tmp_path: Path) -> None:
    box = box_with(tmp_path, sites.ap, "several", 6)
    box.queue(
        "q1",
        executable=str(box.folder / "pilot.sh"),
        schedplugin="Ready, MaxPerCE, MaxPending, MaxPerCycle",
        sched__maxperce__maximum="12",
        sched__maxpending__maximum="14",
        breaker__enabled="False",
        **two_ces(sites),
    )
    box.work({"q1": 1000})
    records: list[CycleRecord] = []

    def note(event: Event) -> None:
        if isinstance(event, CycleRecord):
            records.append(event)

    ces = {name: sites.sites[name].collector for name in SLOTS}
    logs = box.folder / "pilots"
    with InProcess(box) as factory:
        factory.reporting.listeners.append(note)

        def starts() -> Counter[str]:
            return factory.book.endings.starts_at("q1", 0.0)

        until(lambda: sum(starts().values()) >= 40 and starts()[ces["ce2"]], "pilots of both CEs have run", 1)
        sent: Counter[str] = Counter()
        for record in records[len(records) // 2 :]:
            sent.update({one.ce: one.count for one in record.sent})
        print(f"started {dict(starts())}; sent in the second half {dict(sent)}")
        assert starts()[ces["ce1"]] > starts()[ces["ce2"]] > 0
        assert sent[ces["ce1"]] > sent[ces["ce2"]]
        for name, ce in ces.items():
            assert factory.book.active("ce", ce) <= 12, name
        until(lambda: sum(f.read_text() == "done\n" for f in logs.glob("*/*/*.out")) >= 40, "their output", 1)
    sites.ap.run("condor_rm", "-all", check=False)


@pytest.fixture(scope="module")
def second(condor_folder: Condor, place: Path) -> Iterator[Pool]:
    with Pool(place / "ap2", "ap2", ACCESS_POINT, condor=condor_folder) as pool:
        yield pool


def test_several_schedds_by_weight_and_without_one_that_is_down(
    sites: Grid, second: Pool, tmp_path: Path
) -> None:
    box = box_with(tmp_path, sites.ap, "homes", 600)
    box.queue(
        "q1",
        schedplugin="Ready, MaxToRun, MaxPerCycle",
        sched__maxtorun__maximum="100",
        sched__maxpercycle__maximum="8",
    )
    first = sites.ap
    box.queues["q1"].pop("batchstatus.condor.schedd")
    box.queues["q1"].pop("batchstatus.condor.collector")
    box.queues["q1"]["batchstatus.condor.schedds"] = (
        f"{first.schedd} pool={first.collector} weight=3, {second.schedd} pool={second.collector}"
    )
    box.factory_options["batchstatus.condor.maxage"] = "90"  # a busy machine does not make one silent
    box.work({"q1": 16})
    both = (first, second)
    with InProcess(box) as factory:

        def there() -> tuple[int, ...]:
            return tuple(box.pilots(ap=pool) for pool in both)

        until(lambda: sum(there()) == 16, "pilots in both")
        box.work({"q1": 32})
        until(lambda: sum(there()) == 32, "more of them")
        assert there()[0] > there()[1] > 0, "by weight, three to one when nobody refuses"
        print(f"by weight: {there()}")
        second.stop()
        alone = box.pilots(ap=first)
        box.work({"q1": 40})
        until(lambda: box.pilots(ap=first) == alone + 8, "the first goes on alone")

        def counted() -> int:
            record = factory.queues["q1"].last
            inputs = record.inputs if record else None
            return inputs.batch.active if inputs and inputs.batch else 0

        until(lambda: counted() == 40, "a cycle that counts those in the other one all the same")
        second.start()
        stayed = box.pilots(ap=second)
        box.work({"q1": 80})
        until(lambda: sum(there()) == 80 and there()[1] > stayed, "the second is sent to again")
        assert factory.book.open("q1") == 80
    for pool in both:
        pool.run("condor_rm", "-all", check=False)
