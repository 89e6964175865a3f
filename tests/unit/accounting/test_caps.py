"""Caps are granted against the book, whatever a place shows."""

from __future__ import annotations

from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.caps import room, used
from autopyfactory.accounting.place import Places, View
from autopyfactory.model.decision import Cap
from autopyfactory.model.info import BatchQueueInfo


def test_each_scope_counts_what_was_sent_there() -> None:
    book, places = Book("mine"), Places()
    book.begin(Batch("a", "q1", "p1", "ce1", 4, mark="mine"))
    book.begin(Batch("b", "q2", "p2", "ce1", 3, mark="mine"))
    book.begin(Batch("c", "q2", "p2", "ce2", 2, mark="mine"))
    for cap, left in (
        (Cap("ce", 10, "R"), 3),
        (Cap("ce:CE1.", 10, "R"), 3),
        (Cap("ce:ce2", 10, "R"), 8),
        (Cap("factory", 10, "R"), 1),
        (Cap("schedd", 10, "R"), 6),
        (Cap("way", 10, "R"), 6),
        (Cap("queue", 10, "R"), 6),
        (Cap("factory", 5, "R"), 0),
    ):
        n, notes = room(book, places, 9, [cap], place="p1", ce="ce1", queue="q1")
        assert (n, len(notes)) == (left, 1), cap


def test_what_one_schedd_may_have_at_a_ce_is_not_used_up_by_another() -> None:
    """A gridmanager's limit (JobLimit): each schedd has gridmanagers of its own."""
    book, places = Book("mine"), Places()
    book.begin(Batch("a", "q1", "p1", "ce1", 4, mark="mine"))
    book.begin(Batch("b", "q2", "p2", "ce1", 10, mark="mine"))
    book.begin(Batch("c", "q3", "p1", "ce2", 10, mark="mine"))
    n, notes = room(book, places, 9, [Cap("way", 10, "R")], place="p1", ce="ce1", queue="q9")
    assert (n, notes) == (6, ("R (10) leaves 6: 4 active in way:p1 to ce1",))
    n, notes = room(book, places, 9, [Cap("way", 10, "R")], place="p2", ce="ce1", queue="q9")
    assert (n, notes) == (0, ("R (10) leaves 0: 10 active in way:p2 to ce1",))


def test_pilots_that_are_not_in_the_book_count_too() -> None:
    book, places = Book("mine"), Places()
    place = places.get("p1")
    place.take(View(0.0, {"q1": BatchQueueInfo(running=5)}, {"q1": 2}))
    place.strange = frozenset({"q1"})
    assert used(book, places, "factory") == 5
    assert used(book, places, "schedd:p1") == 5
    assert used(book, places, "queue:q1") == 5


def test_the_tightest_cap_bites() -> None:
    book, places = Book("mine"), Places()
    n, notes = room(
        book,
        places,
        9,
        [Cap("factory", 7, "A"), Cap("ce", 3, "B"), Cap("ce", 8, "C")],
        place="p",
        ce="c",
        queue="q",
    )
    assert n == 3
    assert [note.split()[0] for note in notes] == ["A", "B"]
