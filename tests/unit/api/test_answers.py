"""The factory's word first, then what is kept; and what could not be known is said, never made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.api import answers
from autopyfactory.control.client import ControlError, NotRunning
from autopyfactory.history.place import HistoryError
from autopyfactory.history.reader import Stored
from autopyfactory.model.record import CycleRecord
from autopyfactory.model.serialize import to_plain
from autopyfactory.pauses import Pause, Pauses
from autopyfactory.why.explain import explain
from autopyfactory.why.model import LiveState
from contracts.records import T0, cycle

DOWN = NotRunning("no factory answers")
NOW = datetime.now(UTC)


class Access:
    """Stands for the way to a factory: what it says or raises, and what its history keeps."""

    def __init__(self, folder: Path, says: Any = DOWN, kept: list[CycleRecord] | None = None):
        self.state_dir, self.says, self.kept = folder, says, kept
        self.options = SimpleNamespace(factory_id="f")
        self.configuration = None
        self.asked: list[dict[str, Any]] = []
        self.open = 0

    def ask(self, command: str, **arguments: Any) -> Any:
        self.asked.append({"command": command, **arguments})
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def history(self) -> Any:
        if self.kept is None:
            raise HistoryError("there is no history yet")
        self.open += 1
        return self

    def latest(self) -> dict[str, Stored]:
        return {r.queue: Stored(r) for r in self.kept or ()}

    def last(self, queue: str, count: int, until: datetime | None) -> list[Stored]:
        found = [Stored(r) for r in self.kept or () if r.queue == queue]
        return [s for s in found if until is None or s.record.started <= until][-count:]

    def close(self) -> None:
        self.open -= 1


def access(*given: Any, **more: Any) -> Any:
    return Access(*given, **more)


def minutes(*numbers: int) -> list[CycleRecord]:
    return [cycle("east", n, T0 + timedelta(minutes=n)) for n in numbers]


def test_a_factory_that_runs_is_believed(tmp_path: Path) -> None:
    running = access(tmp_path, {"queues": []}, kept=minutes(1))
    assert answers.status(running, "east", longest=True) == {"queues": []}
    assert running.asked == [{"command": "status", "queue": "east", "longest": True}]
    answers.status(running)
    assert running.asked[-1] == {"command": "status"}, "no queue is no argument"


def test_a_name_that_the_factory_does_not_know_is_not_looked_for_in_the_history(tmp_path: Path) -> None:
    refuses = access(tmp_path, ControlError("there is no queue 'eats'"), kept=[cycle("eats")])
    with pytest.raises(answers.Unknown, match="eats"):
        answers.status(refuses, "eats")
    with pytest.raises(answers.Unknown, match="eats"):
        answers.why(refuses, "eats", 5)


@pytest.mark.parametrize(
    ("trouble", "state"), [(DOWN, "stopped"), (ControlError("the factory is busy"), "unknown")]
)
def test_a_factory_that_does_not_tell_leaves_the_history(
    tmp_path: Path, trouble: Exception, state: str
) -> None:
    made = access(tmp_path, trouble, kept=[cycle("west"), cycle("east")])
    found = answers.status(made)
    assert found["started"] is None
    assert found["notes"] == [str(trouble)]
    assert [(r["queue"], r["state"]) for r in found["queues"]] == [("east", state), ("west", state)]
    assert [r["queue"] for r in answers.status(made, "west")["queues"]] == ["west"]
    assert made.open == 0, "what was opened is closed"


def test_what_nothing_is_kept_of_is_unknown_with_both_reasons(tmp_path: Path) -> None:
    for made, reason in (
        (access(tmp_path), "no history yet"),
        (access(tmp_path, kept=[]), "nothing is kept"),
    ):
        with pytest.raises(answers.Unknown, match=f"no factory answers; .*{reason}"):
            answers.status(made, "east")
        assert made.open == 0


def test_pauses_are_in_force_without_a_factory_too(tmp_path: Path) -> None:
    Pauses(tmp_path / "pauses.json").set(Pause("east", NOW, reason="cooling"))
    found = answers.status(access(tmp_path, kept=minutes(1)))
    assert "cooling" in found["queues"][0]["pause"]
    assert "cooling" in found["pauses"]["east"]


def test_pauses_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "pauses.json").mkdir()
    found = answers.status(access(tmp_path, kept=minutes(1)))
    assert len(found["notes"]) == 2
    assert found["pauses"] == {}


def says(record: CycleRecord | None) -> dict[str, Any]:
    """Return the answer of a factory that runs to `why`."""
    return {"live": to_plain(LiveState(now=T0, running=True)), "record": record and to_plain(record)}


def test_why_puts_the_newest_after_what_is_kept_and_tells_no_cycle_twice(tmp_path: Path) -> None:
    newest = minutes(3)[0]
    made = access(tmp_path, says(newest), kept=minutes(1, 2, 3))
    records, live, problem = answers.why(made, "east", 5)
    assert (records, live.running, problem) == (minutes(1, 2, 3), True, None)
    assert answers.why(access(tmp_path, says(None), kept=minutes(1)), "east", 5)[0] == minutes(1)


def test_why_goes_on_without_a_history_and_says_so(tmp_path: Path) -> None:
    newest = minutes(3)[0]
    records, _, problem = answers.why(access(tmp_path, says(newest)), "east", 5)
    assert (records, problem) == ([newest], "there is no history yet")


def test_a_factory_may_read_its_history_for_us(tmp_path: Path) -> None:
    newest = minutes(3)[0]
    answer = {**says(newest), "kept": to_plain(minutes(1, 2, 3)), "unread": None}
    made = access(tmp_path, answer)  # with no history that we could read
    assert answers.why(made, "east", 5, relayed=True)[::2] == (minutes(1, 2, 3), None)
    assert made.asked == [{"command": "why", "queue": "east", "last": 5}]


def test_what_kept_the_factory_from_reading_is_told(tmp_path: Path) -> None:
    answer = {**says(minutes(3)[0]), "kept": [], "unread": "the disk is gone"}
    made = access(tmp_path, answer, kept=minutes(1))
    assert answers.why(made, "east", 5, relayed=True)[::2] == (minutes(3), "the disk is gone")


def test_a_factory_is_not_asked_for_a_long_history(tmp_path: Path) -> None:
    made = access(tmp_path, says(None), kept=minutes(1))
    assert answers.why(made, "east", answers.MOST_KEPT + 1, relayed=True)[0] == minutes(1)
    assert "last" not in made.asked[0]


def test_an_older_factory_that_does_not_read_it_leaves_that_to_us(tmp_path: Path) -> None:
    made = access(tmp_path, says(None), kept=minutes(1, 2))
    assert answers.why(made, "east", 5, relayed=True)[0] == minutes(1, 2)


def test_why_asks_no_schedd_unless_it_may(tmp_path: Path) -> None:
    made = access(tmp_path, says(None), kept=[])
    answers.why(made, "east", 5)
    answers.why(made, "east", 5, ask=False)
    assert [a.get("schedd", True) for a in made.asked] == [True, False]


def test_why_without_a_factory(tmp_path: Path) -> None:
    records, live, problem = answers.why(access(tmp_path, kept=minutes(1, 2)), "east", 1)
    assert (records, live.running, live.silent, problem) == (minutes(2), False, None, None)
    refused = answers.why(access(tmp_path, ControlError("you may not"), kept=minutes(1)), "east", 1)
    assert refused[1].silent == "you may not", "it may well run"


def test_a_queue_that_neither_configuration_nor_history_has_is_unknown(tmp_path: Path) -> None:
    made = access(tmp_path, kept=[])
    made.configuration = SimpleNamespace(
        queues={}, broken={}, factory=SimpleNamespace(enable_queues=True, factory_id="f")
    )
    with pytest.raises(answers.Unknown, match="there is no queue 'eats'"):
        answers.why(made, "eats", 5, schedd=False)
    made.kept = [cycle("eats")]  # it was there once
    assert answers.why(made, "eats", 5, schedd=False)[0] == made.kept


def test_what_was_then(tmp_path: Path) -> None:
    made = access(tmp_path, kept=minutes(1, 2, 3))
    assert answers.stored(made, "east", 1, T0 + timedelta(minutes=2)) == (minutes(2), None)
    assert answers.stored(access(tmp_path), "east", 1, None) == ([], "there is no history yet")


def test_a_story_as_data_has_its_text_and_its_records() -> None:
    records = minutes(1)
    found = answers.as_data(explain(records, None, queue="east"), records, "half a history")
    assert found["problem"] == "half a history"
    assert len(found["records"]) == 1
    assert found["text"] and all(isinstance(line, str) for line in found["text"])
