"""Taking pilots back: never more than asked, never another's, nothing that has started; and in which order.

The schedd is a list of ads here, and constraints are what HTCondor's own library makes of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import classad2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext
from autopyfactory.plugins.batchsubmit import condorbase
from autopyfactory.plugins.batchsubmit.condorce import CondorCE
from fakes import queue_options

SNAPSHOT = 1000  # when the counts were asked for, on which the chain decided


class AdSchedd:
    """Jobs that are there; some change while they are chosen."""

    def __init__(self, ads: list[dict[str, Any]], starting: set[int]) -> None:
        self.ads = ads
        self.starting = starting  # procs that begin to run between question and removal
        self.removed: list[dict[str, Any]] = []

    def _fit(self, constraint: str) -> list[dict[str, Any]]:
        tree = classad2.ExprTree(constraint)
        return [ad for ad in self.ads if tree.eval(classad2.ClassAd(ad)) is True]

    def query(self, constraint: str, projection: list[str], *, deadline: float) -> list[dict[str, Any]]:
        return [{name: ad.get(name) for name in projection} for ad in self._fit(constraint)]

    def act(self, action: str, constraint: str, *, reason: str, deadline: float) -> Mapping[str, int]:
        assert action == "remove"
        for ad in self.ads:
            if ad["ProcId"] in self.starting and ad["JobStatus"] == 1:
                ad |= {"JobStatus": 2, "JobCurrentStartDate": SNAPSHOT + 5}
        gone = self._fit(constraint)
        self.removed += gone
        self.ads = [ad for ad in self.ads if ad not in gone]
        return {"TotalSuccess": len(gone)}


def submit(**options: str) -> CondorCE:
    keys = {"batchsubmit.condorce.gridresource": "ce.example.org", **options}
    found, problems = bind(CondorCE.Options, Section.from_texts("Q", keys))
    assert found is not None, problems
    factory = FactoryOptions(factory_id="f", base_log_dir="/logs")
    return CondorCE(found, QueueContext("Q", queue_options(), factory))


def pilot(proc: int, status: int = 1, **ad: Any) -> dict[str, Any]:
    mine = {"ApfFactory": "f", "MATCH_APF_QUEUE": "Q", "ClusterId": 7, "ProcId": proc, "QDate": 100 + proc}
    return {**mine, "JobStatus": status, **ad}


def taken(
    monkeypatch: pytest.MonkeyPatch, ads: list[dict[str, Any]], n: int, order: str = "newest", **options: str
) -> list[int]:
    schedd = AdSchedd(ads, set())
    monkeypatch.setattr(condorbase, "client", lambda target: schedd)
    keys = {"batchsubmit.condorce.peaceful": "False", "batchsubmit.condorce.killorder": order, **options}
    done = submit(**keys).retire(n, 60, SNAPSHOT)
    assert done == len(schedd.removed)
    return [ad["ProcId"] for ad in schedd.removed]


def test_those_not_yet_at_the_ce_go_first_then_those_that_wait_then_those_that_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ads = [
        *(pilot(n, 2, GridJobId="x", JobCurrentStartDate=500) for n in (0, 1)),
        *(pilot(n, 1, GridJobId="x") for n in (2, 3)),
        *(pilot(n, 1) for n in (4, 5)),
    ]
    assert taken(monkeypatch, [*ads], 1) == [5]
    assert taken(monkeypatch, [*ads], 1, "oldest") == [4]
    assert sorted(taken(monkeypatch, [*ads], 3)) == [3, 4, 5]
    assert sorted(taken(monkeypatch, [*ads], 3, "oldest")) == [2, 4, 5]
    assert sorted(taken(monkeypatch, [*ads], 5)) == [1, 2, 3, 4, 5]


def test_another_schedd_that_answers_meanwhile_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of jobs are given again where a queue began anew; a superuser's removal asks for no owner."""

    class Replaced(AdSchedd):
        def act(self, action: str, constraint: str, *, reason: str, deadline: float) -> Mapping[str, int]:
            self.ads = [{**ad, "ApfFactory": None, "MATCH_APF_QUEUE": None} for ad in self.ads]
            return super().act(action, constraint, reason=reason, deadline=deadline)

    schedd = Replaced([pilot(0), pilot(1)], set())
    monkeypatch.setattr(condorbase, "client", lambda target: schedd)
    assert submit().withdraw(2, 60) == 0
    assert schedd.removed == []


def test_running_ones_go_only_where_the_queue_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ads = [pilot(0, 2, JobCurrentStartDate=500), pilot(1)]
    assert taken(monkeypatch, ads, 2, **{"batchsubmit.condorce.peaceful": "True"}) == []
    schedd = AdSchedd([*ads], set())
    monkeypatch.setattr(condorbase, "client", lambda target: schedd)
    assert submit(**{"batchsubmit.condorce.peaceful": "False"}).withdraw(2, 60) == 1
    assert [ad["ProcId"] for ad in schedd.removed] == [1]


ads_of_any_kind = st.lists(
    st.fixed_dictionaries(
        {
            "JobStatus": st.sampled_from([1, 2, 3, 4, 5]),
            "ApfFactory": st.sampled_from(["f", "f", "f", "F", "g"]),
            "MATCH_APF_QUEUE": st.sampled_from(["Q", "Q", "Q", "q", "R"]),
            "QDate": st.integers(0, 900),
            "JobCurrentStartDate": st.integers(900, 1100),
        },
        optional={
            "GridJobId": st.just("condor ce 1.0"),
            "GridJobStatus": st.sampled_from(["IDLE", "pending", "running", "RUNNING"]),
        },
    ),
    max_size=30,
)


def runs_there(ad: Mapping[str, Any]) -> bool:
    """Whether the schedd shows a pilot as idle that its site says runs."""
    return ad["JobStatus"] == 1 and str(ad.get("GridJobStatus")).lower() == "running"


@given(ads=ads_of_any_kind, starting=st.sets(st.integers(0, 29)), n=st.integers(1, 40), running=st.booleans())
def test_whatever_is_there(
    ads: list[dict[str, Any]], starting: set[int], n: int, running: bool
) -> None:
    numbered = [{**ad, "ClusterId": 7, "ProcId": proc} for proc, ad in enumerate(ads)]
    schedd = AdSchedd([dict(ad) for ad in numbered], starting)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(condorbase, "client", lambda target: schedd)
        plugin = submit(**{"batchsubmit.condorce.peaceful": "False"})
        done = plugin.retire(n, 60, SNAPSHOT) if running else plugin.withdraw(n, 60)
    assert done == len(schedd.removed) <= n, "never more than asked"
    for ad in schedd.removed:
        assert (ad["ApfFactory"], ad["MATCH_APF_QUEUE"]) == ("f", "Q"), "never another's"
        if ad["JobStatus"] == 2:
            assert running
            assert ad["JobCurrentStartDate"] < SNAPSHOT, "nothing that started after the snapshot"
        else:
            assert ad["JobStatus"] in (1, 5)
        assert running or not runs_there(ad), "not what its site says runs"
    left = [ad for ad in schedd.ads if (ad["ApfFactory"], ad["MATCH_APF_QUEUE"]) == ("f", "Q")]
    waiting = [ad for ad in left if ad["JobStatus"] in (1, 5) and (running or not runs_there(ad))]
    if any(ad["JobStatus"] == 2 for ad in schedd.removed) and not starting:
        assert not waiting, "those that run only when none is left that does not"
    away = [ad for ad in schedd.removed if ad["JobStatus"] in (1, 5) and "GridJobId" in ad]
    if away and not starting:
        assert not [ad for ad in waiting if "GridJobId" not in ad], "first those that their CE has not seen"
