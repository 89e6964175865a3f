"""What is told of a place: each of the six numbers, and since when."""

from __future__ import annotations

from autopyfactory.accounting.absence import Absence
from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.place import View
from autopyfactory.accounting.protocol.accounts import Accounts
from autopyfactory.accounting.standing import standing
from autopyfactory.model.info import BatchQueueInfo

NOW, WALL = 1000.0, 1_700_000_000.0


def test_six_numbers_and_their_ages() -> None:
    book = Book("mine")
    accounts = Accounts(book)
    place = accounts.places.get("ap")
    for tag, sent_ago, n, queue in (("old", 5000, 6, "a"), ("gone", 9000, 4, "b"), ("new", 3, 2, "c")):
        batch = Batch(tag, queue, "ap", "", n, mark="mine", intended=WALL - sent_ago)
        book.begin(batch)
        book.confirm(batch, "1", (1 << n) - 1, NOW - sent_ago)
    book.snapshot_asked("ap", NOW - 10)
    old, gone = book.line("old"), book.line("gone")
    assert old is not None and gone is not None
    book.write_off(gone, 0b11)  # the others of it are still there
    old.doubts = (Absence(NOW - 70, 0b11),)  # the first look-up in vain
    place.foreign_since = NOW - 20
    place.take(View(NOW - 10, {"a": BatchQueueInfo(running=4 + 3), "b": BatchQueueInfo(running=2)}, {"a": 3}))
    told = standing(accounts, place, NOW, WALL)
    b = told.balance
    assert (b.open, told.open_age) == (6 + 2 + 2, 9000)
    assert (b.shown, told.age) == (4 + 3 + 2, 10)
    assert (b.unseen, told.unseen_age) == (2, 3)
    assert (b.missing, told.missing_age) == (2, 70)
    assert (b.foreign, told.foreign_age) == (3, 20)
    assert (told.lost, told.lost_age) == (2, 9000)


def test_a_place_that_has_not_answered_has_no_age_but_that_of_its_pilots() -> None:
    book = Book("mine")
    book.load(Batch("t", "q", "ap", "", 1, mark="mine", intended=WALL - 60, state="sent", members=1, alive=1))
    book.load(Batch("u", "q", "ap", "", 1, mark="other", state="sent", members=1, alive=1))  # adopted
    accounts = Accounts(book)
    told = standing(accounts, accounts.places.get("ap"), NOW, WALL)
    assert (told.open_age, told.age, told.unseen_age, told.lost_age) == (60, None, None, None)
    assert told.balance.missing == 2, "nobody shows them"
