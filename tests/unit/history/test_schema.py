"""What is stored: times in milliseconds, outcomes by number; neither may ever mean something else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.history.schema import OTHER, OUTCOMES, from_ms, outcome_number, to_ms
from autopyfactory.model.record import Outcome

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


FIRST, LAST = (datetime(year, 1, 1) for year in (1900, 9998))  # noqa: DTZ001 - as hypothesis wants them


@given(st.datetimes(FIRST, LAST, timezones=zones))
def test_a_moment_comes_back_to_its_millisecond(when: datetime) -> None:
    back = from_ms(to_ms(when))
    assert timedelta(0) <= when - back < timedelta(milliseconds=1)
    assert back.utcoffset() == timedelta(0)
    assert to_ms(back) == to_ms(when)


@given(*[st.datetimes(timezones=st.just(UTC))] * 2)
def test_what_is_later_is_not_stored_as_earlier(one: datetime, two: datetime) -> None:
    assert (to_ms(one) <= to_ms(two)) or one > two


@pytest.mark.parametrize(
    ("when", "ms"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, 0, 0, 0, 999, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(2026, 11, 22, 2, 0, tzinfo=UTC), 1_795_312_800_000),
        (datetime(2026, 11, 22, 3, 0, 0, 5000, tzinfo=timezone(timedelta(hours=1))), 1_795_312_800_005),
    ],
)
def test_moments_by_hand(when: datetime, ms: int) -> None:
    assert to_ms(when) == ms


def test_a_time_without_its_zone_is_none() -> None:
    with pytest.raises(TypeError):
        to_ms(datetime(2026, 1, 1))  # noqa: DTZ001


def test_every_outcome_has_a_number_and_those_on_disk_keep_theirs() -> None:
    """The order is what databases hold: this list only grows at its end."""
    assert OUTCOMES[:6] == ("nothing", "sent", "held back", "paused", "retired", "failed")
    assert set(OUTCOMES) == set(get_args(Outcome))
    assert [outcome_number(o) for o in OUTCOMES] == list(range(len(OUTCOMES)))
    assert outcome_number("of a later release") == OTHER
    assert OTHER not in range(len(OUTCOMES))
