"""Every command with `--json` prints JSON that says which version of its shape it is."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import pytest

from autopyfactory.cli.main import cli
from autopyfactory.cli.output import VERSION
from place import Place
from servers.cric import CRIC, real

# Each command with --json, and what to run of it: `{conf}` has queues, `{cric}` has CRIC's.
RUNS: dict[str, list[list[str]]] = {
    "breakers": [["breakers"]],
    "check": [["check"]],
    "config dump": [["config", "dump"], ["config", "dump", "east"], ["config", "dump", "--files"]],
    "credentials": [["credentials"]],
    "cric": [["--conf", "{cric}", "cric", "--dry-run"]],
    "history": [["history"], ["history", "east"]],
    "onboard": [["onboard", "east"]],
    "pilots": [["pilots"]],
    "pilots places": [["pilots", "places"]],
    "plan": [["plan"]],
    "reload": [["reload"]],
    "simulate": [
        ["simulate", "--queue", "east", "--ready", "5"],
        ["simulate", "--queue", "east", "--workload", "{jobs}", "--ce", "fast"],
    ],
    "probe": [["probe", "east"]],
    "status": [["status"]],
    "why": [["why"], ["why", "east"]],
    "worst": [["worst"]],
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("json"))
    try:
        place.start()
        place.wait_kept("east", "sent")
        yield place
    finally:
        place.stop()
        place.kill_pilots()


@pytest.fixture(scope="module")
def cric(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cric")
    with CRIC({"CERN": real()}) as server:
        (folder / "defaults.conf").write_text("[DEFAULT]\nexecutable = /bin/true\n")
        conf = folder / "factory.conf"
        conf.write_text(
            f"[Factory]\nfactoryId = f\nbaseLogDir = {folder}\nstatedir = {folder}\n"
            f"config.queues.plugin = CRIC\nconfig.queues.cric.url = {server.source}\n"
            f"[CRIC cern]\nvo = atlas\ncloud = CERN\ndefaultsfile = {folder}/defaults.conf\n"
        )
        yield str(conf)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Work of a minute: the cycles of the queue are fractions of a second."""
    path = tmp_path_factory.mktemp("jobs") / "jobs.csv"
    path.write_text("ready_at,duration\n0,60\n")
    return str(path)


def with_json(command: click.Command, name: str = "") -> Iterator[str]:
    """Yield the names of `command` and of all below it that have the option --json."""
    if any("--json" in option.opts for option in command.params):
        yield name
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            below = command.get_command(context, word)
            assert below is not None
            yield from with_json(below, f"{name} {word}".strip())


def test_every_command_with_json_is_tried_here() -> None:
    assert set(with_json(cli)) == RUNS.keys()


@pytest.mark.parametrize("words", [words for runs in RUNS.values() for words in runs], ids=" ".join)
def test_its_json_says_which_version_it_is(running: Place, cric: str, jobs: str, words: list[str]) -> None:
    text = running.run(*(word.format(cric=cric, jobs=jobs) for word in words), "--json", code=None).stdout
    objects = [json.loads(part) for part in (text.splitlines() if words[0] == "history" else [text])]
    assert objects
    assert all(isinstance(one, dict) and one["version"] == VERSION for one in objects)


def test_a_plan_is_told_as_data_not_as_prose(running: Place) -> None:
    data = json.loads(running.run("plan", "--json").stdout)
    assert "text" not in data
    assert (data["accepted"], data["changes"]["added"], data["changes"]["changed"]) == (True, [], {})
