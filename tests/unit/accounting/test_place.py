"""Places by whatever name: one place is one, whoever spells it how, and no pilot is lost in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.accounting.absence import Absence
from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.place import Places, View
from autopyfactory.model.info import BatchQueueInfo


def book_of(*places: str) -> Book:
    book = Book("mine")
    for i, place in enumerate(places):
        book.begin(Batch(f"t{i}", "q", place, "ce", i + 1, mark="mine"))
    return book


def test_spellings_of_one_schedd_are_one_place() -> None:
    places = Places()
    one = places.get("AP@Collector.Example.ORG:9618")
    assert one.name == "ap@collector.example.org"
    assert places.get("ap@collector.example.org.") is one
    assert places.get("ap@collector.example.org:9619") is not one
    assert len(list(places)) == 2


def test_a_twin_is_another_place_with_the_same_identity() -> None:
    places = Places()
    a, b = places.get("a"), places.get("b")
    a.identity = b.identity = "schedd 7"
    assert places.twin(a, "schedd 7") is b
    assert places.twin(a, "schedd 8") is None
    a.identity = b.identity = ""
    assert places.twin(a, "") is None, "who does not tell is nobody's twin"


NAMES = ("a", "b", "c", "d")


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=6))
def test_merging_moves_every_line_and_every_name(merges: list[tuple[str, str]]) -> None:
    book, places = book_of(*NAMES), Places()
    for name in NAMES:
        places.get(name)
    one_of = {name: name for name in NAMES}
    for name, other in merges:
        place, into = places.get(name), places.get(other)
        if place is into:
            continue
        places.merge(book, place, into)
        one_of = {k: into.name if v == place.name else v for k, v in one_of.items()}
        assert book.open() == 1 + 2 + 3 + 4, "conservation"
        for called, known in one_of.items():
            assert places.resolve(called) == known == places.get(called).name
        assert {p.name for p in places} == set(one_of.values())
        for known in set(one_of.values()):
            mine = sum(i + 1 for i, n in enumerate(NAMES) if one_of[n] == known)
            assert book.open(f"schedd:{known}") == mine


def test_a_line_is_where_its_identity_is() -> None:
    """It may have been written down before a name was found to be another's, or was parted from it."""
    places, line = Places(), Batch("t", "q", "a", "ce", 1, identity="home")
    assert places.home_of(line) == "a", "nothing else is known"
    places.get("a").identity = "home"
    places.get("b").identity = "other"
    assert places.home_of(line) == "a"
    places.get("a").identity = "new"
    assert places.home_of(line) == "a", "nobody else is it"
    places.get("b").identity = "home"
    assert places.home_of(line) == "b"
    line.identity = ""
    assert places.home_of(line) == "a"
    places.aliases["a"] = "b"
    assert places.home_of(line) == "b"


def test_counts_from_before_a_merge_are_not_compared_with_more_lines() -> None:
    book, places = book_of("a", "b"), Places()
    a, b = places.get("a"), places.get("b")
    b.take(View(1.0, {"q": BatchQueueInfo(running=2)}, {}))
    b.identity = "schedd 7"
    places.merge(book, a, b)
    assert b.view is None
    assert {line.identity for line in book.lines("b")} == {"schedd 7", ""}


def test_a_look_up_in_vain_under_one_name_says_nothing_of_those_under_another() -> None:
    book, places = book_of("a", "b"), Places()
    (line,) = book.lines("a")
    line.doubts, line.missed_since = (Absence(1.0, 1),), 1.0
    places.merge(book, places.get("a"), places.get("b"))
    assert not line.doubts and line.missed_since is None


def test_a_new_view_begins_to_count_endings_anew() -> None:
    place = Places().get("a")
    place.ended["q", True] += 3
    place.take(View(1.0, {}, {}))
    assert not place.ended


@pytest.mark.parametrize("gone", ["a", "b"])
@pytest.mark.parametrize("known", [{"a", "b"}, {"a"}])
def test_a_place_is_not_reached_by_a_name_that_has_parted(known: set[str], gone: str) -> None:
    """Else who looks after its pilots would ask who answers there now. Who asks by that name goes on."""
    book, places = book_of("a"), Places()
    place, twin = places.get("a"), places.get("b")
    for one in (place, twin):
        if one.name in known:
            one.spec = f"SPEC {one.name}"
            one.specs[one.name] = one.spec
    places.merge(book, twin, place)
    assert place.specs.keys() == known
    (left,) = {"a", "b"} - {gone}
    places.part(book, place, gone, left)
    spec = f"SPEC {left}" if left in known else ""
    assert (place.name, place.spec, gone in place.specs) == (left, spec, False)
    new = places.get(gone)
    way = f"SPEC {gone}" if gone in known else ""
    assert (new.name, new.spec, new.specs) == (gone, way, {gone: way} if way else {})


@pytest.mark.parametrize("known", [{"a"}, {"b"}, {"a", "b"}])
def test_two_that_are_one_are_reached_by_all_ways_and_first_by_the_name_that_stays(known: set[str]) -> None:
    """Whichever of the two it was that knew them."""
    book, places = book_of("a"), Places()
    place, into = places.get("a"), places.get("b")
    place.specs.update({name: f"SPEC {name}" for name in known})
    place.spec = place.specs.get("a", "")
    places.merge(book, place, into)
    assert into.specs == {name: f"SPEC {name}" for name in known}
    assert into.spec == ("SPEC b" if "b" in known else "")
