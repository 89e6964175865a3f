"""Ads of stuck pilots become groups, and only what is certain is called down."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from autopyfactory.condor.errors import CondorError
from autopyfactory.model.record import Match, Troubles
from autopyfactory.why.probe import Door, door, probe, probed
from autopyfactory.why.troubles import ATTRIBUTES, Matches, summarize

NOW = datetime(2026, 11, 22, 2, 20, tzinfo=UTC)
T = int(NOW.timestamp())


def ad(**given: Any) -> dict[str, Any]:
    return {**dict.fromkeys(ATTRIBUTES), "MATCH_APF_QUEUE": "A", "ClusterId": 17, "ProcId": 0, **given}


def test_held_pilots_are_grouped_by_what_differs_only_in_numbers() -> None:
    ads = [
        ad(
            JobStatus=5,
            HoldReason=f"token {n} expired",
            EnteredCurrentStatus=T - n,
            ProcId=n,
            HoldReasonCode=0,
        )
        for n in range(8)
    ]
    ads += [ad(JobStatus=5, HoldReason="no such moon", EnteredCurrentStatus=T)]
    first, second = summarize(ads, NOW)["A"].held
    assert (first.count, first.reason, first.example) == (8, "token 0 expired", "17.0")
    assert first.since == datetime.fromtimestamp(T - 7, UTC)
    assert (second.count, second.reason) == (1, "no such moon")


def test_queues_do_not_mix_and_pilots_of_no_queue_are_left_out() -> None:
    ads = [ad(JobStatus=5), ad(JobStatus=5, MATCH_APF_QUEUE="B"), ad(JobStatus=5, MATCH_APF_QUEUE=None)]
    found = summarize(ads, NOW)
    assert set(found) == {"A", "B"}
    assert found["A"].held[0].reason == "no reason given"


def test_a_ce_is_down_when_there_is_no_later_news() -> None:
    down = ad(JobStatus=1, GridResourceUnavailableTime=T - 60, GridResource="condor ce ce:9619", QDate=T - 90)
    found = summarize([down, {**down, "LastRemoteStatusUpdate": T - 70, "JobStatus": 2}], NOW)["A"]
    assert found.ce_down == 2
    assert found.ce_down_since == datetime.fromtimestamp(T - 60, UTC)
    assert found.ce == "condor ce ce:9619"
    assert found.oldest_pending == datetime.fromtimestamp(T - 90, UTC)
    back = summarize([{**down, "LastRemoteStatusUpdate": T - 5}], NOW)["A"]
    assert (back.ce_down, back.ce) == (0, "")


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        ("condor ce1 ce1.grid.test:9619", Door("ce1.grid.test", 9619, "ce1")),
        ("condor ce1 ce1.grid.test", Door("ce1.grid.test", 9618, "ce1")),
        ("arc https://arc.grid.test:2443/arex/rest/1.0", Door("arc.grid.test", 2443)),
        ("arc arc.grid.test", Door("arc.grid.test", 443)),
        ("batch slurm pilot@login.grid.test:12222", Door("login.grid.test", 12222)),
        ("batch slurm", None),
        ("batch slurm --rgahp-nopass", None),
        ("ec2 http://127.0.0.1:5000/", Door("127.0.0.1", 5000)),
        ("", None),
    ],
)
def test_where_a_ce_listens(resource: str, place: Door | None) -> None:
    assert door(resource) == place


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_the_door_is_tried(listening: int) -> None:
    assert probe(f"arc https://127.0.0.1:{listening}/", 5) == (
        "ce-refuses",
        f"127.0.0.1:{listening} accepts connections",
    )
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        assert probe(f"condor ce 127.0.0.1:{port}", 5) == (
            "ce-down",
            f"no connection to 127.0.0.1:{port} (Connection refused)",
        )
    assert probe("batch slurm", 5) is None


def test_only_a_ce_that_seems_down_is_tried(listening: int) -> None:
    fine = Troubles(NOW)
    assert probed(fine, 5) is fine
    down = probed(Troubles(NOW, ce_down=1, ce=f"arc https://127.0.0.1:{listening}"), 5)
    assert down.probe_code == "ce-refuses"


class Asked:
    """A schedd that is asked which machines would take a pilot."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.error: CondorError | None = None

    def match(self, constraint: str, *, deadline: float) -> Match | None:
        self.questions.append(constraint)
        if self.error:
            raise self.error
        return Match(8, 0)


def test_machines_are_asked_for_a_few_queues_at_a_time_and_not_again_and_again() -> None:
    schedd, matches = Asked(), Matches(most=2)
    queues = {"a", "b", "c"}
    first = matches.of(schedd, "F", queues, 1.0)  # type: ignore[arg-type]
    assert (set(first), len(schedd.questions)) == ({"a", "b"}, 2)
    for _ in range(3):
        assert matches.of(schedd, "F", queues, 1.0) == dict.fromkeys("abc", Match(8, 0))  # type: ignore[arg-type]
    assert len(schedd.questions) == 3
    assert matches.of(schedd, "F", {"a"}, 1.0) == {"a": Match(8, 0)}  # type: ignore[arg-type]
    schedd.error = CondorError("no answer", None)
    assert matches.of(schedd, "F", {"d"}, 1.0) == {}  # type: ignore[arg-type]
