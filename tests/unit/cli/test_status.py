"""`status`: the table says what the rows say, from the factory or else from the history."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autopyfactory.api.rows import queue_row
from autopyfactory.cli import status, why
from autopyfactory.cli.link import ControlError
from autopyfactory.cli.screen import console
from autopyfactory.cli.statustable import table
from autopyfactory.notify.trends import Trend
from autopyfactory.why.model import Cause
from contracts.records import T0, cycle
from place import Place
from remembered import remember

ROWS = [
    queue_row("east", cycle(ready=5, held=2), trend=Trend(ready=-3, since=T0), sent=70),
    queue_row("west", cycle(ready=50, outcome="failed")),
    queue_row("wrong", None, state="broken", problem="no [such] plugin"),
]


def answer(**more: Any) -> dict[str, Any]:
    """Return what a factory says, with `more`."""
    return {
        "factory": "f1",
        "at": (T0 + timedelta(minutes=3)).isoformat(),
        "started": T0.isoformat(),
        "queues": [row.as_dict() for row in ROWS],
        "pauses": {},
        "notes": [],
        **more,
    }


class Link:
    """Stands for the way to a factory: says what it was told, or raises it."""

    def __init__(self, says: Any):
        self.says = says
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def ask(self, command: str, *args: Any, **arguments: Any) -> Any:
        self.asked.append((command, arguments))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def run(monkeypatch: pytest.MonkeyPatch, says: Any, *words: str) -> Result:
    link = Link(says)
    monkeypatch.setattr(status, "Link", lambda conf: link)
    return CliRunner().invoke(status.command, list(words))


def line(text: str, queue: str) -> str:
    (found,) = (x for x in text.splitlines() if x.startswith(queue))
    return found


def test_missing_and_foreign_pilots_have_columns_when_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "missing" not in run(monkeypatch, answer()).output
    rows = [replace(ROWS[0], missing=3, foreign=0), replace(ROWS[1], missing=0, foreign=41)]
    output = run(monkeypatch, answer(queues=[row.as_dict() for row in rows])).output
    assert "missing foreign" in " ".join(line(output, "queue").split())
    assert " 3 " in line(output, "east") and " 41 " in line(output, "west")
    data = json.loads(run(monkeypatch, answer(queues=[rows[1].as_dict()]), "--json").output)
    assert (data["queues"][0]["missing"], data["queues"][0]["foreign"]) == (0, 41)


def test_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, answer())
    assert result.exit_code == 0, result.output
    assert line(result.output, "east").split()[:7] == ["east", "5", "-3", "12", "100", "2", "70"]
    assert "failed" in line(result.output, "west")
    assert line(result.output, "wrong").split()[1:6] == ["?"] * 5, "nothing is known, which is not zero"
    assert "broken: no [such] plugin" in result.output, "brackets are no markup"
    assert "f1" in result.output.splitlines()[0]
    assert "longest" not in result.output


def test_rows_are_chosen_and_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = json.loads(run(monkeypatch, answer(), "--sort", "ready", "--json").output)
    assert data["queues"][0]["queue"] == "west"
    data = json.loads(run(monkeypatch, answer(), "--filter", "held>0", "--json").output)
    assert [r["queue"] for r in data["queues"]] == ["east"]
    wrong = run(monkeypatch, answer(), "--filter", "colour=red")
    assert wrong.exit_code == 2
    assert "there is no column" in wrong.output


def test_how_long_pilots_wait_is_shown_when_that_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    old = replace(ROWS[0], oldest_pending=T0 - timedelta(hours=2), full=True)
    result = run(monkeypatch, answer(queues=[old.as_dict()]), "--longest")
    assert "longest pending" in result.output
    assert "2 h 3 min" in line(result.output, "east")
    assert "yes" in line(result.output, "east")


def test_notes_and_a_pause_of_all_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, answer(notes=["monitor: [x] refused"], pauses={"*": "paused: storm"}))
    assert "monitor: [x] refused" in result.output
    assert "all queues: paused: storm" in result.output


def test_what_a_factory_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, ControlError("there is no queue 'eats'"), "eats")
    assert result.exit_code == 1
    assert "there is no queue 'eats'" in result.output


def test_without_a_factory_and_a_history_it_says_so(place: Place) -> None:
    result = place.run("status", code=3)
    assert "no factory answers" in result.stderr


def test_without_a_factory_the_history_tells(place: Place) -> None:
    (place.folder / "state").mkdir(mode=0o700)
    remember(place.folder / "state", place.name, cycle("east", ready=5, at=T0))
    data = place.json("status", code=3)
    assert data["started"] is None
    assert [(r["queue"], r["state"]) for r in data["queues"]] == [("east", "stopped")]
    assert "(no factory answers: from the history)" in " ".join(place.run("status", code=3).stdout.split())
    assert "nothing is kept about west" in place.run("status", "west", code=3).stderr


REFUSED = "2 pilots held: the CE does not accept our credential"
HELD = Cause("credential-refused", REFUSED, "renew it", "credentials")
UNSURE = Cause("pilots-dropped", "1 pilot dropped by the schedd in the last hour", blocks=False)


def test_what_why_knows_is_in_the_table_and_can_be_asked_for_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [replace(ROWS[0], problems=(HELD, UNSURE)).as_dict(), queue_row("west", cycle()).as_dict()]
    text = run(monkeypatch, answer(queues=rows)).output
    assert "2 pilots held: the CE does not accept our credential (and 1 more)" in line(text, "east")
    assert "problem" not in run(monkeypatch, answer(queues=rows[1:])).output
    data = json.loads(run(monkeypatch, answer(queues=rows), "--problems", "--json").output)
    assert data["version"] == 1
    (row,) = data["queues"]
    assert (row["queue"], row["problems"][0]["code"]) == ("east", "credential-refused")


@pytest.mark.parametrize(
    ("problems", "code", "first"),
    [
        ((), 0, "OK: 3 queues, nothing is wrong"),
        ((UNSURE,), 1, "WARNING: 3 queues, something is wrong with 1"),
        ((UNSURE, HELD), 2, "CRITICAL: 3 queues, something is wrong with 1"),
    ],
)
def test_a_code_for_monitoring(
    monkeypatch: pytest.MonkeyPatch, problems: tuple[Cause, ...], code: int, first: str
) -> None:
    sound = [replace(row, problems=()).as_dict() for row in ROWS[1:]]
    rows = [replace(ROWS[0], problems=problems).as_dict(), *sound]
    result = run(monkeypatch, answer(queues=rows), "--check")
    assert (result.exit_code, result.output.splitlines()[0]) == (code, first)
    assert len(result.output.splitlines()) == 1 + len(problems)
    assert run(monkeypatch, answer(queues=rows)).exit_code == 0, "without --check a table was asked for"


def test_what_many_queues_have_is_one_line_for_monitoring(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "CE ce1 does not answer"
    down = [Cause("ce-down", f"{words} ({n} pilots affected)", "wait", shared=words) for n in range(7)]
    taken = {"ce-down": "acknowledged by anna: a new disk"}
    rows = [replace(ROWS[0], queue=f"q{n}", problems=(cause,)).as_dict() for n, cause in enumerate(down)]
    lines = run(monkeypatch, answer(queues=rows), "--check").output.splitlines()
    assert lines[1:] == ["7 queues (q0, q1, q2, q3, q4 and 2 more): CE ce1 does not answer"]
    quiet = [{**row, "acknowledged": taken} for row in rows]
    lines = run(monkeypatch, answer(queues=quiet), "--check").output.splitlines()
    assert lines[1:] == ["7 queues (q0, q1, q2, q3, q4 and 2 more): acknowledged by anna: a new disk"]


def test_no_factory_is_no_success(place: Place) -> None:
    (place.folder / "state").mkdir(mode=0o700)
    remember(place.folder / "state", place.name, cycle("east", ready=5, at=T0))
    assert place.run("status", "--check", code=3).stdout.startswith("UNKNOWN: 1 queue, ")
    place.json("status", code=3)


def test_in_a_pipe_each_row_is_one_line_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    long = [replace(ROWS[0], reason=f"first\n{'word ' * 900}end").as_dict(), ROWS[1].as_dict()]
    lines = run(monkeypatch, answer(queues=long)).output.splitlines()
    assert len(lines) == 5, "title, names, rule, two rows"
    assert line("\n".join(lines), "east").endswith("end")
    assert all(text == text.rstrip() for text in lines), "and no line is filled up with blanks"


@pytest.mark.parametrize("width", [60, 80, 100])
def test_on_a_narrow_terminal_what_was_decided_keeps_room(width: int) -> None:
    address = "gridgk01-very-long-name.racf.example.org:9619"
    reason = f"10 pilots to {address} through schedd-of-the-factory, cluster 4711"
    rows = [replace(row, reason=reason, problems=(HELD,)) for row in ROWS[:2]]
    screen = console(width)
    with screen.capture() as taken:
        screen.print(table(answer(), rows, width))
    lines = taken.get().splitlines()
    assert max(map(len, lines)) <= width
    assert sum(address in text for text in lines) == 2, "an address is not broken"
    for name in ("east", "west"):
        assert line(taken.get(), name).rstrip().endswith("3 min")


def test_pilots_that_a_cycle_has_sent_are_pending_at_once() -> None:
    before = queue_row("q", cycle(ready=30, pending=0, cap=10, outcome="nothing", sent=()))
    after = queue_row("q", cycle(ready=30, pending=0, cap=10))
    assert (before.pending, after.pending, after.submitted) == (0, 10, 10)
    assert after.unseen == 10, "the parts still add up"


def test_what_is_wrong_with_all_queues_worst_first(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        replace(ROWS[0], problems=(UNSURE,)).as_dict(),
        replace(ROWS[1], problems=(HELD,)).as_dict(),
        replace(ROWS[2], problems=(HELD,)).as_dict(),
    ]
    monkeypatch.setattr(why, "Link", lambda conf: Link(answer(queues=rows)))
    result = CliRunner().invoke(why.command, [])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "f1, 3 queues: something is wrong with 3 (from the running factory)"
    assert lines[2] == "west, wrong:", "one trouble of two queues is told once, before what stops nothing"
    assert "[who looks after credentials has to act]" in lines[3]
    assert lines[4] == "    Next: Renew it."
    assert "east:" in lines[5:]
    data = json.loads(CliRunner().invoke(why.command, ["--json"]).output)
    assert [t["queues"] for t in data["troubles"]] == [["west", "wrong"], ["east"]]
