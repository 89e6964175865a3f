"""What a look-up, or only a count, says of a line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autopyfactory.accounting.book import Batch, Book, bits
from autopyfactory.accounting.protocol.accounts import Accounts
from autopyfactory.accounting.protocol.holding import holds
from autopyfactory.accounting.protocol.identity import forget
from autopyfactory.accounting.protocol.resolving import members
from autopyfactory.accounting.requests import (
    Count,
    Counted,
    Endings,
    ReadEndings,
    Search,
    Searched,
    Survey,
    Surveyed,
    TagCount,
    TagFound,
)
from autopyfactory.model.info import BatchQueueInfo
from bookkit import (
    Silent,
    drive,
    finish,
    sent,
    told,
)


@pytest.mark.parametrize(
    ("n", "found", "its"),
    [
        (2, [0, 1], [0, 1]),
        (3, [1], [0, 1, 2]),
        (2, [2, 3], [2, 3]),
        (2, [0, 1, 2, 3], [0, 1]),
    ],
)
def test_an_intent_has_as_many_pilots_as_were_asked_for(n: int, found: list[int], its: list[int]) -> None:
    assert members(n, bits(found)) == bits(its)


def test_a_copy_of_an_intent_adds_no_pilots() -> None:
    """Its own ones have ended, nobody keeps a history, and the copy has more than there were."""
    accounts = Accounts(Book("mine"))
    intent = Batch("tag", "A", "s@h", "ce1", 2, mark="mine", intended=1.0)
    accounts.book.begin(intent)
    place = accounts.places.get("s@h")
    place.identity, place.ready = "home", True
    copy = Searched("home", {"tag": TagFound("9", alive=0b1111, ended=0)}, history=False)
    for _ in range(2):
        drive(accounts, {
            Count: Counted("home", {"A": BatchQueueInfo(running=4)}), ReadEndings: Endings("home", "", ()),
            Survey: Surveyed("home", {"tag": TagCount("A", "mine", 4)}), Search: copy,
        })  # fmt: skip
    assert (intent.n, intent.open, accounts.book.sent["A"]) == (2, 2, 2)


def test_of_what_one_look_up_has_shown_no_end_is_believed_before_the_next() -> None:
    """The first one has only the pilots of somebody who has copied ours, all ended; ours live."""
    accounts = Accounts(Book("mine"))
    book, intent = accounts.book, Batch("tag", "A", "s@h", "ce1", 2, mark="mine", intended=1.0)
    book.begin(intent)
    place = accounts.places.get("s@h")
    place.identity, place.ready = "home", True
    shown, copy = Counted("home", {"A": BatchQueueInfo(running=2)}), TagFound("18", alive=0, ended=0b11)
    quiet = {Count: shown, ReadEndings: Endings("home", "", ())}
    drive(accounts, {**quiet, Search: Searched("home", {"tag": copy})})
    assert (intent.cluster, intent.open, intent.supposed) == ("18", 2, True)
    intent.sent_at = 0.0  # all counts show it from now on
    drive(accounts, {**quiet, ReadEndings: Endings("home", "18.1", (("tag", 0, "18"), ("tag", 1, "18")))})
    assert intent.open == 2, "a history says no more than a look-up"
    both = Searched("home", {"tag": TagFound("17", alive=0b10, ended=0b01, copies=(copy,))})
    one = {Count: Counted("home", {"A": BatchQueueInfo(running=1)}), ReadEndings: Endings("home", "", ())}
    there = {**one, Survey: Surveyed("home", {"tag": TagCount("A", "mine", 1)}), Search: both}
    drive(accounts, there)
    assert (intent.cluster, intent.open) == ("17", 2), "who copies comes later"
    drive(accounts, there)
    assert (intent.open, intent.alive, intent.supposed) == (1, 0b10, False)
    assert (intent.n, book.sent["A"]) == (2, 2)
    drive(accounts, {**one, ReadEndings: Endings("home", "17.1", (("tag", 1, "17"),))})
    assert book.open() == 0


def it_was_right(there: Silent) -> None:
    """Let it show all that there should be."""
    there.shows(2)
    there.poll(120)


def another_answers(there: Silent) -> None:
    """Let a stranger answer under its name."""
    there.shows(0, "other")
    there.poll(120)
    there.shows(0)


def it_began_anew(there: Silent) -> None:
    """Let its pilots be given up, and two be sent to who has taken its name."""
    there.shows(0, "other")
    there.place.stranger, there.place.stranger_since = "other", 0.0
    finish(forget(there.accounts, "s@h", "an operator says so"), {})
    there.poll(120)
    assert there.place.identity == "other"
    there.line = sent(there.accounts.book, "new", 2, identity="other", at=130)


@pytest.mark.parametrize("between", [it_was_right, another_answers, it_began_anew])
def test_where_there_are_only_numbers_a_short_count_of_earlier_says_nothing(
    between: Callable[[Silent], None],
) -> None:
    """Else the oldest pilots would end before others have been missing for long."""
    there = Silent(tags=False)
    there.shows(1)
    there.poll(60)
    between(there)
    there.shows(1, there.place.identity)
    for at in range(180, 180 + 360, 60):
        there.poll(at)
        assert there.line.open == 2
    there.poll(180 + 360)
    assert there.line.open == 1


def test_where_there_are_only_numbers_an_intent_counts_as_sent_when_it_would_have_arrived() -> None:
    """Nobody can say whether it was: the place must be of use again after a restart all the same."""
    there = Silent(tags=False, n=3)
    intent = Batch("i", "A", "s@h", "", 2, mark="mine", intended=2.0)
    there.accounts.book.load(intent)
    there.place.ready = False
    there.shows(3)
    tells = [kind for at in (0, 60, 119) for kind in told(there.poll(at))]
    assert (intent.state, there.place.ready, tells) == ("intended", True, [])
    assert told(there.poll(120)) == ["found"] and intent.state == "sent"
    for at in range(180, 180 + 360, 60):
        there.poll(at)
        assert there.accounts.book.open() == 5, "as many as may be there"
    there.poll(180 + 360)
    assert there.accounts.book.open() == 3 and holds(there.accounts, there.place) == ()


def test_where_there_are_only_numbers_crashes_do_not_cost_their_slots_for_ever() -> None:
    there = Silent(tags=False, n=1)
    for n in range(5):
        there.accounts.book.load(Batch(f"i{n}", "A", "s@h", "", 4, mark="mine", intended=2.0 + n))
    there.shows(0)
    for at in range(0, 1800, 60):
        there.poll(at)
    assert there.accounts.book.open() == 0


def test_who_is_missing_no_more_was_missing_for_the_shortest_time() -> None:
    """One of two is missing now and then: the other has been gone for long."""
    there = Silent(tags=False, n=4)
    for at in range(0, 360, 60):
        there.shows(3 if at % 120 == 0 else 2)
        there.poll(at)
        assert there.line.open == 4
    there.shows(2)
    there.poll(360)
    assert there.line.open == 3


def test_each_one_is_missing_since_a_moment_of_its_own() -> None:
    """That one is closed does not make the next one wait from then on."""
    there = Silent(tags=False, n=4)
    for at in range(0, 600, 60):
        there.shows(3 if at < 120 else 2)
        there.poll(at)
        assert there.line.open == (4 if at < 360 else 3 if at < 120 + 360 else 2)


@pytest.mark.parametrize("gone", [1, 2])
def test_who_is_just_sent_does_not_hide_who_is_missing(gone: int) -> None:
    """He need not be shown yet: so the one who is not shown may be he, or not."""
    there = Silent(tags=False, n=1 + gone)
    book = there.accounts.book
    for at in range(0, 360, 60):
        if at % 120:
            sent(book, f"sent at {at}", 1, at=at)
        there.shows(book.open() - gone)
        there.poll(at)
    assert book.open() == 4 + gone
    there.poll(360)
    assert book.open() == 4


@pytest.mark.parametrize("how", ["lease", "operator"])
def test_pilots_that_are_found_again_by_another_name_are_there_from_then_on(how: str) -> None:
    """Else they would be lost again where they are not, and found again where they are, for ever."""
    there = Silent()
    at, twin = 0.0, there.accounts.places.get("twin@h")
    there.shows(0, "other")
    if how == "operator":
        there.poll(at)
        finish(forget(there.accounts, "s@h", "an operator says so"), {})
    while there.line.open:
        at += 60
        there.poll(at)
    tells: list[str] = []
    for at in (at + 60.0 * i for i in range(1, 30)):
        there.shows(0, "other")
        there.answers[Survey], there.answers[Search] = Surveyed("other", {}), Searched("other", {})
        tells += told(there.poll(at))
        there.shows(2)
        there.answers[Survey] = Surveyed("home", {"t": TagCount("A", "mine", 2)})
        there.answers[Search] = Searched("home", {"t": TagFound("7", alive=0b11, ended=0)})
        tells += told(there.poll(at, name="twin@h"))
    assert (there.line.place, there.line.identity, there.line.open) == ("twin@h", "home", 2)
    assert tells.count("found") == 1 and "lost" not in tells
    assert holds(there.accounts, twin) == ()


def hangs(there: Silent) -> None:
    """Let ten pilots be under way, for long."""
    if there.accounts.book.line("hangs") is None:
        under_way = Batch("hangs", "A", "s@h", "", 10, identity="home", mark="mine", busy=True, intended=2.0)
        there.accounts.book.begin(under_way)


def one_after_the_other(there: Silent) -> None:
    """Let five pilots be under way, and those that were have arrived."""
    book, at = there.accounts.book, there.place.looked
    for line in book.lines("s@h"):
        if line.busy:
            book.confirm(line, f"of {line.tag}", bits(range(5)), at + 1)
            there.shows(book.open())
    book.begin(Batch(f"{at}", "A", "s@h", "", 5, identity="home", mark="mine", busy=True, intended=at))


@pytest.mark.parametrize("under_way", [hangs, one_after_the_other])
def test_where_there_are_only_numbers_who_is_under_way_confirms_no_short_count(
    under_way: Callable[[Silent], None],
) -> None:
    """As many are missing as are under way: it may be these. So nobody has seen anybody missing since."""
    there = Silent(tags=False, n=5)
    there.shows(0)
    there.poll(60)
    there.shows(5)
    for at in range(120, 420, 60):
        under_way(there)
        there.poll(at)
    there.shows(sum(line.open for line in there.accounts.book.lines("s@h") if not line.busy) - 5)
    for at in range(420, 420 + 360, 60):
        there.poll(at)
        assert there.line.open == 5
    there.poll(420 + 360)
    assert there.line.open == 0


def test_where_there_are_only_numbers_who_is_missing_still_says_nothing_of_the_others() -> None:
    """One has really gone: that he is missing still is no news of those who were missing with him."""
    there = Silent(tags=False, n=6)
    there.shows(0)
    there.poll(60)
    hangs(there)
    there.shows(5)
    for at in range(120, 420, 60):
        there.poll(at)
    there.shows(0)
    for at in range(420, 420 + 360, 60):
        there.poll(at)
        assert there.line.open == 5
    there.poll(420 + 360)
    assert there.line.open == 0


def test_where_there_are_only_numbers_a_count_says_nothing_by_a_newer_one() -> None:
    """It shows who is missing since its own moment, not since that of whoever asked first and came late."""
    there = Silent(tags=False)
    there.also_called("twin@h")
    there.shows(2)
    late = there.begin(ReadEndings, 10, every=600)
    there.shows(0)
    lie = there.begin(ReadEndings, 400, name="twin@h", every=600)
    there.go_on(late, 10, 401)
    there.go_on(lie, 400, 402)
    assert there.line.open == 2


def test_who_does_not_tell_who_he_is_takes_no_pilots_of_another_place() -> None:
    """Who tells nothing either is not the same for that: those that are alive are still where they were."""
    there = Silent(n=4)
    book = there.accounts.book
    book.settle(there.line, "s@h", "")
    book.write_off(there.line, 0b0011)
    there.place.identity, there.accounts.places.get("other@h").ready = "", True
    there.shows(2, "")
    there.answers[Survey] = Surveyed("", {"t": TagCount("A", "mine", 2)})
    there.answers[Search] = Searched("", {"t": TagFound("7", alive=0b0011, ended=0)})
    assert told(there.poll(10, name="other@h")) == ["found"]
    assert (there.line.place, there.line.open) == ("s@h", 4)
