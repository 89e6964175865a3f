"""Files of pilots: what was here and is gone stops the queue, what was never here says nothing."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from authkit import private_file, token
from autopyfactory.cycle.files import Lately, PilotFiles
from patience import until
from place import Place


def test_what_was_here_and_is_gone(tmp_path: Path) -> None:
    program, data = tmp_path / "pilot.sh", tmp_path / "data"
    described = {"executable": str(program), "transfer_input_files": f"{data}, https://x/y, $(HOME)/z"}
    files = PilotFiles()
    assert files.gone(described) == (), "they may be on the schedd's host"
    program.touch()
    data.touch()
    assert files.gone(described) == ()
    program.unlink()
    assert files.gone(described) == (f"{program} (executable) was on this host and is gone",)
    data.unlink()
    assert len(files.gone(described)) == 2
    program.touch()
    data.touch()
    assert files.gone(described) == ()
    program.unlink()
    assert files.gone({**described, "executable": "/other"}) == (), "it is not named any more"
    assert files.gone({**described, "transfer_executable": "False"}) == ()


def test_a_link_that_leads_nowhere_is_no_file_and_hides_nothing_of_the_others(tmp_path: Path) -> None:
    """Also one that leads to itself; what came behind it was not looked at."""
    program, data = tmp_path / "pilot.sh", tmp_path / "data"
    described = {"executable": str(program), "transfer_input_files": f"{data}, no\0name"}
    files = PilotFiles()
    program.touch()
    data.touch()
    assert files.gone(described) == ()
    data.unlink()
    for target in (program, tmp_path / "nowhere", data / "x"):
        program.unlink()
        program.symlink_to(target)
        assert len(files.gone(described)) == 2


def test_a_file_is_looked_at_once_in_a_moment_whoever_asks(tmp_path: Path) -> None:
    program, always, lately = tmp_path / "pilot.sh", Lately(0.0), Lately(3600.0)
    for _ in range(2):
        program.touch()
        assert always.exists(str(program))
        assert lately.exists(str(program))
        program.unlink()
        assert not always.exists(str(program))
    assert lately.exists(str(program)), "what was seen a moment ago"
    other = tmp_path / "other"
    assert not lately.exists(str(other))
    other.touch()
    assert lately.exists(str(other)), "what was put back counts at once"
    for one in (always, lately):
        with pytest.raises(OSError, match="File name too long"):
            one.exists("x" * 5000)


def test_an_executable_that_is_removed_stops_the_queue_in_the_next_cycle(place: Place) -> None:
    """Also when nothing is to be sent: it is told before pilots are lost by it."""
    program = place.folder / "pilot.sh"
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    program.chmod(0o755)
    place.configure(f"[own]\nwmsqueue = west\nexecutable = {program}\nexecutable.arguments =\n")
    factory = place.start()
    until(lambda: factory.queues["own"].last and factory.queues["own"].last.outcome == "nothing")
    program.unlink()
    until(lambda: factory.queues["own"].last.outcome == "held back")
    (row,) = place.json("status", "own")["queues"]
    assert [(c["code"], c["who"]) for c in row["problems"]] == [("files-missing", "us")]
    assert f"{program} (executable) was on this host and is gone" in place.run("why", "own").stdout
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    program.chmod(0o755)
    until(lambda: factory.queues["own"].last.outcome == "nothing")


def test_what_says_nothing_of_its_end_or_is_not_here_is_for_the_schedd_to_judge(tmp_path: Path) -> None:
    now, files = datetime.now(UTC), PilotFiles()
    os.mkfifo(tmp_path / "pipe")  # nobody waits for one who writes
    texts = {"opaque": "0paque", "endless": token(0, exp=None), "good": token(), "none": ""}
    for name, text in texts.items():
        private_file(tmp_path / name, text)
    for name in ("opaque", "endless", "good", "none", "missing", "pipe", "."):
        for command in ("scitokens_file", "x509userproxy"):
            assert files.expired({command: str(tmp_path / name)}, now) is None, name
    choice = files.expired({"scitokens_file": str(tmp_path / "good")}, now + timedelta(hours=2))
    assert choice is not None and choice.presented is None
    assert files.expired({"transfer_input_files": str(tmp_path / "good")}, now + timedelta(hours=2)) is None
    assert files.expired({}, now + timedelta(hours=2)) is None
