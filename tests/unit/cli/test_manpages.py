"""Every command has a man page: made from the command line's declarations, and as `man` likes it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

from autopyfactory.cli.main import cli
from autopyfactory.cli.manpages import pages
from patience import PATIENCE

TOP = Path(__file__).parents[3]
FOLDER = TOP / "docs/man"
PAGES = pages(cli, "autopyfactory")


def test_every_command_has_a_page_and_no_page_is_of_a_command_that_is_gone() -> None:
    names = cli.list_commands(click.Context(cli))
    assert set(PAGES) == {f"autopyfactory-{name}.1" for name in names}
    assert set(PAGES) == {path.name for path in FOLDER.glob("*.1")}


@pytest.mark.parametrize("name", PAGES)
def test_what_is_shipped_is_what_is_declared(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name], "python -m autopyfactory.cli.manpages docs/man"


@pytest.mark.parametrize("name", PAGES)
def test_nothing_in_a_page_is_taken_for_a_request(name: str) -> None:
    known = (".TH ", ".SH ", ".SS ", ".TP", ".PP", ".B ", ".BR ", ".nf", ".fi")
    assert all(line.startswith(known) for line in PAGES[name].splitlines() if line[:1] in (".", "'"))
    command = ["groff", "-man", "-ww", "-z"]
    done = subprocess.run(
        command, input=PAGES[name], text=True, capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_subcommands_and_hostile_texts() -> None:
    @click.group("top")
    def top() -> None: ...

    @top.group("outer", short_help="Short.")
    @click.option("--number", type=int, default=3, show_default=True, help=".SH no request")
    def outer(number: int) -> None:
        """'First paragraph,
        of two lines with a \\ and a `word`.

        \b
        as it
          is
        """

    @outer.command("inner")
    @click.argument("name")
    @click.option("--hide", hidden=True)
    def inner(name: str, hide: str) -> None:
        """Inside."""

    @outer.command("secret", hidden=True)
    def secret() -> None:
        """Not told."""

    (text,) = pages(top, "prog").values()
    assert text.startswith('.TH "PROG-OUTER" "1"')
    assert "\n\\&'First paragraph, of two lines with a \\e and a \\(gaword\\(ga.\n" in text
    assert ".nf\nas it\nis\n.fi\n" in text
    assert "\n\\&.SH no request [default: 3]\n" in text
    assert '.SH "PROG OUTER INNER"\n' in text
    assert "[OPTIONS] NAME\n" in text
    assert "hide" not in text and "secret" not in text


def test_pip_and_the_rpm_ship_them() -> None:
    data = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    files = {place: patterns for place, patterns in data.items() if place.startswith("share/man/")}
    shipped = {path for patterns in files.values() for pattern in patterns for path in TOP.glob(pattern)}
    assert shipped == set(FOLDER.iterdir())
    assert all(
        Path(place).name == f"man{pattern[-1]}" for place, patterns in files.items() for pattern in patterns
    )
    spec = (TOP / "misc/rpm/autopyfactory.spec").read_text()
    assert "for page in docs/man/*.[158]" in spec
    assert re.search(r"^%\{_mandir\}/man\?/autopyfactory\*$", spec, re.MULTILINE)
