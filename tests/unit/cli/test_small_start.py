"""Commands that answer a person import only what they use: which modules, not how long it takes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.control.server import ControlServer

CALL = """
import sys
from autopyfactory.cli.main import main
sys.argv = ["autopyfactory", *{words!r}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("\\n" + " ".join(sys.modules))
"""

# What serves the factory and other commands, by the module that is imported first.
FACTORY = {
    "autopyfactory.config.build",
    "autopyfactory.cycle",
    "autopyfactory.factory",
    "autopyfactory.plugins",
    "autopyfactory.simulate",
    "autopyfactory.sources",
    "classad2",
    "cryptography",
    "htcondor2",
    "jmespath",
    "matplotlib",
    "psutil",
    "requests",
    "simpy",
}
HISTORY = {"sqlalchemy", "sqlite3", "zstandard", "autopyfactory.history"}
CONFIGURATION = {"pydantic", "autopyfactory.config", "autopyfactory.options"}
TABLES = {"rich"}


def imported(*words: str) -> set[str]:
    """Return the modules that are there after `autopyfactory WORDS` has ended well."""
    done = subprocess.run(
        [sys.executable, "-c", CALL.format(words=words)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[Path]:
    """The configuration of a factory that answers `status` and `pause`."""
    answers: dict[str, Any] = {
        "status": {
            "factory": "f",
            "at": "2026-11-22T10:00:00+00:00",
            "started": "2026-11-22T09:00:00+00:00",
            "queues": [{"queue": "Q", "state": "running"}],
            "pauses": {},
            "notes": [],
        },
        "pause": {"queue": "Q", "words": "paused"},
    }
    conf = tmp_path / "factory.conf"
    conf.write_text(f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nstatedir = {tmp_path}\n")
    server = ControlServer(
        tmp_path / "control.sock", lambda command, _: json.loads(json.dumps(answers[command]))
    )
    server.start()
    yield conf
    server.close()


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_the_command_itself(word: str) -> None:
    found = imported(word)
    assert "click" in found
    assert not found & (FACTORY | HISTORY | CONFIGURATION | TABLES)


def test_status_of_a_running_factory(factory: Path) -> None:
    found = imported("status", "--conf", str(factory))
    assert "rich.table" in found
    assert not found & (FACTORY | HISTORY | {"rich.live"})


def test_pause_of_a_running_factory(factory: Path) -> None:
    found = imported("pause", "Q", "--conf", str(factory))
    assert "autopyfactory.pauses" in found
    assert not found & (FACTORY | HISTORY | TABLES)


def test_why_takes_the_history_and_nothing_of_the_factory() -> None:
    found = imported("why", "--help")
    assert "autopyfactory.why" in found
    assert not found & (FACTORY | HISTORY | TABLES)
