"""Pilots that go wrong on a real pool: stopped, named, probed, and sent again when the cause is mended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autopyfactory.factory import pilotcare
from autopyfactory.factory.factory import Factory
from autopyfactory.model.ending import Ending
from autopyfactory.model.record import CycleRecord, Event
from autopyfactory.why import explain
from factorybox import Box, InProcess
from patience import until
from testbed.pool import SITE, Pool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PERIOD = 10.0  # seconds between two cycles


@pytest.fixture(scope="module")
def pool(make_pool: Callable[..., Pool]) -> Pool:
    """A pool with room for ten pilots."""
    quick = {"NEGOTIATOR_INTERVAL": "2", "NEGOTIATOR_CYCLE_DELAY": "1", "SCHEDD_INTERVAL": "2"}
    return make_pool("site", SITE, NUM_CPUS="10", NUM_SLOTS="10", NUM_SLOTS_TYPE_1="10", **quick)


@pytest.fixture
def box(pool: Pool, tmp_path_factory: pytest.TempPathFactory, place: Path) -> Box:
    made = Box(place / tmp_path_factory.mktemp("box").name, pool, f"f-{tmp_path_factory.mktemp('name').name}")
    made.factory_options |= {"breaker.well": "10", "breaker.firstprobe": "600", "breaker.lastprobe": "600"}
    made.work({"bad": 100, "good": 100})
    return made


def queue(box: Box, name: str, script: str, **options: str) -> None:
    path = box.folder / f"{name}.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    box.queue(
        name,
        apfqueue__sleep=str(PERIOD),
        executable=str(path),
        **{"sched__maxtorun__maximum": "5", "batchsubmit__condorlocal__condor_attributes": SMALL, **options},
    )


SMALL = "request_memory = 1,request_disk = 1"


class Watch:
    """What happens, in order."""

    def __init__(self, factory: Factory):
        self.lock = threading.Lock()
        self.happened: list[tuple[str, int]] = []  # ("bad", 1) per failed pilot, ("sent", n) per cycle
        factory.book.endings.subscribe(self._endings)
        factory.reporting.listeners.append(self._event)
        self.records: list[CycleRecord] = []

    def _endings(self, endings: tuple[Ending, ...]) -> None:
        with self.lock:
            self.happened += [("bad", 1) for e in endings if e.queue == "bad" and e.bad]

    def _event(self, event: Event) -> None:
        if isinstance(event, CycleRecord) and event.queue == "bad":
            with self.lock:
                self.records.append(event)
                self.happened.append(("sent", event.submitted))

    def cycles_after_evidence(self, enough: int) -> list[int]:
        """Return how many pilots went in each cycle after so many had failed."""
        with self.lock:
            bad, sent = 0, []
            for what, n in self.happened:
                if what == "bad":
                    bad += 1
                elif bad >= enough:
                    sent.append(n)
            return sent


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stuck pilots are looked at every two seconds."""
    monkeypatch.setattr(pilotcare, "INTERVAL", 2.0)
    yield


def test_an_executable_that_fails_is_stopped_within_two_cycles_of_the_evidence_and_named(
    box: Box, impatient: None
) -> None:
    queue(box, "bad", "", sched__maxtorun__maximum="3")
    box.queues["bad"]["executable"] = "/bin/false"
    queue(box, "good", "sleep 600")
    with InProcess(box) as factory:
        watch = Watch(factory)
        until(lambda: (q := factory.queues["bad"].last) and q.breaker, "the breaker opens")
        until(lambda: len(watch.cycles_after_evidence(5)) >= 5, "more cycles")
        sent = watch.cycles_after_evidence(5)
        assert not any(sent[2:]), f"two cycles after five had failed nothing is sent: {sent}"
        record = factory.queues["bad"].last
        assert record is not None
        assert record.outcome == "held back"
        assert "/bin/false: exit code 1" in record.reason
        (cause,) = [c for c in explain([record]).causes if c.code == "breaker-open"]
        assert "/bin/false" in cause.words
        assert factory.queues["good"].last is not None
        assert factory.queues["good"].last.breaker is None, "the other queue at the same CE goes on"

        # somebody mends it: a probe goes at once, runs for long enough, and all is as before
        queue(box, "bad", "sleep 600", sched__maxtorun__maximum="3")
        assert factory.reload().applied
        until(lambda: box.pilots("bad") == 1, "one probe")
        until(lambda: box.pilots("bad") == 3, "the queue sends again")
        assert until(lambda: (q := factory.queues["bad"].last) and q.breaker is None, "it is closed")

        def kept() -> list[int]:
            return [r.submitted for r in watch.records if r.submitted]

        until(lambda: kept()[-2:] == [1, 2], "a record of one, and of the rest")


def test_a_node_that_swallows_pilots_is_named_and_the_site_goes_on(box: Box, impatient: None) -> None:
    """On one slot in ten pilots die at once, on the others they live; each says on which node it is."""
    script = (
        'case "$_CONDOR_SLOT" in slot1*|*slot1_*) host=node7 code=1 what=failed ;;\n'
        "*) host=node1 code=0 what=ok; sleep 20 ;; esac\n"
        "cat <<END\n"
        'APF-SUMMARY {"schema": 1, "exit": $code, "outcome": "$what", "host": "$host", "reason": "a test"}\n'
        "END\n"
        "exit $code"
    )
    queue(box, "bad", script, sched__maxtorun__maximum="10", sched__maxpercycle__maximum="10")
    with InProcess(box) as factory:
        watch = Watch(factory)
        named = until(lambda: (q := factory.queues["bad"].last) and q.bad_nodes, "the node is named")
        assert named[0].startswith("node7 (")
        seen = len(watch.records)
        until(lambda: len(watch.records) > seen + 3, "some cycles more")
        assert not [r.breaker for r in watch.records if r.breaker], "the site goes on"
        record = [r for r in watch.records if r.bad_nodes][-1]
        (cause,) = [c for c in explain([record]).causes if c.code == "bad-nodes"]
        assert 'TARGET.Machine != "node7"' in cause.next
        assert not cause.blocks
