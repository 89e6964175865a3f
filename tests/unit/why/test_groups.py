"""Ads that share a fate: each in one group, whatever the ads hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.why.groups import held_there, moment, same_reason
from autopyfactory.why.troubles import ATTRIBUTES, summarize

NOW = datetime(2026, 11, 22, tzinfo=UTC)
THEN = 1_795_000_000
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just([1])


def ad(proc: int = 0, **values: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"MATCH_APF_QUEUE": "A", "JobStatus": 5, "ClusterId": 7, "ProcId": proc}
    return {**dict.fromkeys(ATTRIBUTES), **base, **values}


def test_numbers_and_paths_in_a_reason_do_not_make_another_of_it() -> None:
    texts = ["no file /a/b/1.out (errno 2)", "no file /c/d/77.out (errno 13)", "no slot"]
    found = same_reason([ad(i, HoldReason=t, HoldReasonCode=0) for i, t in enumerate(texts)])
    assert [(g.count, g.reason) for g in found] == [(2, texts[0]), (1, "no slot")]
    assert found[0].example == "7.0"


def test_a_hold_at_the_ce_is_another_than_the_same_one_here() -> None:
    there = {"GridJobStatus": "held", "HoldReason": "x", "HoldReasonCode": 0}
    found = same_reason([ad(0, **there), ad(1, **{**there, "GridJobStatus": "IDLE"}), ad(2, **there)])
    assert [(g.count, g.there) for g in found] == [(2, True), (1, False)]
    assert not held_there(ad())


def test_since_is_the_first_of_them_that_is_known() -> None:
    times = [THEN + 5, None, THEN, "soon"]
    (group,) = same_reason([ad(i, HoldReason="x", EnteredCurrentStatus=t) for i, t in enumerate(times)])
    assert group.since == datetime.fromtimestamp(THEN, UTC)
    assert same_reason([ad()])[0].since is None
    assert same_reason([ad()])[0].reason == "no reason given"
    assert same_reason([]) == ()


@pytest.mark.parametrize("value", [None, 0, -5, True, 1.5, "7", 10**11, 10**18, 10**30])
def test_what_is_no_time_is_not_known(value: Any) -> None:
    assert moment(value) is None


@given(st.lists(st.dictionaries(st.sampled_from(ATTRIBUTES), ANYTHING), max_size=8))
def test_an_ad_can_hold_anything_and_spoils_nothing(odd: list[dict[str, Any]]) -> None:
    """Anybody can put an ad with our factory's name into a schedd: one ended each round of the watch."""
    ads = [ad(i, **values) for i, values in enumerate(odd)]
    good = ad(99, MATCH_APF_QUEUE="good", HoldReason="token expired", EnteredCurrentStatus=THEN)
    found = summarize([*ads, good], NOW)
    assert [g.count for g in found["good"].held] == [1]
    known = [a for a in ads if a["MATCH_APF_QUEUE"] is not None]
    held = sum(a["JobStatus"] == 5 for a in known)
    assert sum(g.count for t in found.values() for g in t.held) == held + 1, "each held pilot is told of once"
    assert all(g.since is None or g.since.tzinfo for t in found.values() for g in t.held)


@pytest.mark.parametrize(
    ("unavailable", "news", "status", "down"),
    [
        (THEN, None, 1, True), (THEN, THEN - 1, 1, True), (THEN, THEN, 1, True), (THEN, THEN + 1, 1, False),
        (None, None, 1, False), (THEN, None, 5, False), ("soon", None, 1, True), (THEN, "soon", 1, True),
    ],
)  # fmt: skip
def test_a_ce_is_down_until_there_is_later_news_of_a_pilot(
    unavailable: Any, news: Any, status: int, down: bool
) -> None:
    one = ad(JobStatus=status, GridResourceUnavailableTime=unavailable, LastRemoteStatusUpdate=news)
    assert summarize([one], NOW)["A"].ce_down == int(down)
