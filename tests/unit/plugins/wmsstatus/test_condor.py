"""Users' jobs of a pool as work, told apart by queue and by what they ask for."""

from __future__ import annotations

from typing import Any

import pytest

from autopyfactory.config.jobstates import CONDOR_WMS, Mapping
from autopyfactory.model.info import WMSQueueInfo
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.wmsstatus.condor import Condor, CondorOptions, beyond, summarize
from fakes import context


def row(queue: str | None, status: int, count: int, **more: Any) -> dict[str, Any]:
    return {"Q": queue, "JobStatus": status, "ApfFactory": None, "JobCount": count, **more}


ROWS = [
    row("a", 1, 5, RequestCpus=1, RequestMemory=2000),
    row("a", 1, 2, RequestCpus=8, RequestMemory=16000),
    row("a", 2, 3, RequestCpus=8, RequestMemory=16000),
    row("a", 5, 4, RequestCpus=1, RequestMemory="ifthenelse(...)"),
    row("b", 1, 7),
    row(None, 1, 11),
    {**row("a", 1, 100), "ApfFactory": "somebody's pilots"},
]


def plugin(**keys: str) -> Condor:
    section = Section.from_texts("q", {k.replace("__", "."): v for k, v in keys.items()})
    options, problems = bind(CondorOptions, section, section)
    assert options is not None, problems
    return Condor(options, context(wmsqueue="a"))


STATUS = summarize(ROWS, "Q", Mapping.load(CONDOR_WMS))


def test_counts_per_queue_and_in_all_without_our_pilots() -> None:
    assert STATUS.queues["a"] == WMSQueueInfo(ready=7, running=3, failed=4)
    assert STATUS.queues["b"] == WMSQueueInfo(ready=7)
    assert STATUS.queues["ANY"] == WMSQueueInfo(ready=25, running=3, failed=4)


@pytest.mark.parametrize(
    ("keys", "ready", "running"),
    [
        ({}, 7, 3),
        ({"wmsstatus__condor__cores": "8"}, 2, 3),
        ({"wmsstatus__condor__cores": "1"}, 5, 0),
        ({"wmsstatus__condor__cores": "2-"}, 2, 3),
        ({"wmsstatus__condor__cores": "1-8", "wmsstatus__condor__memory": "0-4000"}, 5, 0),
        ({"wmsstatus__condor__memory": "20000-"}, 0, 0),
    ],
)
def test_a_queue_takes_only_what_fits_its_pilots(keys: dict[str, str], ready: int, running: int) -> None:
    info = plugin(**keys).queue_info(STATUS)
    assert info is not None
    assert (info.ready, info.running) == (ready, running)


def test_queues_that_care_for_needs_ask_another_question() -> None:
    plain, cores, memory = (
        plugin(),
        plugin(wmsstatus__condor__cores="8"),
        plugin(wmsstatus__condor__memory="0-1"),
    )
    assert plain.source_key() != cores.source_key()
    assert cores.source_key() == memory.source_key()


def test_a_queue_without_jobs_in_a_complete_answer_has_none() -> None:
    other = Condor(CondorOptions(), context(wmsqueue="nobody's"))
    assert other.queue_info(STATUS) == WMSQueueInfo()


def test_the_same_schedd_written_in_three_ways() -> None:
    ways = [
        plugin(wmsstatus__condor__schedd="s@x", wmsstatus__condor__collector="c:9618"),
        plugin(wmsstatus__condor__queryargs="-name s@x -pool c:9618"),
        plugin(
            wmsstatus__condor__scheddhost="s@x",
            wmsstatus__condor__collectorhost="c",
            wmsstatus__condor__collectorport="9618",
        ),
    ]
    assert len({w.source_key() for w in ways}) == 1


def job(n: int, **given: object) -> dict[str, object]:
    asks = {"RequestCpus": 1, "RequestMemory": 100, "Requirements": None}
    return {"ClusterId": n, "ProcId": 0, **asks, **given}


def test_what_jobs_ask_for_that_pilots_have_not() -> None:
    jobs = [job(1, RequestCpus=8), job(2, RequestCpus=8), job(3, RequestMemory=9000), job(4)]
    assert beyond(jobs, 1, 2000) == [
        "jobs 1.0 and 1 more ask for 8 cores, pilots have 1",
        "job 3.0 asks for 9000 MB of memory, pilots have 2000",
    ]
    assert beyond(jobs, 8, 0) == []  # what pilots have is not known
    picky = [job(5, Requirements='TARGET.Label ==\n"\x1b[2Jx"'), job(6, Requirements="true")]
    assert beyond(picky, 1, 2000) == ['job 5.0 requires TARGET.Label == "\\x1b[2Jx"']
    assert beyond([], 1, 1) == []
