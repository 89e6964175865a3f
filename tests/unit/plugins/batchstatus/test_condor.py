"""Grouped counts of a schedd become pilots per queue, each in one place."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.condor.target import Target
from autopyfactory.config.jobstates import CONDOR_BATCH, Mapping
from autopyfactory.model.info import BatchQueueInfo, BatchStatus
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.batchstatus import condor
from autopyfactory.plugins.batchstatus.condor import Counted, summarize
from autopyfactory.plugins.pilotgroup import GRID, Group
from autopyfactory.why import explain
from contracts.records import cycle
from fakes import context


def row(queue: str, status: int, universe: int, stage: str | None, mark: str, ce: str, n: int) -> Counted:
    return Group(queue, mark, universe == GRID, ce), status, stage, n


def test_each_pilot_is_counted_in_its_queue_and_state() -> None:
    rows = [
        row("A", 1, 9, None, "m", "", 2),
        row("A", 1, 9, "PENDING", "m", "", 3),
        row("A", 1, 9, "UNKNOWN", "m", "", 1),
        row("A", 5, 9, "HELD", "", "", 4),
        row("A", 2, 9, "RUNNING", "m", "", 7),
        row("A", 3, 9, "RUNNING", "m", "", 1),  # removed, and perhaps not gone from its CE
        row("A", 4, 9, None, "x", "", 9),
        row("B", 2, 9, None, "x", "", 5),
        row("L", 1, 5, None, "m", "", 6),  # waits for a slot of the schedd's own pool, not for a CE
    ]
    status = summarize(rows, Mapping.load(CONDOR_BATCH), "m", "home")
    assert status.queues == {
        "A": BatchQueueInfo(pending=11, running=7, unsubmitted=2, waiting=4, held=4, leaving=1, done=9),
        "B": BatchQueueInfo(running=5),
        "L": BatchQueueInfo(pending=6, waiting=6),
    }
    assert (dict(status.others), status.identity) == ({"A": 4, "B": 5}, "home")
    assert (status.active, status.queue("A").shown) == (29, 18)
    assert status.queue("C") == BatchQueueInfo()


def test_idle_pilots_of_the_local_pool_are_not_told_to_be_on_their_way_to_a_ce() -> None:
    rows = [row("local", 1, 5, None, "m", "", 6), row("beyond", 1, 9, None, "m", "", 6)]
    status = summarize(rows, Mapping.load(CONDOR_BATCH), "m", "home")
    told = {}
    for name, batch in status.queues.items():
        record = cycle(name)
        assert record.inputs is not None
        told[name] = explain([replace(record, inputs=replace(record.inputs, batch=batch))]).headline
    assert "6 pilots pending (6 not yet at the CE)" in told["beyond"]
    assert "6 pilots pending, 0 running" in told["local"]


def test_idle_pilots_run_when_their_site_says_so() -> None:
    """HTCondor leaves a spot machine idle that ran already when it first looked."""
    rows = [row("Q", 1, 9, there, "m", "ce", 1) for there in ("running", "RUNNING", "pending", None)]
    rows += [row("Q", status, 9, "running", "m", "ce", 1) for status in (3, 5)]
    found = summarize(rows, Mapping.load(CONDOR_BATCH), "m")
    q = found.queues["Q"]
    assert (q.running, q.pending, q.waiting, q.unsubmitted, q.held) == (2, 4, 1, 1, 1)
    assert found.running_at == {"Q": {"ce": 2}}


def test_no_rows_are_no_pilots() -> None:
    status = summarize([], Mapping.load(CONDOR_BATCH))
    assert (dict(status.queues), status.active) == ({}, 0)


class Schedd:
    """Answers as a schedd would; remembers from when on it was asked for starts."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.keys: list[Sequence[str]] = []
        self.started: list[int | None] = []
        self.since: list[str | None] = []

    def census(self, keys: Sequence[str], *args: Any, **kwargs: Any) -> tuple[str, list[tuple[Any, ...]]]:
        """Rows are kept as they come one by one."""
        self.keys.append(keys)
        return "home", self.rows if "JobUniverse" in keys else [(*r[:3], r[-1]) for r in self.rows]

    def endings(
        self, *args: Any, started: int | None, since: str | None, **kwargs: Any
    ) -> tuple[str, list[Any], list[Any]]:
        self.started.append(started)
        self.since.append(since)
        return "home", [], []


def made() -> condor.Condor:
    section = Section.from_texts("q", {"batchstatus.condor.sleep": "6"})
    options, _ = bind(condor.CondorOptions, section, section)
    assert options is not None
    return condor.Condor(options, context())


def test_pilots_are_counted_by_groups_while_all_are_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    schedd = Schedd()
    monkeypatch.setattr(condor, "client", lambda target: schedd)
    plugin = made()
    new = (str(Group("A", "m", True, "ce")), 2, "RUNNING", "A", 9, "m", "ce", 3)
    old = (None, 1, None, "A", 5, None, None, 4)
    nobodys = (None, 2, None, None, 5, None, None, 100)

    def asked(*rows: tuple[Any, ...]) -> tuple[list[str], BatchStatus]:
        schedd.rows, schedd.keys = list(rows), []
        status = plugin.fetch()
        return ["by group" if keys == condor.BY_GROUP else "one by one" for keys in schedd.keys], status

    alone, both = BatchQueueInfo(running=3), BatchQueueInfo(running=3, pending=4, waiting=4)
    for rows, questions, expected in (
        ([new], ["by group"], alone),
        ([new, old], ["by group", "one by one"], both),
        ([new, old, nobodys], ["one by one"], both),
        ([new, ("other words", *old[1:])], ["one by one"], both),
        ([new], ["one by one"], alone),
        ([new], ["by group"], alone),
        ([new, nobodys], ["by group", "one by one"], alone),
    ):
        said, status = asked(*rows)
        assert (said, dict(status.queues)) == (questions, {"A": expected})
        assert (status.others, status.running_at) == ({"A": expected.shown}, {"A": {"ce": 3}})


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda parts: st.lists(parts, max_size=2) | st.dictionaries(st.text(max_size=3), parts, max_size=2),
    max_leaves=4,
)


@given(st.lists(st.tuples(ODD, ODD, ODD, ODD, ODD), max_size=3))
def test_whatever_others_write_into_their_ads_ours_are_counted(
    odd: list[tuple[Any, Any, Any, Any, Any]],
) -> None:
    """Whoever carries our factory's name, a list where there should be words costs no answer."""
    schedd = Schedd()
    schedd.rows = [(str(Group("A", "m", True, "")), 2, None, "A", 9, "m", None, 3)]
    schedd.rows += [(group, 1, there, queue, 9, mark, ce, 1) for group, there, queue, mark, ce in odd]
    with patch.object(condor, "client", lambda target: schedd):
        assert made().fetch().queue("A").running >= 3


def test_a_second_question_that_fails_is_the_first_one_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a schedd that is slow right after an upgrade is asked twice each time."""
    schedd = Schedd()
    schedd.rows = [(None, 1, None, "A", 5, None, None, 4)]
    real, fails = schedd.census, [True]

    def census(keys: Sequence[str], *args: Any, **kwargs: Any) -> tuple[str, list[tuple[Any, ...]]]:
        answer = real(keys, *args, **kwargs)
        if keys == condor.ONE_BY_ONE and fails:
            fails.pop()
            raise condor.Overrun("no answer within 20 s", Target("home"))
        return answer

    schedd.census = census  # type: ignore[method-assign]
    monkeypatch.setattr(condor, "client", lambda target: schedd)
    plugin = made()
    with pytest.raises(SourceError):
        plugin.fetch()
    plugin.fetch()
    assert schedd.keys == [condor.BY_GROUP, condor.ONE_BY_ONE, condor.ONE_BY_ONE]


def test_a_history_is_not_read_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at the first poll, and not after its schedd became another one: it can be years long."""
    schedd = Schedd()
    monkeypatch.setattr(condor, "client", lambda target: schedd)
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    plugin = made()
    plugin.endings("")
    plugin.endings("17.3")
    assert schedd.since == [f"EnteredCurrentStatus < {1_000_000 - 3600}", "17.3"]


def test_a_copied_tag_is_of_a_later_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    def ad(cluster: int, proc: int, status: int = 2) -> dict[str, Any]:
        return {"ApfSubmission": "t", "ClusterId": cluster, "ProcId": proc, "JobStatus": status}

    schedd = Schedd()
    history = [ad(100, 1, 4), ad(9, 1, 4)]
    schedd.look_up = lambda *a, **k: ("home", [ad(100, 0), ad(9, 0), ad(9, 2, 4)], history, True)  # type: ignore[attr-defined]
    monkeypatch.setattr(condor, "client", lambda target: schedd)
    found = made().search(frozenset({"t"}), 5).tags["t"]
    assert (found.cluster, found.alive, found.ended) == ("9", 0b1, 0b110)
    assert [(c.cluster, c.alive, c.ended) for c in found.copies] == [("100", 0b1, 0b10)]


def test_the_queue_is_gone_through_when_there_is_something_to_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the schedd the longer the more pilots there are; starts are not urgent."""
    schedd, now = Schedd(), [1_000_000.0]
    monkeypatch.setattr(condor, "client", lambda target: schedd)
    monkeypatch.setattr(time, "time", lambda: now[0])
    plugin = made()

    def asked(seconds: float) -> bool:
        now[0] += seconds
        plugin.fetch()
        plugin.endings("")
        return schedd.started[-1] is not None

    assert asked(0), "the first time"
    assert not asked(6) and not asked(53)
    schedd.rows = [(None, 2, None, "A", 9, "m", None, 5)]
    assert asked(1), "ten counts later: for starts"
    assert schedd.started[-1] == 1_000_000 - condor.OVERLAP, "since the last time, and a little before"
    assert not asked(6)
    schedd.rows = [(None, 4, None, "A", 9, "m", None, 1)]
    assert asked(6) and asked(6), "as long as one stands there that has ended"
    schedd.rows = []
    assert asked(-500), "when the clock was set back"
