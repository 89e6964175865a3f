"""What workloads are drawn with: the rates, medians and limits that are said."""

from __future__ import annotations

from random import Random
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.simulate.models import HOUR, Job
from autopyfactory.simulate.workloads.arrivals import around, at_once, in_order, jobs, pareto, poisson

SEEDS = st.integers(0, 10**6)


@given(SEEDS, st.floats(1, 200), st.floats(0, 5), st.floats(0, 3))
def test_arrivals_come_in_order_within_their_hours(
    seed: int, rate: float, start: float, hours: float
) -> None:
    times = list(poisson(Random(seed), rate, start, start + hours))
    assert times == sorted(times)
    assert all(start * HOUR <= t < (start + hours) * HOUR for t in times)


def test_arrivals_have_the_rate_and_the_spread_of_a_poisson_process() -> None:
    counts = [len(list(poisson(Random(seed), 50, 0, 2))) for seed in range(300)]
    assert mean(counts) == pytest.approx(100, abs=3)
    assert mean((n - 100) ** 2 for n in counts) == pytest.approx(100, rel=0.3), "its variance is its mean"


def test_a_rate_of_half_as_many_comes_half_as_often() -> None:
    a, b = (sum(len(list(poisson(Random(s), rate, 0, 1))) for s in range(200)) for rate in (40, 80))
    assert b / a == pytest.approx(2, rel=0.1)


def test_durations_lie_around_their_median() -> None:
    drawn = [around(Random(seed), 600, 0.5) for seed in range(2000)]
    assert median(drawn) == pytest.approx(600, rel=0.06)
    assert min(drawn) > 0
    assert [around(Random(1), 600, 0.0) for _ in range(3)] == [600.0] * 3


@given(SEEDS, st.floats(0.5, 10), st.floats(0.5, 3), st.floats(10, 1000))
def test_sizes_keep_within_least_and_most(seed: int, least: float, alpha: float, most: float) -> None:
    assert least <= pareto(Random(seed), least, alpha, most) <= most


@given(SEEDS, st.floats(0, 10), st.integers(0, 50), st.floats(1, 500))
def test_at_once_is_that_many_within_that_time(seed: int, hour: float, count: int, within: float) -> None:
    times = list(at_once(Random(seed), hour, count, within))
    assert len(times) == count
    assert all(hour * HOUR <= t <= hour * HOUR + within + 1e-6 for t in times)


def test_minutes_are_minutes() -> None:
    assert jobs(Random(1), [5.0, 3.0], 20, sigma=0.0) == [Job(5.0, 1200.0), Job(3.0, 1200.0)]


@given(st.lists(st.builds(Job, st.integers(0, 9).map(float), st.integers(1, 9).map(float))))
def test_order_changes_no_job_and_equal_times_keep_theirs(found: list[Job]) -> None:
    ordered = in_order(found)
    assert sorted(ordered, key=repr) == sorted(found, key=repr)
    for t in {j.ready_at for j in found}:
        assert [j for j in ordered if j.ready_at == t] == [j for j in found if j.ready_at == t]
    assert [j.ready_at for j in ordered] == sorted(j.ready_at for j in found)
