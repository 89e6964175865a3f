"""Held and lost pilots on real schedds and a real CE: each kind of trouble ends in what is due to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autopyfactory.factory import heldpilots, pilotcare
from autopyfactory.factory.factory import Factory
from autopyfactory.model.record import Event, FactoryEvent
from factorybox import Box, InProcess
from patience import until
from testbed.condor import Condor
from testbed.grid import PILOT, Grid
from testbed.pool import SITE, Pool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SMALL = "request_memory = 1,request_disk = 1"
QUICK = {
    "NEGOTIATOR_INTERVAL": "2",
    "NEGOTIATOR_CYCLE_DELAY": "1",
    "SCHEDD_INTERVAL": "2",
    "PERIODIC_EXPR_INTERVAL": "2",
}


@pytest.fixture(scope="module")
def pool(make_pool: Callable[..., Pool]) -> Pool:
    return make_pool("site", SITE, NUM_CPUS="10", NUM_SLOTS="10", NUM_SLOTS_TYPE_1="10", **QUICK)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stuck pilots are looked at every second, lost ones every two."""
    monkeypatch.setattr(pilotcare, "INTERVAL", 1.0)
    monkeypatch.setattr(pilotcare, "LOST_EVERY", 2.0)
    monkeypatch.setattr(heldpilots, "SURE", 3.0)
    yield


def box_at(where: Path, ap: Pool, name: str, **options: str) -> Box:
    made = Box(where / name, ap, name)
    made.factory_options |= {k.replace("__", "."): v for k, v in options.items()}
    made.factory_options["breaker.firstprobe"] = made.factory_options["breaker.lastprobe"] = "3600"
    return made


def script(box: Box, name: str, text: str) -> str:
    path = box.folder / name
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def local(box: Box, name: str, executable: str, attributes: str = "", n: int = 2) -> None:
    commands = f"{SMALL},{attributes}" if attributes else SMALL
    box.queue(
        name,
        executable=executable,
        sched__maxtorun__maximum=str(n),
        batchsubmit__condorlocal__condor_attributes=commands,
    )


def acted(factory: Factory) -> Counter[tuple[str, str]]:
    return Counter(factory.care.held.totals.acted)


def states(box: Box, queue: str) -> list[str]:
    return [row[1] for row in box.ads("MATCH_APF_QUEUE", "JobStatus") if row[0] == queue]


def test_each_kind_gets_what_is_due_to_it(pool: Pool, place: Path) -> None:
    """Took too long: removed at once. By a rule of ours: released twice, then removed. By a person: left."""
    box = box_at(
        place, pool, "kinds", held__backoff="1", held__releases="2", held__release="own-policy, batch-down"
    )
    sleeps = script(box, "sleeps.sh", "#!/bin/sh\nsleep 600\n")
    local(box, "toolong", sleeps, "allowed_job_duration = 1", n=1)
    local(box, "ruled", sleeps, "periodic_hold = (time() - EnteredCurrentStatus) > 1 && JobStatus == 2", n=1)
    local(box, "person", sleeps, n=1)
    local(box, "broken", script(box, "broken.sh", "#!/no/such/interpreter\n"), n=1)
    box.work({"toolong": 1, "ruled": 1, "person": 1, "broken": 1})
    with InProcess(box) as factory:
        events: list[Event] = []
        factory.reporting.listeners.append(events.append)
        until(lambda: "2" in states(box, "person"), "a pilot that a person can hold")
        pool.run("condor_hold", "-reason", "mine, leave it", "-const", 'MATCH_APF_QUEUE == "person"')
        until(lambda: acted(factory)["removed", "resource-limit"] >= 1, "the one that took too long")
        until(lambda: acted(factory)["removed", "own-policy"] >= 1, "the one that was released in vain")
        assert acted(factory)["released", "own-policy"] >= 2
        until(lambda: states(box, "broken") == ["5"], "the one that cannot start")
        until(lambda: "broken" in [e.queue for e in events if isinstance(e, FactoryEvent)], "it is told")
        assert states(box, "broken") == ["5"], "and left for somebody to look at"
        assert states(box, "person") == ["5"]
        assert not [key for key in acted(factory) if key[1] in ("held-by-person", "wrapper-cannot-start")]
    history = pool.run("condor_history", "-const", 'ApfFactory == "kinds"', "-af", "RemoveReason").stdout
    assert "AutoPyFactory: held again after 2 releases: a rule of their own" in history
    assert "AutoPyFactory: the pilot took more than it may" in history


def test_pilots_that_run_beyond_their_wall_time_are_removed_and_counted(pool: Pool, place: Path) -> None:
    box = box_at(place, pool, "overtime", lost__overtime="1")
    sleeps = script(box, "sleeps.sh", "#!/bin/sh\nsleep 600\n")
    local(box, "long", sleeps, n=2)
    local(box, "other", sleeps, n=1)
    box.queues["long"]["batchsubmit.walltime"] = "1"
    box.work({"long": 2, "other": 1})
    with InProcess(box) as factory:
        until(lambda: states(box, "long") == ["2", "2"], "they run")
        box.work({"long": 0, "other": 0})
        until(lambda: acted(factory)["lost", "lost-overtime"] == 2, "both are removed")
        assert states(box, "other") == ["2"], "a queue that says no wall time has no overtime"


@pytest.fixture(scope="module")
def grid(condor_folder: Condor, place: Path) -> Iterator[Grid]:
    quick = {
        "GRIDMANAGER_RESOURCE_PROBE_INTERVAL": "5",
        "GRIDMANAGER_COLLECTOR_UPDATE_INTERVAL": "5",
        **QUICK,
    }
    whole = Grid(place / "grid", condor=condor_folder, sites=("picky", "dead"), settings={"ap": quick})
    whole.up()
    yield whole
    for one in whole.pools.values():
        one.stop()


def ce(box: Box, grid: Grid, name: str, n: int) -> None:
    pool = grid.sites[name]
    box.queue(
        name,
        batchsubmitplugin="CondorCE",
        batchsubmit__condorce__gridresource=pool.collector,
        batchsubmit__condorce__schedd=pool.schedd,
        executable=script(box, f"{name}.sh", "#!/bin/sh\nsleep 600\n"),
        sched__maxtorun__maximum=str(n),
    )


def test_a_credential_that_is_mended_lets_held_pilots_go_on(grid: Grid, place: Path) -> None:
    """The CE refuses our identity; six pilots are held, and no more are sent. Then it is put right."""
    site = grid.sites["picky"]
    grid.ap.hold_token("picky", site.token("mallory@grid.test"))
    box = box_at(place, grid.ap, "credential", held__backoff="5", held__releases="20")
    # Nobody sees that a token of the schedd's own was mended: while the breaker is open pilots go one by one.
    box.factory_options["breaker.firstprobe"] = box.factory_options["breaker.lastprobe"] = "4"
    ce(box, grid, "picky", n=6)
    box.work({"picky": 6})
    with InProcess(box) as factory:
        until(lambda: states(box, "picky") == ["5"] * 6, "they are held")
        until(lambda: (q := factory.queues["picky"].last) and q.breaker, "the breaker is open")
        assert factory.queues["picky"].last is not None
        assert "the CE knows our identity" in str(factory.queues["picky"].last.breaker)
        assert factory.queues["picky"].last.breaker_scope == "credential"
        grid.ap.hold_token("picky", site.token(PILOT))
        until(lambda: states(box, "picky").count("2") == 6, "all run")
        assert acted(factory)["released", "credential-refused"] >= 6
        assert not [key for key in acted(factory) if key[0] == "removed"]
        assert box.pilots("picky") == 6


def test_pilots_at_a_dead_ce_are_lost_in_the_end_and_the_queue_is_stopped(grid: Grid, place: Path) -> None:
    grid.sites["dead"].stop()
    box = box_at(place, grid.ap, "silence", lost__silent="25", breaker__down="3", breaker__failures="3")
    ce(box, grid, "dead", n=3)
    box.work({"dead": 3})
    with InProcess(box) as factory:
        until(lambda: (q := factory.queues["dead"].last) and q.breaker, "the breaker of the CE opens")
        assert factory.queues["dead"].last is not None
        assert factory.queues["dead"].last.breaker_scope == "ce"
        until(lambda: acted(factory)["lost", "lost-silent"] == 3, "they are given up")
        until(lambda: box.pilots("dead") == 0, "they are gone")
        until(lambda: (q := factory.queues["dead"].last) and q.outcome == "held back", "no new ones are sent")
