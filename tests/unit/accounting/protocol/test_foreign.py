"""Pilots with our factory's name that the book has no line of."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.protocol.accounts import Accounts
from autopyfactory.accounting.protocol.foreign import adopt
from autopyfactory.accounting.protocol.holding import holds
from autopyfactory.accounting.requests import (
    Count,
    Counted,
    Endings,
    ReadEndings,
    Recall,
    Search,
    Searched,
    Survey,
    Surveyed,
    TagCount,
    TagFound,
    Tell,
    Write,
)
from autopyfactory.model.info import BatchQueueInfo
from bookkit import (
    STRANGERS,
    Silent,
    at_the_survey,
    drive,
    finish,
    told,
)


def test_an_adoption_is_not_lost_to_a_poll_that_is_under_way() -> None:
    """That one has not looked for what is to be taken over: it neither says that all is, nor complains."""
    accounts = Accounts(Book("mine"))
    place = accounts.places.get("s@h")
    place.identity, place.ready = "home", True
    run = at_the_survey(accounts)
    adopt(accounts, "s@h")
    requests = finish(run, {Survey: STRANGERS, Recall: {}})
    assert not [r for r in requests if isinstance(r, Tell)]
    assert not place.ready and place.foreign_since is None
    found = Searched("home", {"theirs": TagFound("5", alive=3, ended=0)})
    (told,) = [
        r
        for r in finish(at_the_survey(accounts), {Survey: STRANGERS, Recall: {}, Search: found})
        if isinstance(r, Tell)
    ]
    assert (told.kind, told.pilots) == ("adopted", 2)
    assert place.ready and accounts.book.open() == 2


def test_an_adoption_looks_also_where_endings_would_explain_what_is_too_many() -> None:
    """One that was adopted has ended since the count: so one of those to be adopted now looks explained."""
    accounts = Accounts(Book("mine"))
    old = Batch("old", "A", "s@h", "", 1, mark="other", state="sent", cluster="4", members=1, alive=1)
    accounts.book.begin(old)
    place = accounts.places.get("s@h")
    place.identity = "home"
    counted = Counted("home", {"A": BatchQueueInfo(running=2)}, {"A": 2})
    found = Searched("home", {"theirs": TagFound("5", alive=1, ended=0)})
    there = Surveyed("home", {"theirs": TagCount("A", "other", 1)})
    drive(accounts, {
        Count: counted, ReadEndings: Endings("home", "", (("old", 0, "4"),)), Survey: there, Recall: {},
        Search: found,
    })  # fmt: skip
    assert accounts.book.line("old") is None
    adopted = accounts.book.line("theirs")
    assert adopted is not None and adopted.open == 1


def test_what_an_adoption_in_part_left_over_is_taken_over_too() -> None:
    """Of three pilots an answer had one; that one has ended since."""
    accounts = Accounts(Book("mine"))
    part = Batch("part", "A", "s@h", "", 1, mark="other", state="sent", cluster="4", members=1, alive=1)
    accounts.book.begin(part)
    accounts.book.end(part, 1)
    place = accounts.places.get("s@h")
    place.identity, place.ready = "home", True
    requests = drive(accounts, {
        Count: Counted("home", {"A": BatchQueueInfo(running=2)}, {"A": 2}),
        ReadEndings: Endings("home", "", ()),
        Survey: Surveyed("home", {"part": TagCount("A", "other", 2)}),
        Search: Searched("home", {"part": TagFound("4", alive=0b110, ended=1)}),
    })  # fmt: skip
    assert told(requests) == ["adopted"]
    again = accounts.book.line("part")
    assert again is not None and (again.open, again.alive) == (2, 0b110)
    assert place.foreign_since is None


def test_an_intent_that_was_given_up_and_took_place_after_all_counts_as_sent() -> None:
    accounts = Accounts(Book("mine"))
    late = Batch("late", "A", "s@h", "ce1", 2, mark="mine")
    accounts.book.begin(late)
    accounts.book.drop(late)
    place = accounts.places.get("s@h")
    place.identity, place.ready = "home", True
    requests = drive(accounts, {
        Count: Counted("home", {"A": BatchQueueInfo(pending=2)}), ReadEndings: Endings("home", "", ()),
        Survey: Surveyed("home", {"late": TagCount("A", "mine", 2)}),
        Search: Searched("home", {"late": TagFound("7", alive=3, ended=0)}),
    })  # fmt: skip
    assert told(requests) == ["adopted"]
    assert (accounts.book.open("queue:A"), accounts.book.sent["A"]) == (2, 2)
    assert place.foreign_since is None


@pytest.mark.parametrize("restarted", [False, True])
def test_pilots_of_an_intent_that_was_given_up_are_no_second_factory_s(
    tmp_path: Path, restarted: bool
) -> None:
    """Also when an earlier life has given it up: they carry our own mark, and who else would."""
    ledger = Ledger(tmp_path / "l.db")
    book, _ = ledger.restore()
    intent = Batch("late", "A", "s@h", "", 2, mark=book.mark, identity="home", intended=1.7e9)
    book.begin(intent)
    ledger.write(Write((intent.copied(),), durable=True))
    book.drop(intent)
    ledger.write(Write((intent.copied(),), durable=True))
    if restarted:
        ledger.close()
        ledger = Ledger(tmp_path / "l.db")
        book, _ = ledger.restore()
    there = Silent(book)
    there.answers[Recall] = lambda request: ledger.recall(request.tags)
    there.shows(4)
    there.answers[Survey] = Surveyed("home", {t: TagCount("A", book.mark, 2) for t in ("t", "late")})
    there.answers[Search] = Searched("home", {"late": TagFound("8", alive=0b11, ended=0)})
    tells = [kind for at in (70, 130, 5000) for kind in told(there.poll(at))]
    ledger.close()
    line = book.line("late")
    assert line is not None and line.supposed, "one look-up need not have shown all"
    assert (tells, book.open(), holds(there.accounts, there.place)) == (["adopted"], 4, ())


def test_an_adoption_is_not_ended_by_a_count_of_before_that_one_that_showed_strangers() -> None:
    """It was asked for before they came: it shows none, and would say that all was taken over."""
    there = Silent(n=1)
    there.also_called("twin@h")
    there.shows(1)
    old = there.begin(Count, 5, name="twin@h")
    there.shows(3, others=2)
    there.answers[Survey] = Surveyed("home", {"t": TagCount("A", "mine", 1), "x": TagCount("A", "other", 2)})
    there.answers[Search] = Searched("home", {"x": TagFound("9", alive=0b11, ended=0)})
    assert told(there.poll(60)) == ["foreign"]
    adopt(there.accounts, "s@h")
    shown = there.place.view
    there.shows(1)
    there.go_on(old, 5, 70)
    assert there.place.view is shown and not there.place.ready
    adopted = there.accounts.book.line("x")
    assert adopted is not None and adopted.open == 2, "it asked who is there after that"
    there.shows(3, others=2)
    assert told(there.poll(120)) == [] and there.place.ready
