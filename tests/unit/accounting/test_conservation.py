"""What a place shows can never make the book count less than it has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.accounting.book import Batch, Book, bits
from autopyfactory.accounting.conservation import balance, batch_info, troubled
from autopyfactory.accounting.place import Places, View
from autopyfactory.model.info import BatchQueueInfo, BatchStatus

few = st.integers(0, 6)


def book_of(own: int, adopted: int, just_sent: int, at: float = 5.0) -> Book:
    book = Book("mine")
    for tag, n, mark, when in (
        ("a", own, "mine", 0.0),
        ("b", adopted, "other", 0.0),
        ("c", just_sent, "mine", at),
    ):
        if n:
            one = Batch(tag, "q", "p", "ce", n, mark=mark)
            book.begin(one)
            book.confirm(one, tag, bits(range(n)), when)
    return book


@given(few, few, few, few, few, few, few, few)
def test_never_less_than_the_book(
    own: int, adopted: int, sent: int, pending: int, running: int, others: int, ended: int, elsewhere: int
) -> None:
    book, places = book_of(own, adopted, sent), Places()
    if elsewhere:
        book.begin(Batch("d", "q", "away", "ce", elsewhere, mark="mine"))
    place = places.get("p")
    place.take(View(3.0, {"q": BatchQueueInfo(pending=pending, running=running)}, {"q": others}))
    place.ended["q", True] = ended
    b = balance(book, place, "q")
    info = batch_info(book, places, "q", "P")
    assert min(b.open, b.shown, b.unseen, b.missing, b.surplus, b.foreign) >= 0
    assert info.active >= own + adopted + sent + elsewhere, "conservation"
    assert info.active >= min(others, pending + running) - adopted, "others count too"
    assert info.missing == b.missing + elsewhere


def test_the_words_for_each_pilot() -> None:
    book, places = book_of(own=5, adopted=0, just_sent=2), Places()
    place = places.get("p")
    assert balance(book, place, "q").missing == 7, "nobody has counted yet"
    place.take(View(3.0, {"q": BatchQueueInfo(running=5)}, {}))
    assert (balance(book, place, "q").unseen, balance(book, place, "q").even) == (2, True)
    place.take(View(3.0, {}, {}))
    assert (balance(book, place, "q").unseen, balance(book, place, "q").missing) == (2, 5)
    place.take(View(9.0, {"q": BatchQueueInfo(pending=9)}, {"q": 1}))
    assert (balance(book, place, "q").surplus, balance(book, place, "q").foreign) == (1, 1)
    assert set(troubled(book, place)) == {"q"}


def test_those_that_ended_since_they_were_shown_are_not_too_many() -> None:
    book, places = book_of(own=5, adopted=0, just_sent=0), Places()
    place = places.get("p")
    place.take(View(3.0, {"q": BatchQueueInfo(running=5)}, {}))
    line = book.line("a")
    assert line is not None
    place.ended["q", True] += book.end(line, bits([0, 1]))
    assert balance(book, place, "q").even
    assert batch_info(book, places, "q", "p").running == 3


def test_an_answer_that_shows_fewer_than_it_says_are_of_others_is_believed_in_that() -> None:
    book, places = book_of(own=0, adopted=0, just_sent=0), Places()
    place = places.get("p")
    place.take(View(3.0, {}, {"q": 1}))
    assert balance(book, place, "q").foreign == 1
    assert set(troubled(book, place)) == {"q"}
    assert BatchStatus({}, {"q": 1}).absurd() == "1 pilots of others in 'q', of 0 in all"
    assert BatchStatus({"q": BatchQueueInfo(running=1, done=3)}, {"q": 1}).absurd() is None
