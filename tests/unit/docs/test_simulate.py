"""What docs/simulate.md shows is what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from autopyfactory.cli.simulate import command

PAGE = Path(__file__).parents[3] / "docs" / "simulate.md"
FILES = re.compile(r"`(\w+\.conf)`,?\n\n```ini\n(.*?)```", re.DOTALL)
SHOWN = re.compile(r"```\n\$ autopyfactory simulate (.*?[^\\])\n(.*?)```", re.DOTALL)


def shown() -> list[tuple[str, str]]:
    """Return each command that the page shows with its output."""
    return [found for found in SHOWN.findall(PAGE.read_text(encoding="utf-8")) if found[1]]


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


@pytest.mark.parametrize(("arguments", "output"), shown(), ids=[a[:40] for a, _ in shown()])
def test_the_output_that_the_page_shows(tmp_path, monkeypatch, arguments: str, output: str) -> None:
    for name, text in FILES.findall(PAGE.read_text(encoding="utf-8")):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, shlex.split(arguments.replace("\\\n", " ")))
    assert result.exit_code == 0, result.output
    assert lines(result.output) == lines(output)


def test_the_page_shows_what_is_meant() -> None:
    assert len(shown()) == 3
    assert [n for n, _ in FILES.findall(PAGE.read_text(encoding="utf-8"))] == [
        "bare.conf",
        "adaptive.conf",
        "ready.conf",
    ]
