"""What others may say over the network: numbers and listed words, and plain names within our texts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest

from autopyfactory.options.binding import Binder
from autopyfactory.options.declare import NameList, Options, option, specs
from autopyfactory.options.interpolate import Values
from autopyfactory.options.problem import Where
from autopyfactory.options.remote import harmless, references
from autopyfactory.options.section import Section, Value

HERE, THERE = Where("/etc/queues.conf", 3), Where("https://example.org/q.conf", 7)


@pytest.mark.parametrize(
    ("kind", "safe"),
    [
        (int, True),
        (float, True),
        (bool, True),
        (int | None, True),
        (Literal["a", "b"], True),
        (Literal["a"] | None, True),
        (Annotated[int, "x"], True),
        (Annotated[float | None, "x"], True),
        (str, False),
        (str | None, False),
        (int | str, False),
        (Annotated[str, "x"], False),
        (NameList, False),
        (dict[str, int], False),  # its keys are texts
        (tuple[int, ...], False),
        (Any, False),
        (object, False),
    ],
)
def test_what_cannot_name_anything(kind: Any, safe: bool) -> None:
    assert harmless(kind) is safe


class Mixed(Options):
    number: int = option(1, key="number", description="")
    program: str | None = option(None, key="program", description="")
    label: str | None = option(None, key="label", description="", remote=True)
    risky: int = option(1, key="risky", description="", remote=False)


def test_a_declaration_decides_where_it_says_something() -> None:
    assert {s.field: s.remote for s in specs(Mixed)} == {
        "number": True,
        "program": False,
        "label": True,
        "risky": False,
    }


def section(own: dict[str, str], remote: dict[str, str]) -> Section:
    here = {k: Value(v, HERE) for k, v in own.items()}
    there = {k: Value(v, THERE) for k, v in remote.items()}
    return Section("A", Values(here | there, {}), HERE)


@pytest.mark.parametrize(
    ("own", "remote", "keys"),
    [
        ({}, {"number": "3", "label": "../x; rm"}, []),
        ({}, {"program": "/bin/sh", "risky": "2"}, ["program", "risky"]),
        ({"program": "/bin/sh", "risky": "2"}, {"number": "3"}, []),
        ({"program": "/opt/%(label)s/run"}, {"label": "BNL_1.2+x-y"}, []),
        ({"program": "/opt/%(label)s/run"}, {"label": ".."}, ["program"]),
        ({"program": "/opt/%(label)s/run"}, {"label": "."}, ["program"]),
        ({"program": "/opt/%(label)s/run"}, {"label": "a/b"}, ["program"]),
        ({"program": "run %(label)s"}, {"label": "a b"}, ["program"]),
        ({"program": "run %(label)s"}, {"label": "a\nb"}, ["program"]),
        ({"program": "run %(label)s"}, {"label": "a\n"}, ["program"]),  # nor at the end
        ({"program": "run %(label)s"}, {"label": "$(x)"}, ["program"]),
        ({"program": "run %(label)s"}, {"label": "é"}, ["program"]),
        ({"program": "run %(label)s"}, {"label": ""}, []),
        # through a text of ours
        ({"program": "run %(middle)s", "middle": "-x %(label)s"}, {"label": "a b"}, ["program"]),
        ({"program": "run %(middle)s", "middle": "-x %(label)s"}, {"label": "ab"}, []),
        # through one of theirs
        ({"program": "run %(label)s", "ours": "a b"}, {"label": "%(ours)s"}, ["program"]),
    ],
)
def test_what_is_taken_from_a_url(own: dict[str, str], remote: dict[str, str], keys: list[str]) -> None:
    found, problems = Binder().bind(Mixed, section(own, remote))
    assert [p.key for p in problems] == keys
    assert (found is None) == bool(keys)
    trusted, none = Binder(trust_urls=True).bind(Mixed, section(own, remote))
    assert trusted is not None
    assert none == []


def test_what_is_not_taken_hides_no_other_error() -> None:
    _, problems = Binder().bind(Mixed, section({"risky": "x"}, {"program": "/bin/sh", "number": "y"}))
    assert sorted(str(p.key) for p in problems) == ["number", "program", "risky"]
    assert all(p.where in (HERE, THERE) for p in problems)


def test_a_circle_ends() -> None:
    found = list(references(section({"a": "%(b)s", "b": "%(a)s"}, {}), "a"))
    assert found == []


def test_plain_sections_refer_to_nothing() -> None:
    assert list(references(Section.from_texts("A", {"a": "%(b)s"}), "a")) == []
