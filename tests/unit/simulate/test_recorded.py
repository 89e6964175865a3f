"""Recorded jobs and counts, as files hold them."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.simulate import recorded
from autopyfactory.simulate.models import Job


class TestRecorded:
    def test_jobs_in_csv_and_json(self, tmp_path):
        csv = tmp_path / "a.csv"
        csv.write_text("ready_at,duration\n2026-01-01T00:01:00,30\n2026-01-01T00:00:00Z,20\n")
        assert recorded.read(str(csv), 1).jobs == (Job(0, 20), Job(60, 30))
        file = tmp_path / "a.json"
        file.write_text('[{"ready_at": 100, "duration": 20}, {"ready_at": 160.5, "duration": 30}]')
        assert recorded.read(str(file), 1).jobs == (Job(0, 20), Job(60.5, 30))

    def test_arrivals_are_worked_out_from_counts(self, tmp_path):
        path = tmp_path / "counts.csv"
        # 10 jobs a minute come and run for 600 s: after the first ten minutes 100 run, and 10 a minute end
        path.write_text(
            "time,ready,running\n" + "".join(f"{60 * i},0,{min(100, 10 * i)}\n" for i in range(61))
        )
        jobs = recorded.read(str(path), 600).jobs
        steady = [j for j in jobs if 1200 <= j.ready_at < 3600]
        assert len(steady) == pytest.approx(400, abs=2)
        assert all(j.duration == 600 for j in jobs)

    def test_unknown_counts_are_left_out(self, tmp_path):
        path = tmp_path / "counts.json"
        rows = [{"time": 0, "ready": 5, "running": 0}, {"time": 60, "ready": None, "running": None}]
        path.write_text(json.dumps(rows))
        assert len(recorded.read(str(path), 600).jobs) == 5

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.csv", ""),
            ("a.csv", "ready_at,duration\nsoon,3\n"),
            ("a.csv", "ready_at,duration\n1,-3\n"),
            ("a.csv", "ready_at,duration\n1,nan\n"),
            ("a.csv", "time,ready\n1,3\n"),
            ("a.csv", "time,ready,running\n1,0,0\n"),
            ("a.json", '{"ready_at": 1}'),
            ("a.json", "[1]"),
            ("a.json", "{"),
        ],
    )
    def test_files_that_make_no_sense(self, tmp_path, name, text):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(ValueError, match=name):
            recorded.read(str(path), 600)

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.csv", "ready_at,duration\n1\n"),
            ("a.csv", "ready_at,duration\n1,2\n" + "x" * 200_000 + ",3\n"),
            ("a.json", "[" * 100_000),
            ("a.json", '[{"ready_at": 1, "duration": 2}, {"ready_at": 1}]'),
            ("a.json", '[{"ready_at": 1, "duration": Infinity}]'),
        ],
    )
    def test_rows_that_cannot_be_read_are_an_error_that_names_the_file(self, tmp_path, name, text):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(ValueError, match=name):
            recorded.read(str(path), 600)

    def test_times_with_and_without_a_zone_are_of_one_clock(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text(
            "time,duration\n2026-01-01T02:00:00+02:00,1\n2026-01-01T00:00:30,2\n2026-01-01T00:00:10Z,3\n"
        )
        assert recorded.read(str(path), 1).jobs == (Job(0, 1), Job(10, 3), Job(30, 2))


COUNTS = st.lists(
    st.tuples(st.integers(1, 900), st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=30
)


@given(COUNTS, st.floats(60, 7200))
def test_no_more_work_is_made_of_counts_than_explains_them(counts, payload):
    """What came = what is there at the end - what was at the beginning + what can have ended meanwhile."""
    now, rows = 0, []
    for pause, ready, running in counts:
        now += pause
        rows.append((float(now), float(ready), float(running)))
    first, last = rows[0], rows[-1]
    ended = sum(
        min(running, running * (t1 - t0) / payload) for (t0, _, running), (t1, _, _) in pairwise(rows)
    )
    came_at_least = last[1] + last[2] - first[1] - first[2] + ended
    peak = max(ready + running for _, ready, running in rows)
    if first[1] + first[2] == 0 and came_at_least < 1:
        return
    jobs = recorded.from_counts("q", rows, payload).jobs
    began = sum(j.ready_at == 0 for j in jobs)
    assert len(jobs) >= peak - ended - 1, "those that were there at once"
    assert len(jobs) - (first[1] + first[2]) > came_at_least - 1
    assert began >= first[1] + first[2]
    assert all(0 <= j.ready_at <= now - first[0] and j.duration == payload for j in jobs)


def test_where_nothing_is_recorded_that_is_said():
    for counts in ([], [(0.0, 0.0, 0.0), (60.0, 0.0, 0.0)]):
        with pytest.raises(ValueError, match="no work is recorded of q"):
            recorded.from_counts("q", counts, 600)
