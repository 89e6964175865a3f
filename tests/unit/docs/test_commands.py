"""What the documentation tells to type exists: commands, their options, and files of this repository."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from autopyfactory.cli.main import cli

TOP = Path(__file__).parents[3]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]
OWN = TOP / "docs/reference.md"  # made from declarations


def lines(page: Path) -> Iterator[str]:
    """Yield the lines of a page's code, whole where they are continued, and what stands in backticks."""
    text = re.sub(r"\\\n\s*", " ", page.read_text())
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"^    (.*)$", text, re.MULTILINE)
    yield from (found.replace("\n", " ") for found in re.findall(r"`(autopyfactory [^`]*)`", text))


def calls(page: Path) -> list[str]:
    found = []
    for line in lines(page):
        for part in re.split(r"&&|;|\||\(|\)", line.partition("  #")[0]):
            words = part.strip().removeprefix("$ ").removeprefix("sudo ")
            words = re.sub(r"^runuser -u \w+ -- |^until ", "", words)
            if re.match(r"autopyfactory( [a-z-]|$)", words):
                found.append(words)
    return found


def missing(words: str) -> str | None:
    """Return the first word of a call that no command knows."""
    try:
        given = shlex.split(words, comments=True)[1:]
    except ValueError:
        return None  # half a line in a sentence
    context, command = click.Context(cli, info_name="autopyfactory"), cli
    expects = 0
    for word in given:
        if expects:
            expects -= 1
        elif word.startswith("--") and word != "--":
            name, _, value = word.partition("=")
            options = {o: p for p in command.params for o in p.opts + p.secondary_opts}
            if name in ("--help", "-h"):
                continue
            if name not in options:
                return word
            parameter = options[name]
            plain = isinstance(parameter, click.Option) and not parameter.is_flag and not parameter.count
            expects = int(plain and not value and not getattr(parameter, "_flag_needs_value", False))
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z][a-z-]*", word):
            found = command.get_command(context, word)
            if found is None:
                return word
            command = found
            context = click.Context(command, info_name=word, parent=context)
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_command_and_option_exists(page: Path) -> None:
    wrong = {call: word for call in calls(page) if (word := missing(call))}
    assert wrong == {}


def test_that_test_finds_what_is_wrong() -> None:
    assert missing("autopyfactory statsu") == "statsu"
    assert missing("autopyfactory --conf x status --no-such") == "--no-such"
    assert missing("autopyfactory config dmp") == "dmp"
    assert missing("autopyfactory status --sort queue east") is None
    assert sum(len(calls(page)) for page in PAGES) > 80


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_file_of_ours_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"(?<![\w/.<>-])((?:misc|bin|etc|tests|docs)/[\w./-]+)", page.read_text()))
    gone = {name for name in named if not (TOP / name.rstrip("/.")).exists()}
    # etc/ may be that of an example's host, tests/ that of a plugin author
    assert {n for n in gone if not n.startswith(("etc/", "tests/"))} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
