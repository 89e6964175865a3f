"""`autopyfactory wrapper`: build, show and try what a queue's pilots run."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autopyfactory.cli.main import cli

QUEUE = """[DEFAULT]
enabled = True
schedplugin = Null
batchsubmitplugin = Exec
[Q]
wrapper.payload = command
wrapper.checks = os
wrapper.option.command.command = echo
wrapper.option.command.arguments = 'a  b'
executable.arguments = c
[B]
wrapper.payload = comand
wrapper.option.command.x = 1
[F]
executable = /w.sh
"""


@pytest.fixture
def conf(tmp_path: Path) -> str:
    (tmp_path / "queues.conf").write_text(QUEUE)
    path = tmp_path / "autopyfactory.conf"
    path.write_text(
        f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}/logs\nstatedir = {tmp_path}\n"
        f"queueConf = {tmp_path}/queues.conf\n"
    )
    return str(path)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["wrapper", *words])


def test_build_writes_what_the_factory_would_send(conf: str, tmp_path: Path) -> None:
    out = tmp_path / "w.sh"
    done = run("build", "--conf", conf, "Q", "-o", str(out))
    assert done.exit_code == 0, done.output
    again = run("build", "--conf", conf, "Q", "-o", "-")
    assert again.stdout_bytes == out.read_bytes()


def test_show_tells_checks_payloads_rules_and_options(conf: str) -> None:
    shown = run("show", "--conf", conf, "Q").output
    for words in (
        "apf-wrapper-",
        "scratch",
        "command      needs nothing",
        "always -> command",
        "command.command = echo",
    ):
        assert words in shown, shown


def test_run_is_what_a_pilot_does(conf: str, capfd: pytest.CaptureFixture[str]) -> None:
    done = run("run", "--conf", conf, "Q")
    printed = capfd.readouterr().out
    assert done.exit_code == 0 and "\na  b c\n" in printed and "APF-SUMMARY {" in printed
    done = run("run", "--conf", conf, "Q", "--", "-x", "y")
    assert "\na  b -x y\n" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("queue", "told"),
    [
        ("B", "there is no payload 'comand' (did you mean command?)"),
        ("F", "composes no wrapper: it runs /w.sh"),
        ("nobody", "there is no queue 'nobody'"),
    ],
)
def test_what_cannot_be_built_is_told(conf: str, queue: str, told: str) -> None:
    done = run("show", "--conf", conf, queue)
    assert done.exit_code == 1 and told in done.output


def test_modules_are_listed_with_their_options() -> None:
    listed = run("modules").output
    for words in (
        "  cvmfs (25 s, limited, site)",
        "      repositories: ",
        "  panda (needs",
        "      arguments: ",
    ):
        assert words in listed, listed


def test_check_names_the_option_that_is_wrong(conf: str) -> None:
    done = CliRunner().invoke(cli, ["check", "--conf", conf])
    assert "wrapper.payload" in done.output and "did you mean command?" in done.output, done.output
    assert "wrapper.option.command.x" in done.output
