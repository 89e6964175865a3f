"""`worst`: a table, CSV and JSON of the same."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from click.testing import CliRunner, Result

from autopyfactory.cli import worst
from endingkit import tallied
from place import Place


def run(place: Place, *arguments: str) -> Result:
    return CliRunner().invoke(worst.command, ["--conf", str(place.conf), *arguments])


def test_the_worst_comes_first_in_every_form(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.configure()
    (tmp_path / "state").mkdir(exist_ok=True)
    assert run(place).exit_code == 3
    tallied(tmp_path / "state")
    lines = run(place).output.splitlines()
    assert lines[0].split()[:2] == ["queue", "ended"]
    assert [line.split()[0] for line in lines[2:]] == ["worse", "bad", "good"]
    rows = list(csv.DictReader(io.StringIO(run(place, "--csv", "--most", "1").output)))
    assert [(r["queue"], r["failed"], r["failed_percent"]) for r in rows] == [("worse", "4", "80.0")]
    said = json.loads(run(place, "--json", "--sort", "ended", "--window", "week").output)
    assert said["window"] == "week"
    assert {r["queue"]: r["wasted_hours"] for r in said["queues"]} == {"good": 0.0, "bad": 1.0, "worse": 4.0}
