"""What a value may be, in words: true of every option that there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.config.registry import KINDS, all_of
from autopyfactory.cric.selection import Selection
from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import LONGEST, Lenient, NameList, Options, OptionSpec, option, specs
from autopyfactory.options.describe import allowed, as_text, default_text, preferred_key
from autopyfactory.options.section import Section


def every_class() -> Iterator[type[Options]]:
    yield from (FactoryOptions, QueueOptions, Selection)
    for kind in KINDS:
        for found in all_of(kind):
            assert found.cls is not None, found.error
            yield found.cls.Options


CLASSES = list(dict.fromkeys(every_class()))
EVERY = [pytest.param(cls, s, id=f"{cls.__module__}-{s.keys[0]}") for cls in CLASSES for s in specs(cls)]


def problems_of(cls: type[Options], spec: OptionSpec, text: str) -> list[str]:
    """Return what is wrong with `key = text`, whatever else the class requires."""
    section = Section.from_texts("S", {spec.keys[0]: text})
    return [
        p.message for p in bind(cls, section, section)[1] if p.key == spec.keys[0] and p.value is not None
    ]


def test_there_are_many() -> None:
    assert len(CLASSES) > 40
    assert len(EVERY) > 300


@pytest.mark.parametrize(("cls", "spec"), EVERY)
def test_every_option_says_what_it_is_and_takes_its_own_default(cls: type[Options], spec: OptionSpec) -> None:
    assert spec.description
    assert "\n" not in spec.description
    assert allowed(spec)
    assert len(set(spec.keys + spec.legacy)) == len(spec.keys + spec.legacy)
    written = default_text(spec)
    if written:
        assert problems_of(cls, spec, written) == []
    if not spec.family:
        assert problems_of(cls, spec, "None") == []
    if spec.default is None and not spec.required and not spec.family:
        assert "or None" in allowed(spec)


@pytest.mark.parametrize("cls", CLASSES)
def test_no_key_means_two_options(cls: type[Options]) -> None:
    keys = [k for s in specs(cls) for k in (*s.keys, *s.legacy)]
    assert sorted(k for k in set(keys) if keys.count(k) > 1) == []


def test_defaults_that_are_written_are_read_as_what_they_were() -> None:
    """`config dump` and the starter file write them."""
    checked = 0
    for cls in CLASSES:
        texts = {s.keys[0]: default_text(s) for s in specs(cls) if default_text(s)}
        nothing = Section("S")
        expected, _ = bind(cls, nothing, nothing)
        if expected is None:  # it requires something
            continue
        section = Section.from_texts("S", texts)
        options, problems = bind(cls, section, section)
        assert problems == []
        assert options == expected
        checked += len(texts)
    assert checked > 60


class Sample(Options):
    whole: int = option(3, key="whole", ge=0, le=10, description="d", unit="pilots")
    above: float = option(1.5, key="above", gt=0, lt=2, description="d")
    time: int = option(60, key="time", unit="s", ge=0, description="d")
    bounded: int = option(60, key="bounded", unit="s", ge=0, le=100, description="d")
    lenient: int = option(60, key="lenient", unit="s", gt=0, lenient=Lenient(0, 5), description="d")
    flag: bool = option(False, key="flag", description="d")
    names: NameList = option(("a", "b"), key="names", description="d")
    some_names: NameList = option(("a",), key="some", min_length=1, description="d")
    word: Literal["x", "y"] = option("x", key="word", description="d")
    maybe: Literal["x", "y"] | None = option(None, key="maybe", description="d")
    text: str = option("", key="text", max_length=8, description="d")
    either: int | str | None = option(None, key="either", description="d")
    noted: Annotated[int | None, "note"] = option(None, key="noted", description="d")
    needed: str = option(key="needed", min_length=1, description="d")
    shaped: str | None = option(None, key="shaped", pattern="^a+$", description="d")


@pytest.mark.parametrize(
    ("field", "words", "default"),
    [
        ("whole", "whole number, at least 0, at most 10, in pilots", "3"),
        ("above", "number, more than 0, less than 2", "1.5"),
        ("time", "whole number, at least 0, in s", "60"),  # the limit that every time has is not told
        ("bounded", "whole number, at least 0, at most 100, in s", "60"),
        ("lenient", "whole number, 0 or less: 5, in s", "60"),
        ("flag", "True or False", "False"),
        ("names", "comma separated list", "a, b"),
        ("some_names", "comma separated list, not empty", "a"),
        ("word", "one of x, y", "x"),
        ("maybe", "one of x, y, or None", ""),
        ("text", "text, at most 8 characters", ""),
        ("either", "whole number or text, or None", ""),
        ("noted", "whole number, or None", ""),
        ("needed", "text, not empty", ""),
        ("shaped", "text, matching ^a+$, or None", ""),
    ],
)
def test_words_for_each_kind(field: str, words: str, default: str) -> None:
    (spec,) = [s for s in specs(Sample) if s.field == field]
    assert allowed(spec) == words
    assert default_text(spec) == default


@given(st.lists(st.text("abc.-_/", min_size=1), max_size=5).map(tuple))
def test_a_list_is_written_so_that_it_is_read_again(names: tuple[str, ...]) -> None:
    found, _ = bind(Sample, Section.from_texts("S", {"needed": "n", "names": as_text(names)}))
    assert found is not None
    assert found.names == names


@pytest.mark.parametrize("value", [0.1, 1e300, 5e-324, True, False, 7, -3])
def test_one_value_as_it_is_written(value: Any) -> None:
    kind = type(value)
    assert as_text(value) == repr(value)
    assert kind(as_text(value)) == value or kind is bool


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("x.child", "x.child.it"),
        ("x.parent", "x.parent.it"),
        ("x.par", "x.child.it"),  # no prefix of it, only of its letters
        ("", "x.child.it"),
        ("unknown", "x.child.it"),
    ],
)
def test_people_are_told_the_key_that_they_expect(prefix: str, key: str) -> None:
    class Child(Options):
        prefixes = ("x.child", "x.parent")
        it: int = option(1, key="{prefix}.it", description="d")

    (spec,) = specs(Child)
    assert preferred_key(spec, prefix) == key


def test_times_have_a_limit_that_clocks_can_do() -> None:
    assert LONGEST["s"] == 366 * 24 * 3600
    for text, taken in (("31622400", 31622400), ("31622401", None), ("1e12", None)):
        found, _ = bind(Sample, Section.from_texts("S", {"needed": "n", "time": text}))
        assert (found.time if found else None) == taken
