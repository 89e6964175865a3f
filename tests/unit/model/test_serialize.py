"""Plain data and back: what is written can be read, by this release, an older and a newer one."""

from __future__ import annotations

import contextlib
import enum
import json
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.record import CycleRecord, FactoryEvent, Troubles
from autopyfactory.model.serialize import from_plain, to_full, to_plain
from contracts.records import T0, cycle


@dataclass(frozen=True)
class Inner:
    x: int
    y: float = 0.0


@dataclass(frozen=True)
class Outer:
    name: str
    at: datetime | None = None
    one: Inner | None = None
    many: tuple[Inner, ...] = ()
    listed: list[Inner] = field(default_factory=list)
    named: Mapping[str, Inner] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    word: Literal["a", "b"] = "a"
    mixed: int | float | str = 0
    anything: Any = None


class Colour(enum.IntEnum):
    RED = 1


inner = st.builds(Inner, st.integers(), st.floats(-1e9, 1e9).map(lambda x: round(x, 3)))
moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7, minutes=-30))])).map(
    lambda when: when.replace(microsecond=when.microsecond // 1000 * 1000)
)
outer = st.builds(
    Outer,
    st.text(),
    st.none() | moments,
    st.none() | inner,
    st.lists(inner, max_size=3).map(tuple),
    st.lists(inner, max_size=3),
    st.dictionaries(st.text(), inner, max_size=3),
    st.dictionaries(st.text(), st.integers(-5, 5).map(float), max_size=3),
    st.sampled_from(["a", "b"]),
    st.integers() | st.text() | st.integers(-9, 9).map(lambda n: n / 8),
    st.none() | st.booleans() | st.lists(st.integers() | st.text(), max_size=3),
)


def through_json(plain: Any) -> Any:
    return json.loads(json.dumps(plain, allow_nan=False))


@given(outer)
def test_what_is_written_is_read_again(value: Outer) -> None:
    assert from_plain(Outer, through_json(to_plain(value))) == value
    assert from_plain(Outer, through_json(to_full(value))) == value


@given(outer)
def test_the_short_form_is_the_full_one_without_defaults(value: Outer) -> None:
    short, full = to_plain(value), to_full(value)
    assert set(full) == {f.name for f in fields(Outer)}
    assert set(short) <= set(full)
    for f in fields(Outer):
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        assert (f.name in short) == (getattr(value, f.name) != default)


def test_a_required_field_is_always_written() -> None:
    assert to_plain(Inner(0)) == {"x": 0}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (1.23456, 1.235),
        (0.0004, 0.0),
        (-2.0005001, -2.001),
        (3.0, 3.0),
        (True, True),
        (None, None),
        (10**30, 10**30),
        (Colour.RED, 1),
        ((1, (2, [3])), [1, [2, [3]]]),
        ({1: {"a": (0.12345,)}}, {"1": {"a": [0.123]}}),
        (datetime(2026, 11, 22, 2, 0, 0, 123456, UTC), "2026-11-22T02:00:00.123+00:00"),
        (datetime(2026, 11, 22, tzinfo=UTC), "2026-11-22T00:00:00.000+00:00"),
        (frozenset({7}), [7]),
    ],
)
def test_the_plain_form_of_one_value(value: object, plain: object) -> None:
    found = to_plain(value)
    assert found == plain
    assert type(found) in (type(plain), Colour)


@pytest.mark.parametrize("value", [object(), b"bytes", 1j, lambda: 0, timedelta(1), Inner])
def test_what_has_no_plain_form_is_named(value: object) -> None:
    with pytest.raises(TypeError, match=rf"{type(value).__name__} has no plain form|Inner"):
        to_plain({"deep": [value]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("at", 5),
        ("at", "yesterday"),
        ("at", {}),
        ("one", 7),
        ("one", []),
        ("one", "x"),
        ("one", {"y": 1.0}),  # lacks x
        ("one", {"x": 1, "y": "much"}),
        ("one", {"x": 1, "y": []}),
        ("many", 3),
        ("many", [3]),
        ("many", [{"x": 1}, {}]),
        ("listed", 3),
        ("named", [1]),
        ("named", 5),
        ("named", "text"),
        ("named", {"a": 1}),
        ("numbers", ["a"]),
        ("numbers", {"a": "many"}),
    ],
)
def test_a_shape_that_cannot_be_read_is_a_value_error(name: str, value: object) -> None:
    """Whoever reads a damaged file catches ValueError, and nothing else."""
    with pytest.raises(ValueError, match=r"."):
        from_plain(Outer, {"name": "n", name: value})


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from([CycleRecord, FactoryEvent, Troubles, Outer]),
    st.data(),
)
def test_whatever_a_damaged_file_holds_is_read_or_is_a_value_error(
    cls: type[Any], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([f.name for f in fields(cls)]))
    sound = {CycleRecord: to_full(cycle()), FactoryEvent: to_full(FactoryEvent("k", T0))}.get(cls, {})
    with contextlib.suppress(ValueError):
        from_plain(cls, {**sound, name: data.draw(plain_data)})


def test_a_word_and_a_field_that_a_newer_release_has_added_do_no_harm() -> None:
    read = from_plain(Outer, {"name": "n", "word": "c", "new": {"x": [1]}, "one": {"x": 1, "newer": 2}})
    assert read == Outer("n", word="c", one=Inner(1))  # type: ignore[arg-type]


def test_whole_numbers_are_read_as_fractions_where_these_are_declared() -> None:
    read = from_plain(Outer, {"name": "n", "numbers": {"a": 1}, "one": {"x": 1, "y": 2}})
    assert isinstance(read.numbers["a"], float)
    assert read.one is not None
    assert isinstance(read.one.y, float)


def test_a_time_without_a_zone_is_utc_so_that_it_can_be_compared() -> None:
    read = from_plain(Outer, {"name": "n", "at": "2026-11-22T02:00:00"})
    assert read.at == T0
    read = from_plain(Outer, {"name": "n", "at": "2026-11-22T04:00:00+02:00"})
    assert read.at == T0
    assert from_plain(Outer, {"name": "n", "at": "2026-11-22T02:00:00Z"}).at == T0


def test_a_default_that_is_made_is_not_shared() -> None:
    one, two = from_plain(Outer, {"name": "1"}), from_plain(Outer, {"name": "2"})
    one.listed.append(Inner(1))
    assert two.listed == []
    assert to_plain(two) == {"name": "2"}


def test_records_hold_nothing_that_has_no_plain_form() -> None:
    """Every kind of field that a cycle's record can hold, walked through by its declaration."""
    seen: set[type] = set()

    def fits(kind: Any) -> bool:
        return kind in (int, float, str, bool, datetime, type(None)) or is_dataclass(kind)

    def walk(cls: type) -> None:
        if cls in seen:
            return
        seen.add(cls)
        for name, hint in typing.get_type_hints(cls).items():
            for leaf in leaves(hint):
                assert fits(leaf) or isinstance(leaf, str | int), (cls, name, leaf)
                if is_dataclass(leaf):
                    walk(leaf)  # type: ignore[arg-type]

    def leaves(hint: Any) -> list[Any]:
        arguments = [a for a in getattr(hint, "__args__", ()) if a is not Ellipsis]
        return [leaf for a in arguments for leaf in leaves(a)] if arguments else [hint]

    walk(CycleRecord)
    walk(FactoryEvent)
    assert len(seen) > 10
