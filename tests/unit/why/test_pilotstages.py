"""A pilot's stages as its ads and its ending show them; what went wrong first stays the first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.ending import Account, Ending
from autopyfactory.why import pilotstages as stages
from autopyfactory.why.pilotstages import ADS, Known

CE = "condor ce.example.org ce.example.org:9619"


def ad(status: int, **more: Any) -> dict[str, Any]:
    given = {"ClusterId": 7, "ProcId": 0, "JobStatus": status, "GridResource": CE, **more}
    return {name: given.get(name) for name in ADS}


def ending(outcome: Any = "well", **more: Any) -> Ending:
    given = {
        "place": "s",
        "job": "7.0",
        "tag": "t",
        "queue": "q",
        "at": 200.0,
        "started": 150.0,
        "wall": 50.0,
    }
    return Ending(**{**given, "outcome": outcome, **more})


def names(p: Known) -> list[str]:
    return [s.name for s in p.stages]


def test_a_pilot_that_does_well() -> None:
    p = stages.sent("7.0", 100.0)
    p = stages.seen(p, ad(1), 101.0)
    assert (names(p), p.ahead) == (["submitted"], "at the CE")
    p = stages.seen(p, ad(1, GridJobId=f"{CE} 3.0"), 110.0)
    p = stages.seen(p, ad(2, GridJobId=f"{CE} 3.0", JobStartDate=150), 155.0)
    assert (p.running_since, p.ahead) == (150.0, "ended")
    p = stages.ended(p, ending(account=Account("ok", payloads=3)))
    assert names(p) == ["submitted", "at the CE", "running", "ended", "payloads", "summary"]
    assert (p.fate, p.trouble, p.over) == ("ended", None, True)
    assert [s.words for s in p.stages[1:]] == ["as 3.0", "", "exit code 0 after 50 s", "3 payloads", "ok"]


def test_one_that_only_its_site_says_runs() -> None:
    p = stages.seen(stages.sent("7.0", 100.0), ad(1, GridJobId=f"{CE} 3.0", GridJobStatus="running"), 110.0)
    assert (names(p), p.running_since) == (["submitted", "at the CE", "running"], 110.0)


def test_one_that_was_too_quick_to_be_seen() -> None:
    p = stages.seen(stages.sent("7.0", 100.0), ad(1), 101.0)
    p = stages.ended(p, ending())
    assert names(p) == ["submitted", "at the CE", "running", "ended"]


@pytest.mark.parametrize(
    ("reason", "code", "there", "who", "kind"),
    [
        ('SECMAN:2010:Received "DENIED" from server', 0, "", "credentials", "credential-refused"),
        ("SECMAN:2007:Failed to received post-auth ClassAd", 0, "", "credentials", "credential-refused"),
        ("Failed to execute 'x': invalid interpreter", 6, "HELD", "us", "wrapper-cannot-start"),
        ("The job was held by the CE's admin", 1, "HELD", "site", "held-by-person"),
    ],
)
def test_one_that_is_held(reason: str, code: int, there: str, who: str, kind: str) -> None:
    p = stages.sent("7.0", 100.0)
    p = stages.seen(p, ad(5, HoldReason=reason, HoldReasonCode=code, GridJobStatus=there), 120.0)
    assert p.fate == "held"
    assert p.trouble is not None
    assert (p.trouble.stage, p.trouble.who, p.trouble.code) == ("at the CE", who, kind)
    assert reason.split(":")[0] in p.trouble.words
    assert stages.ended(p, ending("removed")) == p, "what is done with it then is nothing new"


def test_a_ce_that_does_not_answer_and_one_that_does_again() -> None:
    p = stages.seen(stages.sent("7.0", 100.0), ad(1, GridResourceUnavailableTime=104), 110.0)
    assert (p.since, p.over) == (104.0, False)
    assert stages.seen(p, ad(1), 120.0).since == 0.0
    news = ad(1, GridResourceUnavailableTime=104, LastRemoteStatusUpdate=115)
    assert stages.seen(p, news, 120.0).since == 0.0
    p = stages.unreachable(p, "refused", "site", "tell the site", "ce-down")
    assert (p.fate, p.trouble.code) == ("unreachable", "ce-down")  # type: ignore[union-attr] - it has one


def trouble(e: Ending) -> stages.Trouble:
    """Return what is wrong with a pilot that was sent and then ended like this."""
    found = stages.ended(stages.sent("7.0", 100.0), e).trouble
    assert found is not None
    return found


def test_one_that_fails_says_where_and_why() -> None:
    t = trouble(ending("failed", exit_code=3, node="slot1@n7", said="the disk is full", said_in="/l/7.0.err"))
    assert (t.who, t.next) == ("us", "read what it wrote: /l/7.0.err")
    assert t.words == "failed on n7: exit code 3: the disk is full"
    account = Account("unfit", host="n8", owner="site", check="cvmfs", check_said="not mounted")
    t = trouble(ending("failed", exit_code=1, account=account))
    assert (t.who, t.words) == ("site", "failed on n8: exit code 1: check cvmfs: not mounted")


def test_ones_that_others_end() -> None:
    t = trouble(ending("dropped", hold_reason='Received "DENIED" from server', started=None, wall=0.0))
    assert (t.who, t.code) == ("credentials", "credential-refused")
    t = trouble(ending("removed", reason="via condor_rm (by user x)"))
    assert "somebody removed it: via condor_rm" in t.words


def test_time_is_up() -> None:
    p = stages.sent("7.0", 100.0)
    assert (waits := stages.given_up(p, "too long", "site", "ask")).trouble is not None
    assert waits.fate == "given up"
    runs = stages.given_up(stages.seen(p, ad(2), 120.0), "too long", "site", "ask")
    assert (runs.fate, runs.trouble) == ("runs", None)
    assert stages.ended(runs, ending()).fate == "ended"


EVENTS = st.lists(
    st.one_of(
        st.builds(lambda s, j: ("ad", ad(s, GridJobId=j)), st.integers(1, 7), st.sampled_from([None, CE])),
        st.builds(
            lambda o: ("end", ending(o)),
            st.sampled_from(["well", "empty", "failed", "dropped", "removed", "taken back"]),
        ),
    ),
    max_size=12,
)


@given(EVENTS)
def test_whatever_is_seen_stages_come_once_and_the_first_trouble_stays(events: list[tuple[str, Any]]) -> None:
    p, trouble = stages.sent("7.0", 100.0), None
    for n, (what, seen) in enumerate(events):
        over = p.over and p.fate != "runs"
        after = stages.seen(p, seen, 101.0 + n) if what == "ad" else stages.ended(p, seen)
        assert not over or after == p, "what is over stays as it is"
        p = after
        assert len(set(names(p))) == len(p.stages)
        assert [x.at for x in p.stages] == sorted(x.at for x in p.stages)
        assert trouble is None or p.trouble == trouble
        trouble = p.trouble
        assert p.over or p.trouble is None
