"""Room: no queue sends before it runs out, and a file system that hangs delays nobody."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.factory import room as module
from autopyfactory.factory.room import Least, Room, RoomWatch, room, room_watch, trees
from fakes import FACTORY
from patience import until
from place import Place

LEAST = Least(50_000_000, 1000)


def watch(found: dict[str, Room | OSError]) -> RoomWatch:
    def look(path: Path) -> Room:
        answer = found[path.name]
        if isinstance(answer, OSError):
            raise answer
        return answer

    return RoomWatch(lambda: {name: Path("/x") / name for name in found}, lambda: LEAST, look)


@pytest.mark.parametrize(
    ("state", "full", "low"),
    [
        (Room(10**9, 10**6), "", ""),
        (Room(10**9, None), "", ""),
        (Room(49_000_000, None), "no room in pilots /x/pilots: 49 MB left", ""),
        (Room(10**9, 999), "no room in pilots /x/pilots: 999 inodes left", ""),
        (Room(400_000_000, 10**6), "", "pilots /x/pilots is running full: 400 MB left"),
        (OSError(5, "Input/output error"), "no room is known of: pilots /x/pilots: Input/output error", ""),
    ],
)
def test_bytes_and_inodes_of_every_tree(state: Room | OSError, full: str, low: str) -> None:
    made = watch({"state": Room(10**9, 10**6), "pilots": state})
    made.look()
    assert made.full() == ((full,) if full else ())
    assert made.low() == ((low,) if low else ())


def test_it_is_told_once_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    found: dict[str, Room | OSError] = {"pilots": Room(3_000_000, None)}
    made = watch(found)
    for _ in range(3):
        made.look()
    assert [r.message for r in caplog.records] == ["no room in pilots /x/pilots: 3 MB left: no queue sends"]
    found["pilots"] = Room(10**10, None)
    made.look()
    assert caplog.records[-1].message == "there is room in pilots again"
    assert made.full() == ()


def test_a_file_system_that_hangs_delays_nobody_and_stops_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_LOOK", 0.0)
    hung, go_on = threading.Event(), threading.Event()

    def look(path: Path) -> Room:
        hung.set()
        go_on.wait()
        return Room(10**10, None)

    made = RoomWatch(lambda: {"logs": Path("/x")}, lambda: LEAST, look)
    made.start()
    try:
        hung.wait()
        assert made.full() == ("no room is known of: logs /x does not answer",)
    finally:
        made.stop()
        go_on.set()


def test_what_is_not_made_yet_has_the_room_of_where_it_will_be(tmp_path: Path) -> None:
    assert room(tmp_path / "a/b/c").bytes > 0
    assert list(trees(tmp_path, tmp_path, [tmp_path])) == [
        "the state folder",
        "the pilots' logs",
        "the factory's logs",
    ]


def test_a_closed_tree_of_pilots_logs_is_as_good_as_a_full_one(caplog: pytest.LogCaptureFixture) -> None:
    """The factory's own logs may lie in a folder that root has opened them in: they are no matter."""
    found: dict[str, Room | OSError] = {
        module.PILOTS: Room(10**9, 10**6, "Permission denied"),
        "the factory's logs": Room(10**9, 10**6, "Permission denied"),
    }
    made = watch(found)
    made.look()
    words = "the pilots' logs /x/the pilots' logs cannot be written to: Permission denied"
    assert made.full() == (words,)
    found[module.PILOTS] = Room(10**9, 10**6)
    made.look()
    assert made.full() == ()
    told = [f"{words}: no queue sends", "the pilots' logs can be written to again"]
    assert [r.message for r in caplog.records] == told


def test_logs_of_pilots_that_nobody_could_write(place: Place, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    place.configure(baseLogDir=str(closed / "pilots"))
    factory = place.start()
    until(lambda: (last := factory.queues["east"].last) and "cannot be written to" in last.reason)
    assert factory.queues["east"].last.outcome == "held back"
    (row,) = place.json("status", "east")["queues"]
    (problem,) = row["problems"]
    assert (problem["code"], problem["blocks"], row["sent"]) == ("not-writable", True, 0)
    assert "Let the factory's user write there" in place.run("why", "east").stdout
    closed.chmod(0o755)
    factory.room.look()
    until(lambda: factory.queues["east"].last.outcome == "sent")


def test_a_queue_stops_before_pilots_fail_and_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real file system, of which all that is left is less than what must be."""
    place.configure(room__minimum=str(10**9))
    factory = place.start()
    until(lambda: "no room in the state folder" in factory.queues["east"].last.reason)  # once it is looked at
    assert factory.queues["east"].last.outcome == "held back"
    (row,) = place.json("status", "east")["queues"]
    assert row["problems"][0]["code"] == "disk-full"
    assert row["sent"] == 0
    text: Any = place.run("why", "east").stdout
    assert f"No room in the state folder {place.folder}/state" in text
    assert "Make room there" in text


def test_what_is_watched_and_how_much_must_be_left_goes_by_the_options_of_the_moment(tmp_path: Path) -> None:
    options = FACTORY.model_copy(update={"base_log_dir": str(tmp_path / "a"), "room_minimum": 0})
    made = room_watch(lambda: options, tmp_path / "state", [tmp_path / "logs"])
    made.look()
    assert set(made.rooms) == {"the state folder", "the pilots' logs", "the factory's logs"}
    assert made.full() == ()
    options = options.model_copy(update={"base_log_dir": str(tmp_path / "b"), "room_minimum": 10**12})
    made.look()
    assert len(made.full()) == 3
    assert any(f"the pilots' logs {tmp_path}/b" in words for words in made.full())
