"""Commands that answer a person import only what they use: which modules, not how long it takes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.control.server import ControlServer
from autopyfactory.model.serialize import to_plain
from autopyfactory.why.model import LiveState
from contracts.records import T0, cycle
from patience import PATIENCE
from remembered import remember

CALL = """
import sys
from autopyfactory.cli.main import main
sys.argv = ["autopyfactory", *{words!r}]
try:
    main()
except SystemExit as end:
    assert (end.code or 0) == {code}, end.code
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
HISTORY = {"sqlalchemy", "sqlite3", "zstandard", "autopyfactory.history.reader"}
WRITING = {"autopyfactory.history.attach", "autopyfactory.history.upkeep", "autopyfactory.history.writer"}
CONFIGURATION = {"pydantic", "autopyfactory.config", "autopyfactory.options"}
TABLES = {"rich"}


def imported(*words: str, code: int = 0) -> set[str]:
    """Return the modules that are there after `autopyfactory WORDS` has ended with `code`."""
    done = subprocess.run(
        [sys.executable, "-c", CALL.format(words=words, code=code)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def configuration(folder: Path) -> Path:
    """Return the configuration of a factory that keeps its state in `folder`."""
    conf = folder / "factory.conf"
    conf.write_text(f"[Factory]\nfactoryId = f\nbaseLogDir = {folder}\nstatedir = {folder}\n")
    return conf


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ControlServer]:
    """What answers `status`, `pause` and `why` in place of a factory."""
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
        "why": {
            "record": to_plain(cycle("Q")),
            "live": to_plain(LiveState(now=T0, running=True)),
        },
        "why of so many": {"kept": to_plain([cycle("Q")]), "unread": None},
    }

    def handle(command: str, arguments: dict[str, Any]) -> Any:
        more = answers["why of so many"] if "last" in arguments else {}
        return json.loads(json.dumps(answers[command] | more))

    made = ControlServer(tmp_path / "control.sock", handle)
    made.start()
    yield made
    made.close()


@pytest.fixture
def factory(tmp_path: Path, server: ControlServer) -> Path:
    """The configuration of a factory that answers."""
    return configuration(tmp_path)


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


def test_everything_that_is_wrong_with_a_running_factory(factory: Path) -> None:
    found = imported("why", "--conf", str(factory))
    assert not found & (FACTORY | HISTORY | TABLES)


@pytest.fixture
def kept(factory: Path) -> Path:
    """The same configuration, with a history of one cycle."""
    remember(factory.parent, "f", cycle("Q"))
    return factory


def test_why_of_a_running_factory_which_reads_its_history_itself(kept: Path) -> None:
    found = imported("why", "Q", "--conf", str(kept))
    assert "autopyfactory.why" in found
    assert not found & (FACTORY | HISTORY | WRITING | TABLES)


@pytest.mark.parametrize("words", [("Q", "--at", "02:14"), ("Q", "--last", "1000")])
def test_why_of_long_ago_reads_the_history_and_takes_nothing_of_what_writes_it(
    kept: Path, words: tuple[str, ...]
) -> None:
    found = imported("why", *words, "--conf", str(kept))
    assert "autopyfactory.history.reader" in found
    assert not found & (FACTORY | WRITING | TABLES)


def test_status_without_factory_and_history(tmp_path: Path) -> None:
    conf = configuration(tmp_path)
    found = imported("status", "--conf", str(conf), code=3)
    assert not found & (FACTORY | HISTORY | WRITING)


def test_status_without_a_factory_reads_the_history_and_no_more(kept: Path, server: ControlServer) -> None:
    server.close()
    found = imported("status", "--conf", str(kept), code=3)
    assert "autopyfactory.history.reader" in found
    assert not found & (FACTORY | WRITING)
