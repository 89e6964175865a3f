"""How pilots ended, on a real pool: read once, named within two cycles, known after a restart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from autopyfactory.api.live import known_state
from autopyfactory.api.queues import status
from autopyfactory.factory.factory import Factory
from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.store import history_url
from autopyfactory.model.ending import Ending
from autopyfactory.model.record import CycleRecord
from autopyfactory.why import waits
from autopyfactory.why.explain import explain
from autopyfactory.why.model import Cause, Story
from factorybox import Box, InProcess
from patience import until
from testbed.pool import SITE, Pool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

CYCLE = 2.0  # seconds
SUMMARY = {"schema": 1, "exit": 0, "outcome": "ok", "reason": "", "host": "node1", "payload": {"total": 1}}
UNFIT = {
    **SUMMARY, "exit": 18, "outcome": "unfit", "reason": "cvmfs", "owner": "site", "host": "node7",
    "payload": {},
    "checks": [{"name": "cvmfs", "result": "hung", "reason": "atlas.cern.ch hangs"}],
}  # fmt: skip
PILOTS = {
    "empty": [{**SUMMARY, "outcome": "empty", "payload": {"total": 0}}, "exit 0"],
    "refused": [None, "echo 'the server gives me no job'; sleep 1; exit 0"],
    "failing": [None, "echo started; echo 'no such tarball' >&2; exit 1"],
    "node": [UNFIT, "exit 18"],
}


class World:
    """One factory with a queue for each kind of pilot, on a pool of its own."""

    def __init__(self, box: Box):
        self.box = box
        self.factory: Factory | None = None
        self.heard: list[Ending] = []

    def queue(self, name: str, **options: str) -> None:
        self.box.queue(
            name,
            apfqueue__sleep=str(CYCLE),
            schedplugin="Ready, MaxPerCycle, MaxToRun",
            sched__maxpercycle__maximum="2",
            sched__maxtorun__maximum="2",
            breaker__enabled="False",  # nothing but the naming is tried here
            batchsubmit__condorlocal__condor_attributes="request_memory=100, request_disk=1024",
            **options,
        )

    def script(self, name: str, said: dict[str, object] | None, last: str) -> str:
        path = self.box.folder / f"{name}.sh"
        line = f"echo 'APF-SUMMARY {json.dumps(said)}'\n" if said else ""
        path.write_text(f"#!/bin/sh\n{line}{last}\n")
        path.chmod(0o755)
        return str(path)

    def story(self, queue: str) -> Story:
        """What `why` tells without asking anybody: from the last cycle, and what the factory knows."""
        assert self.factory is not None
        record = self.factory.queues[queue].last
        return explain([record] if record else [], known_state(self.factory, queue), queue=queue)

    def named(self, queue: str, code: str) -> Cause:
        def look() -> Cause | None:
            return next((c for c in self.story(queue).causes if c.code == code), None)

        return until(look, f"{queue}: {code}; {self.story(queue).codes}")

    def records(self, queue: str) -> Sequence[CycleRecord]:
        """All cycles that the history has."""
        reader = HistoryReader(history_url(self.box.configuration().factory))
        try:
            return [s.record for s in reader.last(queue, 1000)]
        finally:
            reader.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, make_pool: Callable[..., Pool]) -> Iterator[World]:
    box = Box(tmp_path_factory.mktemp("endings") / "f", make_pool("endings", SITE), "endings-factory")
    made = World(box)
    for name, (said, last) in PILOTS.items():
        made.queue(name, executable=made.script(name, said, last))
    made.queue("waiting", executable="/bin/true")
    made.box.queues["waiting"]["batchsubmit.condorlocal.condor_attributes"] = (
        'requirements = Machine =?= "nowhere" || QDate < 0, request_memory=100'
    )
    made.queue(
        "good",
        executable=made.script("good", {**SUMMARY, "payload": {"name": "glidein", "total": 2}}, "exit 0"),
    )
    made.queue("large", executable=made.box.queues["empty"]["executable"])
    made.box.queues["large"] |= {  # its work are jobs of users in the same schedd
        "wmsstatusplugin": "Condor",
        "wmsstatus.condor.schedd": box.ap.schedd,
        "wmsstatus.condor.collector": box.ap.collector,
        "wmsstatus.condor.sleep": "1",
    }
    users = box.folder / "users.sub"
    users.write_text('executable = /bin/true\nrequest_cpus = 800\n+MATCH_APF_QUEUE = "large"\nqueue 3\n')
    box.ap.run_client("condor_submit", str(users))
    box.work(dict.fromkeys([*PILOTS, "waiting", "good"], 5))
    with InProcess(box) as factory:
        made.factory = factory
        factory.endings.subscribe(made.heard.extend)
        yield made


def within_two_cycles(world: World, queue: str, said: Callable[[CycleRecord], bool], enough: int = 3) -> None:
    """The third ending is the evidence; of the cycles with a later answer of the schedd two may not know."""

    def kept() -> bool:
        return any(said(r) for r in world.records(queue))

    until(kept, f"{queue}: a record that names it")
    ends = sorted(e.at for e in world.heard if e.queue == queue)
    assert len(ends) >= enough
    knew = [
        r for r in world.records(queue)
        if "batch" in r.ages and r.started.timestamp() - r.ages["batch"] > ends[enough - 1] + 1
    ]  # fmt: skip
    silent = [r for r in knew if not said(r)][: len(knew)]
    before = [r for r in silent if r.started < next(k.started for k in knew if said(k))]
    assert len(before) <= 2, [(r.started, r.outcome, r.reason) for r in before]


def test_pilots_that_find_no_work_are_counted_and_named(world: World) -> None:
    cause = world.named("empty", "pilots-empty")
    assert "with 5 jobs ready for empty" in cause.words
    assert cause.who == "work"
    within_two_cycles(world, "empty", lambda r: bool(r.troubles and r.troubles.empty))
    assert world.story("empty").codes[0] == "pilots-empty", "and not the limit that bit"
    assert not any("raise" in text.lower() for text in world.story("empty").next)
    known = world.story("empty").known[-1]
    assert "found no work" in known


def test_which_jobs_match_no_pilot_is_told_where_the_wms_can(world: World) -> None:
    def told() -> Cause | None:
        world.factory.troubles.look()  # type: ignore[union-attr]
        cause = world.named("large", "pilots-empty")
        return cause if cause.example else None

    cause = until(told, "the jobs", every=1.0)
    assert "with 3 jobs ready for large" in cause.words
    assert "ask for 800 cores, pilots have 1" in cause.example


def test_good_pilots_that_move_no_work_are_a_cause_of_their_own(world: World) -> None:
    cause = world.named("refused", "pilots-move-nothing")
    assert "no work of refused in the WMS was taken or done: 5 ready, 0 running" in cause.words
    within_two_cycles(world, "refused", lambda r: bool(r.troubles and r.troubles.unmoved))
    assert "pilots-move-nothing" not in world.story("good").codes, "these say that they worked"


def test_pilots_that_exit_1_are_named_with_their_last_words(world: World) -> None:
    cause = world.named("failing", "pilots-fail")
    assert "exit code 1" in cause.words
    assert cause.example == "no such tarball"
    assert ".err" in cause.next
    within_two_cycles(world, "failing", lambda r: bool(r.troubles and r.troubles.failed))


def test_failures_by_check_and_node_and_wasted_hours(world: World) -> None:
    cause = world.named("node", "pilots-fail")
    assert "they say: check cvmfs: atlas.cern.ch hangs" in cause.words
    troubles = known_state(world.factory, "node").troubles  # type: ignore[arg-type]
    assert troubles is not None and troubles.fared is not None
    assert troubles.fared.failures.keys() == {"unfit"}
    assert troubles.fared.checks.keys() == {"cvmfs"}
    assert troubles.fared.hosts.keys() == {"node7"}
    known = world.story("node").known[-1]
    assert "by check: cvmfs" in known
    assert "on node7" in known


def test_nothing_starts_is_told_after_minutes_and_no_limit_is_to_be_raised(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "UNKNOWN", 5.0)  # six minutes
    assert world.factory is not None
    until(lambda: world.box.pilots("waiting") == 2, "the pilots wait")

    def watched() -> bool:
        world.factory.troubles.look()  # type: ignore[union-attr]
        troubles = known_state(world.factory, "waiting").troubles  # type: ignore[arg-type]
        return troubles is not None

    until(watched, "the watch sees it", every=1.0)
    story = world.story("waiting")
    assert story.codes[0] == "long-pending", story
    assert not any("raise" in text for text in story.next)
    rows = {r["queue"]: r for r in status(world.factory, {"longest": True})["queues"]}
    assert rows["waiting"]["full"] is True, "as `why` has it"
    assert rows["waiting"]["cause"] == "long-pending"
    assert "long-pending" not in world.story("good").codes


def test_each_ending_is_told_once_and_complete(world: World) -> None:
    until(lambda: len([e for e in world.heard if e.queue == "good"]) >= 4, "good pilots")
    heard = list(world.heard)
    assert len({(e.tag, e.job) for e in heard}) == len(heard)
    for e in heard:
        assert e.at > 0 and e.latency is not None and e.place, e
        assert e.host or e.account is None, e
    assert any(e.host for e in heard if e.account is None), "a schedd tells it of most"
    assert {e.outcome for e in heard if e.queue == "empty"} == {"empty"}
    assert {e.failure for e in heard if e.queue == "node"} == {"unfit"}
    assert {(e.exit_code, e.said) for e in heard if e.queue == "failing"} == {(1, "no such tarball")}


def test_a_new_life_goes_on_where_the_last_one_was(world: World) -> None:
    """Comes last: the factory ends, pilots end meanwhile, and another one takes over."""
    assert world.factory is not None
    world.named("failing", "pilots-fail")
    world.box.work({})  # nothing more is sent
    until(lambda: world.factory.endings.of("failing").last != (), "endings")  # type: ignore[union-attr]
    world.factory.shutdown(5)
    told = {(e.tag, e.job) for e in world.heard}
    with InProcess(world.box) as factory:
        again: list[Ending] = []
        factory.endings.subscribe(again.extend)
        assert len(factory.endings.of("failing").last) >= 3, "known before anybody is asked"
        troubles = known_state(factory, "failing").troubles
        assert troubles is not None and troubles.failed is not None
        assert troubles.failed.quote == "no such tarball"
        target = factory.queues["failing"].parts.batch
        assert target is not None
        until(lambda: factory.endings.reading(target.target)[0] is not None, "a reading")
        until(lambda: factory.book.open("failing") == 0, "all have ended")
        time.sleep(2)
        assert not {(e.tag, e.job) for e in again} & told, "no ending is told by both"
