"""Who answers: the place that has our pilots, one that has taken its name, or one of its other names."""

from __future__ import annotations

import pytest

from autopyfactory.accounting.absence import SILENCES
from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.protocol.accounts import Accounts
from autopyfactory.accounting.protocol.holding import holds
from autopyfactory.accounting.protocol.identity import forget
from autopyfactory.accounting.protocol.polling import poll
from autopyfactory.accounting.requests import (
    Answer,
    Count,
    Counted,
    Endings,
    Publish,
    ReadEndings,
    Recall,
    Request,
    Survey,
    Surveyed,
    TagCount,
    Tell,
    Write,
)
from autopyfactory.model.info import BatchQueueInfo
from bookkit import (
    STRANGERS,
    Silent,
    ask,
    at_the_survey,
    finish,
    sent,
    told,
)
from endingkit import ended


def test_who_works_on_a_name_that_became_another_s_changes_nothing() -> None:
    accounts = Accounts(Book("mine"))
    place, other = accounts.places.get("s@h"), accounts.places.get("t@h")
    place.identity, place.ready = "home", True
    run = at_the_survey(accounts)
    other.identity = "home"
    accounts.places.merge(accounts.book, place, other)
    requests = finish(run, {Survey: STRANGERS, Recall: {}})
    assert not [r for r in requests if isinstance(r, Tell | Write)]
    assert place.foreign_since is None


@pytest.mark.parametrize("moved", ["one@h", "other@h"])
def test_a_name_that_leads_elsewhere_is_no_name_of_its_place_any_more(moved: str) -> None:
    """Whichever of two names it is: the pilots stay where they are, and both places are used."""
    accounts = Accounts(Book("mine"))
    (stays,) = {"one@h", "other@h"} - {moved}
    sent = Batch("tag", "A", "one@h", "ce1", 2, mark="mine", state="sent", cluster="17", members=3, alive=3)
    accounts.book.begin(sent)
    home, new = Counted("home", {"A": BatchQueueInfo(running=2)}), Counted("new", {})
    places, requests = accounts.places, []
    for name, counted in (("one@h", home), ("other@h", home), (moved, new), (moved, new), (stays, home)):
        requests += ask(accounts, name, counted)
    place = places.get(stays)
    assert (place.name, places.get(moved) is place) == (stays if moved == "one@h" else "one@h", False)
    assert told(requests) == ["stranger", "parted"]
    assert (sent.place, sent.identity, sent.open, place.identity) == (place.name, "home", 2, "home")
    for name, counted in ((moved, new), (stays, home)):
        requests += ask(accounts, name, counted)
        assert holds(accounts, places.get(name)) == ()
    assert (places.get(moved).identity, accounts.book.open(f"schedd:{place.name}")) == ("new", 2)
    written = [w for w in requests if isinstance(w, Write)][-1]
    assert written.aliases[moved] == moved, "on disk, too, where names are never deleted"
    ask(accounts, moved, home)
    assert places.get(moved) is places.get(stays), "for a moment only"
    assert sent.open == 2


@pytest.mark.parametrize("moved", ["one@h", "other@h"])
def test_without_pilots_a_moved_name_is_parted_at_once(moved: str) -> None:
    """Else the place would be now the one schedd and now the other, whichever name was asked last."""
    accounts = Accounts(Book("mine"))
    (stays,) = {"one@h", "other@h"} - {moved}
    requests: list[Request] = []
    for name in ("one@h", "other@h"):
        requests += ask(accounts, name, Counted("home", {}))
    for _ in range(3):
        requests += ask(accounts, moved, Counted("new", {}))
        requests += ask(accounts, stays, Counted("home", {}))
    assert told(requests) == ["parted"]
    assert [accounts.places.get(n).identity for n in (stays, moved)] == ["home", "new"]


def test_who_reads_endings_while_a_place_is_forgotten_sets_no_cursor() -> None:
    """It is of a history that is gone."""
    accounts = Accounts(Book("mine"))
    sent = Batch("tag", "A", "s@h", "ce1", 1, mark="mine", state="sent", cluster="17", members=1, alive=1)
    accounts.book.begin(sent)
    place = accounts.places.get("s@h")
    place.identity = "home"
    run = poll(accounts, "s@h")
    next(run)
    run.send(Answer(Counted("home", {"A": BatchQueueInfo(running=1)}), 1.0, 2.0))
    told = Endings("home", "17.0", (("tag", 0, "17"),), (ended(0),))
    assert isinstance(run.send(Answer(told, 1.0, 2.0)), Publish)
    place.stranger, place.stranger_since = "another", 2.0
    finish(forget(accounts, "s@h", "an operator says so"), {})
    assert place.stranger_since is None
    finish(run, {})
    assert (place.cursor, place.identity, place.ready) == ("", "", False)


def test_the_lease_counts_from_when_the_present_stranger_came() -> None:
    """Until then the job queue itself may have answered: of its pilots the last may have started then."""
    there = Silent()
    there.poll(0)
    for at in range(100, 3000 + 3600, 100):
        there.shows(0, "one" if at < 3000 else "another")
        there.poll(at)
        assert there.line.open == 2
    there.poll(3000 + 3600)
    assert there.line.open == 0


def test_no_lease_is_over_because_of_a_silence() -> None:
    """The job queue may have answered again all that time: a stranger is seen at its begin and end only."""
    there = Silent()
    there.shows(2)
    there.poll(0)
    there.shows(0, "other")
    there.poll(60)
    for at in range(120, 3660, 60):
        there.poll(at, Count)
    there.poll(3661)
    assert there.line.open == 2
    for at in range(3720, 3661 + 3600, 60):
        there.poll(at)
        assert there.line.open == 2
    assert told(there.poll(3661 + 3600)) == ["forgotten"] and there.line.open == 0


def test_what_a_stranger_was_asked_long_ago_ends_no_lease() -> None:
    """A thread, or the whole factory, was paused: two answers a minute apart are no hour."""
    there = Silent()
    there.shows(0, "other")
    there.poll(60)
    late = there.begin(Count, 120)
    tells = told(there.go_on(late, 120, 3700))
    assert there.line.open == 2 and tells == []


def test_a_name_that_parts_while_others_poll_takes_no_place_with_it() -> None:
    """People are told of it, and meanwhile it has become another name of the place again, with pilots."""
    accounts = Accounts(Book("mine"))
    home, impostor = Counted("home", {}), Counted("impostor", {})
    for name in ("twin@h", "p0@h"):
        ask(accounts, name, home)
    late = poll(accounts, "p0@h")
    next(late)
    request = late.send(Answer(impostor, 10.0, 10.0))
    while not isinstance(request, Tell):
        request = late.send(Answer(None, 10.0, 10.0))
    assert request.kind == "parted"
    ask(accounts, "p0@h", home)
    place = accounts.places.get("p0@h")
    line = sent(accounts.book, "t", 3, place.name, at=30.0)
    tells = told(finish(late, {ReadEndings: Endings("impostor", "", ())}))
    assert (place.identity, line.identity, line.open) == ("home", "home", 3)
    assert tells == ["stranger"]
    ask(accounts, "twin@h", home)
    assert accounts.places.get("twin@h").stranger_since is None


@pytest.mark.parametrize("visited", [False, True])
def test_who_forgets_after_a_visit_that_is_over_forgets_no_identity(visited: bool) -> None:
    """Nor what an operator has to say about a second factory."""
    there = Silent()
    there.place.cursor = "17.0"
    if visited:
        there.shows(0, "other")
        there.poll(10)
    there.shows(4, others=2)
    there.answers[ReadEndings] = Endings("home", "17.0", ())
    there.answers[Survey] = Surveyed("home", {"t": TagCount("A", "mine", 2), "x": TagCount("A", "other", 2)})
    there.poll(60)
    assert there.place.foreign_since is not None
    finish(forget(there.accounts, "s@h", "an operator says so"), {})
    assert (there.place.identity, there.place.cursor) == ("home", "17.0")
    assert there.place.foreign_since is not None
    there.poll(120)
    assert there.accounts.book.line("x") is None, "nobody wanted it taken over"


def test_nobody_is_given_up_who_answers_under_whatever_name() -> None:
    """Two names were exchanged: who answers under the one is a stranger there, and lives."""
    there = Silent()
    accounts = there.accounts
    accounts.places.get("t@h").identity = "away"
    away = sent(accounts.book, "u", 2, "t@h", identity="away")
    for at in range(0, 2 * 3600, 60):
        for name, identity in (("s@h", "away"), ("t@h", "home")):
            there.shows(2, identity)
            assert set(told(there.poll(at, name=name))) <= {"stranger"}
    assert (there.line.open, away.open) == (2, 2)


@pytest.mark.parametrize(("apart", "every"), [(181, 60), (240, 60), (600, 60), (1000, 60), (1600, 600)])
def test_a_stranger_that_answers_seldom_is_believed_at_last(apart: int, every: float) -> None:
    """Between two of its answers is a silence each time: else a lease would never be over."""
    there = Silent()
    there.shows(0, "other")
    enough = -(-max(3600, SILENCES * apart) // apart)
    for i in range(enough):
        there.poll(i * apart, every=every)
        assert there.line.open == 2
    assert told(there.poll(enough * apart, every=every)) == ["forgotten"] and there.line.open == 0


def test_a_stranger_that_answers_seldom_is_not_believed_when_another_one_came_between() -> None:
    """What the first one said is of no use to the second."""
    there = Silent()
    for i in range(24):
        there.shows(0, "one" if i % SILENCES else "another")
        there.poll(900.0 * i)
        assert there.line.open == 2
