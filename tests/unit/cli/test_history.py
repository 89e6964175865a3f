"""`history`: what is kept, in the order in which it happened."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autopyfactory.cli.history import _line, command
from autopyfactory.history.reader import Stored
from autopyfactory.model.record import FactoryEvent
from contracts.records import cycle
from remembered import remember


@pytest.fixture(autouse=True)
def _now() -> None:
    """Ages are those of when the test begins: its file may have been read an hour before."""
    global NOW
    NOW = datetime.now(UTC).replace(microsecond=0)


def ago(minutes: int) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    conf = tmp_path / "factory.conf"
    conf.write_text(f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nstatedir = {tmp_path}\n")
    return conf


@pytest.fixture
def kept(conf: Path) -> Path:
    """The configuration of a factory that has kept three cycles of a queue, and an event between two."""
    cycles = [cycle("east", n, ago(m)) for n, m in enumerate((100, 20, 10))]
    remember(conf.parent, "f", *cycles, FactoryEvent("paused", ago(15), "paused: storm", "east"))
    return conf


def run(conf: Path, *words: str) -> Result:
    return CliRunner().invoke(command, ["--conf", str(conf), *words])


def test_an_hour_in_order_with_what_happened_between(kept: Path) -> None:
    done = run(kept, "east")
    assert done.exit_code == 0, done.output
    first, event, last = done.stdout.splitlines()
    assert "ready   37" in first
    assert event.endswith("-- paused: paused: storm")
    assert first[:20] < event[:20] < last[:20]


def test_since_and_until(kept: Path) -> None:
    assert len(run(kept, "east", "--since", "3h").stdout.splitlines()) == 4
    assert len(run(kept, "east", "--since", "3h", "--until", "1h").stdout.splitlines()) == 1


def test_json_is_an_object_a_line(kept: Path) -> None:
    found = [json.loads(line) for line in run(kept, "east", "--json").stdout.splitlines()]
    assert ["cycle" in data for data in found] == [True, False, True]
    assert found[1]["event"]["text"] == "paused: storm"


def test_what_the_history_holds(kept: Path) -> None:
    text = run(kept).stdout
    assert "schema version" in text
    assert "1 queue, at most 3 cycles" in text
    assert f"to {ago(10):%Y-%m-%d %H:%MZ}" in text
    assert json.loads(run(kept, "--json").stdout)["queues"] == 1


def test_what_is_not_there_is_an_error(kept: Path, tmp_path: Path) -> None:
    done = run(kept, "west")
    assert (done.exit_code, "nothing is kept about 'west'" in done.stderr) == (1, True)
    (tmp_path / "history.db").unlink()
    done = run(kept, "east")
    assert (done.exit_code, "there is no history yet" in done.stderr) == (1, True)


def test_a_thinned_cycle_says_for_how_many_it_stands() -> None:
    assert "alike" not in _line(Stored(cycle()))
    assert "last of 9 alike in 10 min, 4 pilots" in _line(Stored(cycle(), 9, 4, 600))
    assert "ready    ?  pending    ?" in _line(Stored(cycle(inputs=None)))


def test_what_happened_to_the_factory_is_told_with_every_queue_and_what_happened_to_another_is_not(
    kept: Path,
) -> None:
    events = [("started", None), ("paused", "west")]
    told = [FactoryEvent(kind, ago(12), f"{kind} it is", queue) for kind, queue in events]
    remember(kept.parent, "f", *told)
    text = run(kept, "east").stdout
    assert "started it is" in text
    assert "paused it is" not in text


def test_the_edges_of_a_time_belong_to_the_later_part(kept: Path) -> None:
    """What lies between two times is told once, wherever one cuts."""
    whole = run(kept, "east", "--since", "3h").stdout.splitlines()
    cut = f"{ago(20):%Y-%m-%dT%H:%M:%S}"
    first = run(kept, "east", "--since", "3h", "--until", cut).stdout.splitlines()
    second = run(kept, "east", "--since", cut).stdout.splitlines()
    assert first + second == whole
    assert len(first) == 1


def test_nothing_within_the_time_is_no_error(kept: Path) -> None:
    done = run(kept, "east", "--since", "5m")
    assert (done.exit_code, done.stdout) == (0, "")


def test_another_factorys_cycles_are_not_ours(kept: Path) -> None:
    remember(kept.parent, "other", cycle("theirs", 1, ago(5)))
    done = run(kept, "theirs")
    assert (done.exit_code, "nothing is kept about 'theirs'" in done.stderr) == (1, True)
