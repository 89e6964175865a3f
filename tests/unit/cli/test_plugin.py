from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from autopyfactory.cli.plugin import command


def test_the_command_says_what_it_made_or_why_not(tmp_path: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(command, ["new", "sched", "Mine", "--into", str(tmp_path / "new")])
    assert made.exit_code == 0, made.output
    assert "autopyfactory-sched-mine: its README says" in made.output
    again = runner.invoke(command, ["new", "sched", "Mine", "--into", str(tmp_path / "new")])
    assert again.exit_code == 2 and "exists already" in again.output
    (tmp_path / "file").touch()
    failed = runner.invoke(command, ["new", "sched", "Mine", "--into", str(tmp_path / "file" / "below")])
    assert failed.exit_code == 1 and "Not a directory" in failed.output
    assert runner.invoke(command, ["new", "factory", "Mine"]).exit_code == 2
