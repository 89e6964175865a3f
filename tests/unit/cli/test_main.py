"""The command line: subcommands are found when called; one that is missing or broken harms no other."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import autopyfactory.cli
from autopyfactory.cli import main
from autopyfactory.daemon.options import DEFAULT_CONF
from place import Place

ECHO = """
import click
from autopyfactory.cli.confoption import conf_option
@click.command()
@conf_option
@click.argument("words", nargs=-1)
def command(conf, words):
    "Say it again."
    click.echo(f"{','.join(conf)} {' '.join(words)}")
"""


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules are subcommands; the table knows echo, absent and broken."""
    monkeypatch.setattr(autopyfactory.cli, "__path__", [*autopyfactory.cli.__path__, str(tmp_path)])
    table = {
        "echo": ("tst_echo", "Echo."),
        "absent": ("tst_absent", "?"),
        "broken": ("tst_broken", "Broken."),
    }
    monkeypatch.setattr(main, "COMMANDS", table)
    (tmp_path / "tst_echo.py").write_text(ECHO)
    (tmp_path / "tst_broken.py").write_text("import no_such_library")
    for name in list(sys.modules):
        if name.startswith("autopyfactory.cli.tst_"):
            del sys.modules[name]
    return tmp_path


def run(*words: str, **env: str) -> tuple[int, str]:
    result = CliRunner().invoke(main.cli, list(words), env=env)
    return result.exit_code, result.output


def test_help_lists_what_is_installed_and_loads_none_of_it(commands: Path) -> None:
    code, text = run("--help")
    assert code == 0
    assert "echo" in text
    assert "broken" in text
    assert "absent" not in text
    assert not [m for m in sys.modules if m.startswith("autopyfactory.cli.tst_")]


def test_a_command_runs(commands: Path) -> None:
    assert run("echo", "a", "b") == (0, f"{DEFAULT_CONF} a b\n")


def test_a_configuration_before_the_command_is_the_commands(commands: Path) -> None:
    assert run("--conf", "x.conf,y.conf", "echo") == (0, "x.conf,y.conf \n")
    assert run("--conf", "x.conf", "echo", "--conf", "z.conf") == (0, "z.conf \n")
    assert run("echo", AUTOPYFACTORY_CONF="e.conf") == (0, "e.conf \n")


def test_the_command_line_wins_over_the_environment_wherever_it_stands(commands: Path) -> None:
    for words in (("--conf", "b.conf", "echo"), ("echo", "--conf", "b.conf")):
        assert run(*words, AUTOPYFACTORY_CONF="a.conf") == (0, "b.conf \n")
    both = ("--conf", "b.conf", "echo", "--conf", "c.conf")
    assert run(*both, AUTOPYFACTORY_CONF="a.conf") == (0, "c.conf \n"), "the nearest"


@pytest.mark.parametrize(
    "words",
    [
        ("--conf", "{}", "config", "dump"),
        ("--conf", "{}", "pilots", "kill", "--all-queues"),
        ("pilots", "--conf", "{}", "kill", "--all-queues"),
        ("pilots", "kill", "--all-queues", "--conf", "{}"),
        ("pause", "--conf", "{}", "q"),
        ("--conf", "{}", "status"),
    ],
)
def test_a_file_that_does_not_exist_is_an_error_also_with_another_in_the_environment(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    other = tmp_path / "other.conf"
    other.write_text(f"[Factory]\nfactoryId = other\nstatedir = {tmp_path}\nbaseLogDir = {tmp_path}\n")
    for given in ("absent.conf", f"{other},absent.conf"):
        code, text = run(*(w.format(given) for w in words), AUTOPYFACTORY_CONF=str(other))
        assert code == 2, text
        assert "absent.conf" in text


@pytest.mark.parametrize("words", [("--conf", ",", "status"), ("status", "--conf", ","), ("--conf", ",")])
def test_a_configuration_without_a_name_is_an_error(words: tuple[str, ...]) -> None:
    code, text = run(*words)
    assert code == 2
    assert "names no file" in text


def test_an_empty_environment_is_no_error_where_a_command_names_its_files(commands: Path) -> None:
    assert run("echo", "--conf", "b.conf", AUTOPYFACTORY_CONF=",") == (0, "b.conf \n")


def test_a_command_that_is_not_installed(commands: Path) -> None:
    code, text = run("absent")
    assert code == 2
    assert "No such command 'absent'" in text


def test_a_broken_command_says_so_and_harms_no_other(commands: Path) -> None:
    code, text = run("broken")
    assert code == 7
    assert "the command broken cannot be loaded: No module named 'no_such_library'" in text
    assert run("echo", "x")[0] == 0


def test_every_installed_command_is_a_click_command_with_help() -> None:
    context = click.Context(main.cli)
    for name in main.cli.list_commands(context):
        command = main.cli.get_command(context, name)
        assert isinstance(command, click.Command), name
        assert command.help, name


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autopyfactory", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage: autopyfactory ")


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--conf", "{}", "e"),
        ("--conf", "{}", "pause", "e"),
        ("why", "e"),
        ("--conf", "{}", "config", "dump", "e"),
    ],
)
def test_names_of_queues_complete(place: Place, words: tuple[str, ...]) -> None:
    given = [w.format(place.conf) for w in words]
    env = {"AUTOPYFACTORY_CONF": str(place.conf)}
    asked = {"_AUTOPYFACTORY_COMPLETE": "bash_complete", "COMP_CWORD": str(len(given))}
    asked["COMP_WORDS"] = " ".join(["autopyfactory", *given])
    result = CliRunner().invoke(main.cli, [], env={**env, **asked}, prog_name="autopyfactory")
    assert result.output == "plain,east\n"
