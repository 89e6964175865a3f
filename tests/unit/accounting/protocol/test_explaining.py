"""What is looked up and when, and which look-ups say nothing together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from autopyfactory.accounting.absence import SILENCES, Absence
from autopyfactory.accounting.book import Book
from autopyfactory.accounting.protocol.accounts import Accounts
from autopyfactory.accounting.requests import (
    Count,
    ReadEndings,
    Search,
    Searched,
    Survey,
    Surveyed,
    TagCount,
    TagFound,
)
from bookkit import (
    ONE_OF_ANOTHER_BOOK,
    Silent,
    adopted_one,
    drive,
    told,
)


def test_who_came_in_the_place_of_an_adopted_pilot_is_told_of() -> None:
    """The numbers are the same; only the tags are not."""
    accounts = Accounts(Book("mine"))
    old, place = adopted_one(accounts), accounts.places.get("s@h")
    theirs = Surveyed("home", {"theirs": TagCount("A", "other", 1)})
    requests = drive(accounts, {
        **ONE_OF_ANOTHER_BOOK, Survey: theirs, Search: Searched("home", {"old": TagFound("4", 0, 1)}),
    })  # fmt: skip
    assert told(requests) == ["foreign"]
    assert old.state == "closed" and place.foreign == {"theirs": ("A", "other", 1)}


def test_tags_are_not_asked_for_in_each_poll_while_numbers_agree() -> None:
    accounts = Accounts(Book("mine"))
    old = adopted_one(accounts)
    there = {**ONE_OF_ANOTHER_BOOK, Survey: Surveyed("home", {"old": TagCount("A", "other", 1)})}
    asked = [any(isinstance(r, Survey) for r in drive(accounts, there)) for _ in range(3)]
    assert asked == [True, False, False], "all at one time"
    accounts.places.get("s@h").surveyed -= accounts.policy.apart
    assert any(isinstance(r, Survey) for r in drive(accounts, there))
    assert old.open == 1


@pytest.mark.parametrize("back", [True, False])
def test_a_pilot_that_was_not_found_is_looked_up_again_whatever_is_shown(back: bool) -> None:
    """As many as there should be may be others: only its tag says that it lives."""
    accounts = Accounts(Book("mine"))
    old = adopted_one(accounts)
    old.doubts = (Absence(0.0, 1),)
    accounts.places.get("s@h").surveyed = 1.0  # not long ago
    there = {"old" if back else "theirs": TagCount("A", "other", 1)}
    drive(accounts, {
        **ONE_OF_ANOTHER_BOOK, Survey: Surveyed("home", there), Search: Searched("home", {}),
    })  # fmt: skip
    assert bool(old.doubts) is not back and old.open == 1


KINDS = pytest.mark.parametrize(
    ("place", "question", "patience"),
    [
        (partial(Silent, tags=True), Count, 180),
        (partial(Silent, tags=True), Survey, 180),
        (partial(Silent, tags=True), Search, 180),
        (partial(Silent, tags=True, history=False), Search, 360),
        (partial(Silent, tags=False), Count, 360),
    ],
)


@KINDS
def test_look_ups_say_nothing_together_when_nobody_answered_for_long_between(
    place: Callable[[], Silent], question: type, patience: int
) -> None:
    """The two times that it lied its pilots were alive, and between them nobody could say so."""
    there = place()
    there.poll(10)
    for at in range(70, 1000, 60):
        there.poll(at, question)
    for at in range(1000, 1000 + patience, 60):
        there.poll(at)
        assert there.line.open == 2
    there.poll(1000 + patience)
    assert there.line.open == 0


@KINDS
def test_now_and_then_no_answer_does_not_make_them_wait_for_ever(
    place: Callable[[], Silent], question: type, patience: int
) -> None:
    there = place()
    for i in range(patience // 60):
        there.poll(60.0 * i, question if i % 3 == 1 else None)
    assert there.line.open == 2
    there.poll(float(patience))
    assert there.line.open == 0


@KINDS
def test_a_place_that_is_asked_rarely_is_believed_all_the_same(
    place: Callable[[], Silent], question: type, patience: int
) -> None:
    there = place()
    there.poll(0, every=1800)
    there.poll(1800, every=1800)
    assert there.line.open == 0


@pytest.mark.parametrize("seen_by", ["count", "tags"])
def test_a_look_up_that_is_answered_late_says_nothing_when_somebody_has_looked_since(seen_by: str) -> None:
    """Its thread was paused: between its question and its answer the pilots were seen."""
    there = Silent()
    late = there.begin(Search, 10)
    lie = dict(there.answers)
    there.answers[Survey] = Surveyed("home", {"t": TagCount("A", "mine", 2)})
    if seen_by == "count":
        there.shows(2)
    there.poll(100)
    there.answers = lie
    there.go_on(late, 11, 110)
    there.poll(190)
    assert there.line.open == 2 and there.line.doubts[0].since == 190


@pytest.mark.parametrize("every", [60, 200, 300])
def test_another_name_that_is_dead_does_not_make_look_ups_wait(every: float) -> None:
    """Nor does it when there are longer than a silence from poll to poll."""
    there = Silent()
    there.also_called("twin@h")
    for i in range(-(-180 // int(every)) + 1):
        assert there.line.open == 2
        there.poll(i * every, every=every)
        there.poll(i * every + 5, Count, name="twin@h", every=every)
    assert there.line.open == 0


def test_a_place_that_answers_one_look_up_of_four_loses_nothing_for_ever() -> None:
    """Between two of them is a silence each time; at last so many say the same that it is believed."""
    there = Silent()
    for i in range(4 * SILENCES):
        there.poll(60.0 * i, Search if i % 4 else None)
        assert there.line.open == 2
    there.poll(60.0 * 4 * SILENCES)
    assert there.line.open == 0


def test_a_look_up_under_way_when_a_stranger_came_is_late() -> None:
    """Else the first one after the stranger would confirm what somebody said before."""
    there = Silent()
    there.also_called("twin@h")
    late = there.begin(Search, 10)
    there.shows(0, "other")
    there.poll(20, name="twin@h")
    there.go_on(late, 11, 30)
    for at in (60, 120):
        for name in ("s@h", "twin@h"):
            there.poll(at, name=name)
    there.shows(0)
    there.poll(185)
    assert there.line.open == 2 and there.line.doubts[0].since == 185


def test_no_look_up_of_before_a_stranger_came_is_confirmed_by_one_after_that() -> None:
    there = Silent()
    there.poll(0)
    there.shows(0, "other")
    there.poll(60)
    there.shows(0)
    for at in (120, 180, 240):
        there.poll(at)
        assert there.line.open == 2
    there.poll(300)
    assert there.line.open == 0


def test_what_a_look_up_says_is_of_the_moment_when_it_was_asked() -> None:
    """Not when its poll counted, nor when it was answered."""
    there = Silent()
    there.go_on(there.begin(Search, 10), 150, 170)
    assert there.line.doubts[0].since == 150


@pytest.mark.parametrize("question", [Survey, Search])
def test_a_poll_that_is_dropped_at_its_look_up_was_a_silence_too(question: type) -> None:
    """A plugin may raise anything: then nobody tells the protocol that there was no answer."""
    there = Silent()
    there.poll(0)
    for at in range(60, 1000, 60):
        run, _ = there.begin(question, at)
        run.close()
    there.poll(1000)
    assert there.line.open == 2


@pytest.mark.parametrize("question", [Count, Survey, Search])
def test_an_answer_that_takes_an_hour_was_a_silence_too(question: type) -> None:
    """Nothing was refused, but nobody could say that the pilots live."""
    there = Silent()
    there.poll(0)
    there.go_on(there.begin(question, 60), 60, 3600)
    assert there.line.open == 2


@KINDS
def test_who_is_asked_rarely_sees_that_another_name_was_silent(
    place: Callable[[], Silent], question: type, patience: int
) -> None:
    """The two times that it lied its pilots were alive; the second time it was asked by that other name."""
    there = place()
    there.also_called("rare@h")
    there.poll(0)
    for at in range(60, patience + 1, 60):
        there.poll(at, question)
    there.poll(patience + 1, name="rare@h", every=600)
    assert there.line.open == 2


@pytest.mark.parametrize(("tags", "history"), [(True, True), (True, False), (False, True)])
def test_a_name_that_has_died_costs_who_is_asked_rarely_one_look(tags: bool, history: bool) -> None:
    """What it saw last need not be confirmed; from then on nobody waits for it."""
    there = Silent(tags=tags, history=history)
    there.also_called("rare@h")
    there.poll(0)
    for at in range(60, 1201, 60):
        there.poll(at, Count)
        if at % 600 == 0:
            there.poll(at + 5, name="rare@h", every=600)
            assert there.line.open == (2 if at == 600 else 0)


def test_who_is_always_overtaken_by_another_name_finds_out_all_the_same() -> None:
    """That one counts, and is told nothing else."""
    there = Silent()
    there.also_called("twin@h")
    for at in (0, 60, 120, 180):
        assert there.line.open == 2
        late = there.begin(Count, at)
        there.poll(at + 2, Survey, name="twin@h")
        shown = there.place.view
        kinds = [type(request) for request in there.go_on(late, at, at + 5)]
        assert {ReadEndings, Survey, Search} <= set(kinds) and there.place.view is shown
    assert there.line.open == 0
