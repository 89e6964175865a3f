"""What a count changes, and what endings do; whole schedules are in tests/simulation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.protocol.accounts import Accounts
from autopyfactory.accounting.protocol.polling import poll
from autopyfactory.accounting.requests import (
    Answer,
    Count,
    Counted,
    Endings,
    NoAnswer,
    Publish,
    ReadEndings,
    Recall,
    Request,
    TagFound,
    Write,
)
from autopyfactory.model.ending import Start
from autopyfactory.model.info import BatchQueueInfo
from bookkit import (
    drive,
)
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
