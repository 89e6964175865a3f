"""Every command, given names that do not exist: no line calls an error one twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import click
import pytest

from autopyfactory.cli.main import cli
from place import Place

TWICE = re.compile(r"\berror\b.*\berror\b", re.I)
WRONG = ("nosuch", "wrong")  # there is no such queue; there is, with an error in its section
MORE = {"credentials keep": ["--once"]}  # what would go on for ever otherwise


def leaves(command: click.Command, above: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield each command that does something, with its whole name; the factory itself is none."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None
            yield from leaves(below, (*above, name))
    elif above:
        yield " ".join(above), command


LEAVES = dict(leaves(cli))


def wrong_lines(command: click.Command, wrong: str) -> Iterator[list[str]]:
    """Yield arguments with a wrong name as its arguments, and in each option that takes any text."""
    needed = [wrong for p in command.params if isinstance(p, click.Argument)]
    yield needed
    for p in command.params:
        if isinstance(p, click.Option) and not p.is_flag and p.name != "conf":
            yield [p.opts[0], wrong, *(needed if any(a.required for a in command.params) else ())]


def doubled(place: Place, name: str) -> Sequence[str]:
    found = []
    for wrong in WRONG:
        for line in wrong_lines(LEAVES[name], wrong):
            done = place.run(*name.split(), *MORE.get(name, ()), *line, code=None)
            assert done.exception is None or isinstance(done.exception, SystemExit), (line, done.exception)
            found += [f"{name} {line}: {text}" for text in done.output.splitlines() if TWICE.search(text)]
    return found


@pytest.mark.parametrize("name", LEAVES)
def test_no_error_is_called_one_twice(name: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.folder)
    assert not doubled(place, name)


@pytest.mark.parametrize("name", ("simulate", "status", "why", "config dump", "plan"))
def test_nor_in_a_configuration_that_cannot_be_read(
    name: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    place.conf.write_text("[Factory]\nfactoryId\n")
    assert not doubled(place, name)


def test_a_queue_that_is_not_there_is_told_with_those_that_are(place: Place) -> None:
    told = place.run("simulate", "--queue", "nosuch", code=1).stderr.splitlines()
    assert told[-1] == f"{place.conf}: error: there is no queue 'nosuch'; there are east, west, off"
    assert told[0].startswith("autopyfactory: ")
