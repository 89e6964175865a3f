"""Ads become endings, whatever they hold."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.condor.endings import ENDED, ending_of, start_of


def ad(**given: Any) -> dict[str, Any]:
    known = {"ApfSubmission": "t", "MATCH_APF_QUEUE": "A", "ClusterId": 17, "ProcId": 3, "JobStatus": 4}
    return {**dict.fromkeys(ENDED), **known, "EnteredCurrentStatus": 1000, **given}


def test_a_pilot_that_ran() -> None:
    e = ending_of(ad(QDate=100, JobStartDate=400, CompletionDate=990, ExitCode=0, LastRemoteHost="slot1@n7",
                     Out="/l/17.3.out", Err="/l/17.3.err"))  # fmt: skip
    assert e is not None
    assert (e.job, e.tag, e.queue, e.at, e.outcome) == ("17.3", "t", "A", 990, "well")
    assert (e.wall, e.latency, e.host, e.output, e.errors) == (590, 300, "n7", "/l/17.3.out", "/l/17.3.err")


@pytest.mark.parametrize(
    ("given", "outcome", "how"),
    [
        ({"ExitCode": 3}, "failed", "exit code 3"),
        ({"ExitBySignal": True, "ExitSignal": 9}, "failed", "killed by signal 9"),
        ({"ExitBySignal": False, "ExitSignal": 9, "ExitCode": 0}, "well", ""),
        ({}, "well", ""),  # a CE that does not say
        ({"JobStatus": 3, "RemoveReason": "via condor_rm (by user x)"}, "removed", ""),
        ({"JobStatus": 3, "RemoveReason": "AutoPyFactory: more pilots than needed"}, "taken back", ""),
        (
            {"JobStatus": 3, "RemoveReason": "AutoPyFactory: more pilots than needed", "JobStartDate": 5},
            "removed",
            "",
        ),
        ({"JobStatus": 3, "RemoveReason": "PeriodicRemove"}, "dropped", "dropped by the schedd"),
    ],
)  # fmt: skip
def test_outcomes(given: dict[str, Any], outcome: str, how: str) -> None:
    e = ending_of(ad(**given))
    assert e is not None
    assert (e.outcome, e.how) == (outcome, how)


def test_an_ad_of_none_of_our_pilots() -> None:
    assert ending_of(ad(ApfSubmission=None)) is None
    assert ending_of(ad(MATCH_APF_QUEUE=None)) is None


def test_starts() -> None:
    s = start_of(ad(QDate=100, JobStartDate=130))
    assert s is not None and (s.job, s.queue, s.at, s.latency, s.tag) == ("17.3", "A", 130, 30, "t")
    assert start_of(ad()) is None


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.none())


@given(st.dictionaries(st.sampled_from([n for n in ENDED if n not in ("ClusterId", "ProcId")]), VALUES))
def test_an_ad_can_hold_anything(odd: dict[str, Any]) -> None:
    for made in (ending_of(ad(**odd)), start_of(ad(**odd))):
        assert made is None or made.queue == str(odd.get("MATCH_APF_QUEUE", "A"))
