"""What a count changes; whole schedules are in tests/simulation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from autopyfactory.accounting.absence import SILENCES, Absence
from autopyfactory.accounting.book import Batch, Book, bits
from autopyfactory.accounting.protocol.accounts import Accounts, Policy, Run
from autopyfactory.accounting.protocol.foreign import adopt
from autopyfactory.accounting.protocol.holding import holds
from autopyfactory.accounting.protocol.identity import forget
from autopyfactory.accounting.protocol.polling import poll
from autopyfactory.accounting.protocol.resolving import members
from autopyfactory.accounting.requests import (
    Answer,
    Count,
    Counted,
    Endings,
    NoAnswer,
    NotDone,
    Publish,
    ReadEndings,
    Recall,
    Request,
    Search,
    Searched,
    Survey,
    Surveyed,
    TagCount,
    TagFound,
    Tell,
    Write,
)
from autopyfactory.model.ending import Start
from autopyfactory.model.info import BatchQueueInfo
from endingkit import ended


def test_endings_of_ours_are_told_before_the_cursor_moves_on() -> None:
    """Else a crash between the two would lose them; told twice, they are known."""
    accounts = Accounts(Book("mine"), ce_of=lambda queue: "ce of today")
    sent = Batch("tag", "A", "s@h", "ce1", 2, mark="mine", state="sent", cluster="17", members=3, alive=3)
    accounts.book.begin(sent)
    accounts.places.get("s@h").identity = "home"
    told = Endings(
        "home", "17.1", (("tag", 0), ("tag", 1, "17"), ("other", 0)),
        (ended(0, queue="renamed"), ended(1), ended(2, tag="other"), ended(3, tag="closed in another life")),
        (Start("17.0", "A", 5.0, 1.0, "tag"), Start("18.0", "A", 5.0, 1.0, "other")),
    )  # fmt: skip
    answers: dict[type, object] = {
        Count: Counted("home", {"A": BatchQueueInfo()}),
        ReadEndings: told,
        Recall: {"closed in another life": "17"},
    }
    requests: list[Request] = []
    run = poll(accounts, "s@h")
    request = next(run)
    try:
        while True:
            requests.append(request)
            request = run.send(Answer(answers.get(type(request)), 1.0, 2.0))
    except StopIteration:
        pass
    kinds = [type(r) for r in requests]
    assert kinds.index(Publish) < kinds.index(Write)
    (published,) = [r for r in requests if isinstance(r, Publish)]
    assert [(e.job, e.queue, e.ce, e.place) for e in published.pilots] == [
        ("17.0", "A", "ce1", "s@h"),
        ("17.1", "A", "ce1", "s@h"),
        ("17.3", "A", "ce of today", "s@h"),
    ], "what somebody else has put there is none of ours"
    assert published.starts == told.starts[:1]
    assert accounts.book.open() == 0


def test_endings_that_nobody_takes_are_read_again() -> None:
    accounts = Accounts(Book("mine"))
    sent = Batch("tag", "A", "s@h", "ce1", 1, mark="mine", state="sent", cluster="17", members=1, alive=1)
    accounts.book.begin(sent)
    place = accounts.places.get("s@h")
    place.identity, place.cursor = "home", "before"
    run = poll(accounts, "s@h")
    next(run)
    run.send(Answer(Counted("home", {}), 1.0, 2.0))
    assert isinstance(
        run.send(Answer(Endings("home", "17.0", (("tag", 0),), (ended(0),)), 1.0, 2.0)), Publish
    )
    with pytest.raises(StopIteration):
        run.throw(NoAnswer("closed"))
    assert place.cursor == "before"


def test_a_stranger_s_endings_are_not_told() -> None:
    accounts = Accounts(Book("mine"))
    accounts.places.get("s@h").identity = "home"
    run = poll(accounts, "s@h")
    next(run)
    assert isinstance(run.send(Answer(Counted("home", {}), 1.0, 2.0)), ReadEndings)
    with pytest.raises(StopIteration):  # nothing more is asked, or told
        run.send(Answer(Endings("stranger", "1.0", (), (ended(1),)), 1.0, 2.0))


def test_who_copies_a_tag_into_ads_of_his_own_ends_no_pilot_of_ours() -> None:
    """Tags are there to be read in the schedd, and anybody who may submit can write them into his jobs."""
    accounts = Accounts(Book("mine"))
    sent = Batch("tag", "A", "s@h", "ce1", 2, mark="mine", state="sent", cluster="17", members=3, alive=3)
    accounts.book.begin(sent)
    accounts.places.get("s@h").identity = "home"
    copies = (replace(ended(0), job="18.0"), replace(ended(1, tag="closed before"), job="18.1"))
    starts = (Start("18.0", "A", 5.0, 1.0, "tag"),)
    told = Endings("home", "18.1", (("tag", 0, "18"), ("tag", 1, "17")), copies, starts)
    requests = drive(accounts, {
        Count: Counted("home", {"A": BatchQueueInfo(running=1)}), ReadEndings: told,
        Recall: {"closed before": "9"},
    })  # fmt: skip
    assert (sent.open, sent.alive) == (1, 1)
    assert not [r for r in requests if isinstance(r, Publish)]
    found = TagFound("17", alive=1, ended=2, copies=(TagFound("18", alive=0, ended=1),))
    assert found.of("17") is found and found.of("") is found
    assert found.of("18") is found and found.of("19") is found, "who copies comes later"
    assert found.of("16") is None
    assert TagFound("17", 1, 2, found.copies).of("x") is None


def at_the_survey(accounts: Accounts) -> Run:
    """Return a poll that has just asked for the tags at a place: it shows two pilots of a stranger."""
    run = poll(accounts, "s@h")
    next(run)
    counted = Counted("home", {"A": BatchQueueInfo(running=2)}, {"A": 2})
    assert isinstance(run.send(Answer(counted, 1.0, 2.0)), ReadEndings)
    assert isinstance(run.send(Answer(Endings("home", "", ()), 1.0, 2.0)), Survey)
    return run


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
    assert [r.kind for r in requests if isinstance(r, Tell)] == ["adopted"]
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
    assert [r.kind for r in requests if isinstance(r, Tell)] == ["adopted"]
    assert (accounts.book.open("queue:A"), accounts.book.sent["A"]) == (2, 2)
    assert place.foreign_since is None


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
    finish(run, {})
    assert (place.cursor, place.identity, place.ready) == ("", "", False)


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


def adopted_one(accounts: Accounts) -> Batch:
    """Let there be one pilot of another book, adopted, at a place that is known."""
    old = Batch("old", "A", "s@h", "", 1, mark="other", state="sent", cluster="4", members=1, alive=1)
    accounts.book.begin(old)
    place = accounts.places.get("s@h")
    place.identity, place.ready = "home", True
    return old


ONE_OF_ANOTHER_BOOK = {
    Count: Counted("home", {"A": BatchQueueInfo(running=1)}, {"A": 1}),
    ReadEndings: Endings("home", "", ()),
    Recall: {},
}  # fmt: skip


def test_who_came_in_the_place_of_an_adopted_pilot_is_told_of() -> None:
    """The numbers are the same; only the tags are not."""
    accounts = Accounts(Book("mine"))
    old, place = adopted_one(accounts), accounts.places.get("s@h")
    theirs = Surveyed("home", {"theirs": TagCount("A", "other", 1)})
    requests = drive(accounts, {
        **ONE_OF_ANOTHER_BOOK, Survey: theirs, Search: Searched("home", {"old": TagFound("4", 0, 1)}),
    })  # fmt: skip
    assert [r.kind for r in requests if isinstance(r, Tell)] == ["foreign"]
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


def test_a_reply_that_comes_after_all_knows_better_than_a_look_up() -> None:
    book, intent = Book("mine"), Batch("tag", "A", "s@h", "ce1", 2, mark="mine", intended=1.0)
    book.begin(intent)
    book.confirm(intent, "18", 0b11, 1.0, supposed=True)
    book.confirm(intent, "17", 0b11, 2.0)
    assert (intent.cluster, intent.open, book.sent["A"], intent.supposed) == ("17", 2, 2, False)
    book.confirm(intent, "19", 0b11, 3.0, supposed=True)
    assert intent.cluster == "17"


def test_a_reply_opens_again_what_was_closed_for_a_copy_of_it() -> None:
    book, intent = Book("mine"), Batch("tag", "A", "s@h", "ce1", 2, mark="mine", intended=1.0)
    book.begin(intent)
    book.confirm(intent, "18", 0b11, 1.0, supposed=True)
    book.end(intent, 0b11)
    assert book.line("tag") is None
    book.confirm(intent, "17", 0b11, 2.0)
    assert book.line("tag") is intent and book.cluster_of("tag") == "17"
    assert (book.open(), book.open("queue:A"), book.sent["A"]) == (2, 2, 2)
    assert book.end(intent, 0b11) == 2 and book.totals() == {}


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
    assert [r.kind for r in requests if isinstance(r, Tell)] == ["stranger", "parted"]
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
    assert [r.kind for r in requests if isinstance(r, Tell)] == ["parted"]
    assert [accounts.places.get(n).identity for n in (stays, moved)] == ["home", "new"]


def ask(accounts: Accounts, name: str, counted: Counted) -> list[Request]:
    """Poll who is called `name`."""
    there = {Count: counted, ReadEndings: Endings(counted.identity, "", ())}
    return finish(poll(accounts, name), there)


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


STRANGERS = Surveyed("home", {"theirs": TagCount("A", "other", 2)})


def drive(accounts: Accounts, answers: dict[type, object]) -> list[Request]:
    """Poll once; return what was asked for."""
    return finish(poll(accounts, "s@h"), answers)


def finish(run: Run, answers: dict[type, object]) -> list[Request]:
    """Answer all that is asked for yet, the first by what its kind is answered with; return the requests."""
    requests: list[Request] = []
    try:
        if inspect.getgeneratorstate(run) == inspect.GEN_CREATED:
            requests.append(next(run))
        else:
            requests.append(
                run.send(Answer(answers[Survey], 1.0, 2.0)) if Survey in answers else run.send(DONE)
            )
        while True:
            requests.append(run.send(Answer(answers.get(type(requests[-1])), 1.0, 2.0)))
    except StopIteration:
        return requests


DONE = Answer(None, 1.0, 2.0)


class Silent:
    """A place that knows of no pilots; some of its polls get no answer."""

    def __init__(self, *, tags: bool, history: bool = True):
        self.accounts = Accounts(Book("mine"), policy=Policy(apart=180.0, apart_without_history=360.0))
        self.answers: dict[type, object] = {
            Count: Counted("home", {}),
            ReadEndings: Endings("home", "", ()),
            Survey: Surveyed("home", {}) if tags else NotDone("tells no tags"),
            Search: Searched("home", {}, history),
        }
        place = self.accounts.places.get("s@h")
        place.identity, place.ready = "home", True
        self.line = Batch("t", "A", "s@h", "", 2, identity="home", mark="mine", intended=1.0)
        self.accounts.book.begin(self.line)
        self.accounts.book.confirm(self.line, "7", bits([0, 1]), -1000.0)

    def poll(self, at: float, silent: type | None = None, *, name: str = "s@h", every: float = 60.0) -> None:
        """Poll; the question `silent` gets no answer."""
        run = poll(self.accounts, name, every)
        try:
            request = next(run)
            while True:
                answer = self.answers.get(type(request))
                if type(request) is silent:
                    answer = NoAnswer("no answer")
                if isinstance(answer, Exception):
                    request = run.throw(answer)
                else:
                    request = run.send(Answer(answer, at, at, at))
        except (StopIteration, NoAnswer):
            return


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
    there = Silent(tags=True)
    late = poll(there.accounts, "s@h")
    request = next(late)
    while not isinstance(request, Search):
        request = late.send(Answer(there.answers.get(type(request)), 10.0, 10.0, 10.0))
    lie = dict(there.answers)
    there.answers[Survey] = Surveyed("home", {"t": TagCount("A", "mine", 2)})
    if seen_by == "count":
        there.answers[Count] = Counted("home", {"A": BatchQueueInfo(running=2)})
    there.poll(100)
    there.answers = lie
    with suppress(StopIteration):
        late.send(Answer(lie[Search], 11.0, 110.0, 110.0))
    there.poll(200)
    assert there.line.open == 2 and there.line.doubts[0].since == 200


def test_the_lease_counts_from_when_the_present_stranger_came() -> None:
    """Until then the job queue itself may have answered: of its pilots the last may have started then."""
    there = Silent(tags=True)
    there.poll(0)
    for at in range(100, 3000 + 3600, 100):
        there.answers[Count] = Counted("one" if at < 3000 else "another", {})
        there.poll(at)
        assert there.line.open == 2
    there.poll(3000 + 3600)
    assert there.line.open == 0
