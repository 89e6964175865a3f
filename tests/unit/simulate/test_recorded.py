"""Recorded jobs and counts, as files hold them."""

from __future__ import annotations

import json

import pytest

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
