"""Polls of one place, answered by hand: what it tells, when, and which questions it leaves unanswered."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import Any

from autopyfactory.accounting.book import Batch, Book, bits
from autopyfactory.accounting.protocol.accounts import Accounts, Policy, Run
from autopyfactory.accounting.protocol.polling import poll
from autopyfactory.accounting.requests import (
    Answer,
    Count,
    Counted,
    Endings,
    NoAnswer,
    NotDone,
    ReadEndings,
    Recall,
    Request,
    Search,
    Searched,
    Survey,
    Surveyed,
    TagCount,
    Tell,
)
from autopyfactory.model.info import BatchQueueInfo

STRANGERS = Surveyed("home", {"theirs": TagCount("A", "other", 2)})
DONE = Answer(None, 1.0, 2.0)


def drive(accounts: Accounts, answers: dict[type, object]) -> list[Request]:
    """Poll once; return what was asked for."""
    return finish(poll(accounts, "s@h"), answers)


def ask(accounts: Accounts, name: str, counted: Counted) -> list[Request]:
    """Poll who is called `name`."""
    there = {Count: counted, ReadEndings: Endings(counted.identity, "", ())}
    return finish(poll(accounts, name), there)


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


def at_the_survey(accounts: Accounts) -> Run:
    """Return a poll that has just asked for the tags at a place: it shows two pilots of a stranger."""
    run = poll(accounts, "s@h")
    next(run)
    counted = Counted("home", {"A": BatchQueueInfo(running=2)}, {"A": 2})
    assert isinstance(run.send(Answer(counted, 1.0, 2.0)), ReadEndings)
    assert isinstance(run.send(Answer(Endings("home", "", ()), 1.0, 2.0)), Survey)
    return run


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


def told(requests: list[Request]) -> list[str]:
    """Return what kinds of things were told."""
    return [r.kind for r in requests if isinstance(r, Tell)]


def sent(
    book: Book, tag: str, n: int, place: str = "s@h", *, identity: str = "home", at: float = -1000.0
) -> Batch:
    """Let `n` pilots have been sent at monotonic time `at`, as cluster 7."""
    line = Batch(tag, "A", place, "", n, identity=identity, mark=book.mark, intended=1.0)
    book.begin(line)
    book.confirm(line, "7", bits(range(n)), at)
    return line


Asked = tuple[Run, Request]


class Silent:
    """A place that knows of no pilots; some of its polls get no answer."""

    def __init__(self, book: Book | None = None, *, n: int = 2, tags: bool = True, history: bool = True):
        """Let `n` pilots have been sent there. It may tell only numbers, or keep no history."""
        policy = Policy(apart=180.0, apart_without_history=360.0)
        self.accounts = Accounts(book or Book("mine"), policy=policy)
        self.answers: dict[type, Any] = {
            Count: Counted("home", {}),
            ReadEndings: Endings("home", "", ()),
            Survey: Surveyed("home", {}) if tags else NotDone("tells no tags"),
            Search: Searched("home", {}, history) if tags else NotDone("tells no tags"),
            Recall: {},
        }
        self.place = self.accounts.places.get("s@h")
        self.place.identity, self.place.ready = "home", True
        self.line = sent(self.accounts.book, "t", n)

    def shows(self, n: int, identity: str = "home", others: int = 0) -> None:
        """Let it show `n` pilots from now on, `others` of them without our mark."""
        queues = {"A": BatchQueueInfo(running=n)} if n else {}
        self.answers[Count] = Counted(identity, queues, {"A": others} if others else {})
        self.answers[ReadEndings] = Endings(identity, "", ())

    def also_called(self, name: str) -> None:
        """Let `name` be another name of it."""
        self.accounts.places.aliases[name] = "s@h"

    def poll(
        self, at: float, silent: type | None = None, *, name: str = "s@h", every: float = 60.0
    ) -> list[Request]:
        """Poll; the question `silent` gets no answer. Return what was asked for."""
        run = poll(self.accounts, name, every)
        return self.go_on((run, next(run)), at, at, silent)

    def begin(self, kind: type, at: float, *, name: str = "s@h", every: float = 60.0) -> Asked:
        """Return a poll that has just asked a question of this `kind`."""
        run = poll(self.accounts, name, every)
        request = next(run)
        while not isinstance(request, kind):
            request = run.send(Answer(self.answers.get(type(request)), at, at, at))
        return run, request

    def go_on(self, late: Asked, asked: float, at: float, silent: type | None = None) -> list[Request]:
        """Answer at `at` what a poll asked for at `asked`, and whatever it asks for then; return all that."""
        run, request = late
        requests = [request]
        with suppress(StopIteration, NoAnswer):
            while True:
                kind = type(requests[-1])
                answer = NoAnswer("no answer") if kind is silent else self.answers.get(kind)
                if isinstance(answer, Exception):
                    requests.append(run.throw(answer))
                else:
                    value = answer(requests[-1]) if callable(answer) else answer
                    requests.append(run.send(Answer(value, asked, at, at)))
                asked = at
        return requests
