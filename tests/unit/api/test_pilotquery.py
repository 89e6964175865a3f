"""Which pilots are meant, and how old they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from autopyfactory.api.pilotquery import ATTRIBUTES, CHUNK, Ages, Wanted, listed, remove, summarize

NOW = datetime(2026, 11, 22, 2, 20, tzinfo=UTC)
T = int(NOW.timestamp())


def test_the_constraint_quotes_names_and_names_states() -> None:
    wanted = Wanted('a"b', ("idle", "held"), timedelta(days=8))
    assert wanted.constraint("f", NOW) == (
        'ApfFactory =?= "f" && MATCH_APF_QUEUE =?= "a\\"b" && '
        '((JobStatus == 1 && (GridJobStatus == "running") isnt true) || JobStatus == 5)'
        f" && EnteredCurrentStatus < {T - 8 * 86400}"
    )
    assert Wanted().constraint("f", NOW) == 'ApfFactory =?= "f"'


def test_a_state_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no such state: asleep"):
        Wanted(None, ("asleep",)).constraint("f", NOW)


def ad(queue: str | None, state: int, ago: int, **more: object) -> dict[str, object]:
    known = {"MATCH_APF_QUEUE": queue, "JobStatus": state, "EnteredCurrentStatus": T - ago}
    return {"GridJobStatus": None, **known, **more}


def test_ages() -> None:
    ads = [
        ad("A", 1, 30),
        ad("A", 5, 400),
        ad("A", 2, 1000),
        ad("A", 2, 90),
        ad("B", 1, 7),
        ad(None, 1, 9999),
    ]
    found = summarize(ads)
    assert found["A"] == Ages(
        NOW - timedelta(seconds=400), NOW - timedelta(seconds=1000), NOW - timedelta(seconds=90)
    )
    assert found["B"] == Ages(NOW - timedelta(seconds=7))
    assert set(found) == {"A", "B"}
    assert summarize([ad("C", 1, 8, GridJobStatus="running")])["C"].oldest_pending is None, "its site says so"


@pytest.mark.parametrize(
    ("pending", "newest", "full"),
    [(400, 300, True), (400, None, True), (400, 60, False), (100, 300, False), (None, None, False)],
)
def test_full_means_that_pilots_wait_and_none_starts(
    pending: int | None, newest: int | None, full: bool
) -> None:
    def ago(seconds: int | None) -> datetime | None:
        return None if seconds is None else NOW - timedelta(seconds=seconds)

    assert Ages(ago(pending), ago(newest), ago(newest)).full(NOW) is full


class Schedd:
    """Gives these ads to every query, and says how many jobs each removal removed."""

    target = "s1"

    def __init__(self, ads: list[dict[str, Any]], *removed: int):
        self.ads, self.removed = ads, list(removed)
        self.queries: list[str] = []
        self.acts: list[tuple[str, str, str]] = []

    def query(self, constraint: str, names: Any, **given: Any) -> list[dict[str, Any]]:
        self.queries.append(constraint)
        return list(self.ads)

    def act(self, action: str, constraint: str, *, reason: str, deadline: float) -> dict[str, int]:
        self.acts.append((action, constraint, reason))
        return {"TotalSuccess": self.removed.pop(0)} if self.removed else {}


def job(cluster: int, proc: int, **more: Any) -> dict[str, Any]:
    ads: dict[str, Any] = dict.fromkeys(ATTRIBUTES)
    return ads | {"ClusterId": cluster, "ProcId": proc, "MATCH_APF_QUEUE": "A", "JobStatus": 1, **more}


def test_pilots_come_by_queue_and_number() -> None:
    schedd: Any = Schedd([job(10, 0), job(9, 1), job(9, 0), job(11, 0, MATCH_APF_QUEUE=None)])
    found = listed(schedd, "f", Wanted("A"), limit=9, deadline=5)
    assert [p.id for p in found] == ["9.0", "9.1", "10.0", "11.0"]
    assert found[-1].queue == ""
    assert schedd.queries == ['ApfFactory =?= "f" && MATCH_APF_QUEUE =?= "A"']


def test_an_ad_becomes_a_pilot_and_what_it_lacks_stays_empty() -> None:
    held = job(1, 0, JobStatus=5, HoldReason="no proxy", QDate=T, EnteredCurrentStatus=T, GridJobId="x#1")
    idle = job(2, 0, HoldReason="of old", QDate=0)
    strange = job(3, 0, JobStatus=99)
    schedd: Any = Schedd([held, idle, strange])
    one, two, three = listed(schedd, "f", Wanted(), limit=9, deadline=5)
    assert (one.state, one.reason, one.submitted, one.since) == ("held", "no proxy", NOW, NOW)
    assert (one.remote_id, one.target) == ("x#1", "s1")
    assert (two.state, two.reason, two.submitted, two.ce) == ("idle", "", None, "")
    assert three.state == "99"


def test_removal_goes_in_lots_and_asks_again_what_is_meant() -> None:
    schedd: Any = Schedd([job(n, 0) for n in range(CHUNK + 1)], CHUNK, 0)
    assert remove(schedd, "f", Wanted("A", ("held",)), reason="old", deadline=5) == (CHUNK + 1, CHUNK)
    first, second = schedd.acts
    assert first[0] == "remove"
    assert first[1].startswith(schedd.queries[0] + " && ("), "a pilot that started meanwhile is not meant"
    assert first[1].count("ClusterId") == CHUNK
    assert second[1].endswith(f"((ClusterId == {CHUNK} && ProcId == 0))")
    assert {reason for *_, reason in schedd.acts} == {"old"}


def test_nothing_found_removes_nothing() -> None:
    schedd: Any = Schedd([])
    assert remove(schedd, "f", Wanted("A"), reason="old", deadline=5) == (0, 0)
    assert schedd.acts == []
