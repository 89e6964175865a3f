"""Which pilots are meant, and how old they are."""

from datetime import UTC, datetime, timedelta

import pytest

from autopyfactory.api.pilotquery import Ages, Wanted, summarize

NOW = datetime(2026, 11, 22, 2, 20, tzinfo=UTC)
T = int(NOW.timestamp())


def test_the_constraint_quotes_names_and_names_states() -> None:
    wanted = Wanted('a"b', ("idle", "held"), timedelta(days=8))
    assert wanted.constraint("f", NOW) == (
        'ApfFactory == "f" && MATCH_APF_QUEUE == "a\\"b" && (JobStatus == 1 || JobStatus == 5)'
        f" && EnteredCurrentStatus < {T - 8 * 86400}"
    )
    assert Wanted().constraint("f", NOW) == 'ApfFactory == "f"'


def test_a_state_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no such state: asleep"):
        Wanted(None, ("asleep",)).constraint("f", NOW)


def ad(queue: str | None, state: int, ago: int) -> dict[str, object]:
    return {"MATCH_APF_QUEUE": queue, "JobStatus": state, "EnteredCurrentStatus": T - ago}


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
