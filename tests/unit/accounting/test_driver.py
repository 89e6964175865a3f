"""A run of the protocol makes its requests without a lock, but for what is to be written some time."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import pytest

from autopyfactory.accounting.driver import Work
from autopyfactory.accounting.requests import Answer, NoAnswer, NotDone, Request, Tell, Write
from fakes import FakeClock
from patience import PATIENCE

LATER, NOW, TOLD = Write(), Write(durable=True), Tell("kind", "place", "words")
Run = Generator[Request, Answer, Any]


class Answers:
    """Notes what is asked, and whether anybody else could change the book meanwhile."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.asked: list[tuple[Request, bool]] = []
        self.errors: dict[int, Exception] = {}  # by the number of the request

    def __call__(self, request: Request) -> str:
        free: list[bool] = []
        other = threading.Thread(target=lambda: free.append(self._free()))
        other.start()
        other.join(PATIENCE)
        self.asked.append((request, free[0]))
        if (error := self.errors.get(len(self.asked))) is not None:
            raise error
        return f"answer {len(self.asked)}"

    def _free(self) -> bool:
        got = self.lock.acquire(blocking=False)
        if got:
            self.lock.release()
        return got

    def work(self, run: Run) -> Work:
        return Work(run, self.lock, FakeClock(), self)


def protocol(*requests: Request) -> Run:
    told = []
    for request in requests:
        try:
            answer = yield request
        except (NoAnswer, NotDone) as err:
            told.append(str(err))
        else:
            told.append(answer.value)
    return told


def test_what_is_to_be_written_some_time_is_handed_over_before_anybody_else_changes_the_book() -> None:
    answers = Answers()
    work = answers.work(protocol(LATER, LATER, TOLD, LATER, NOW, LATER))
    assert answers.asked == [(LATER, False)] * 2, "with what changed the book"
    assert work.step()
    assert answers.asked[2:] == [(TOLD, True), (LATER, False)]
    assert not work.step()
    assert answers.asked[4:] == [(NOW, True), (LATER, False)]
    assert work.result == [f"answer {n}" for n in range(1, 7)]
    assert answers._free() and not work.step()


def test_a_run_that_only_writes_is_done_at_once() -> None:
    assert Answers().work(protocol(LATER)).result == ["answer 1"]


@pytest.mark.parametrize("error", [NotDone("closed"), NoAnswer("busy")])
def test_what_goes_wrong_is_the_runs_to_judge(error: Exception) -> None:
    answers = Answers()
    answers.errors = {1: error, 3: error}
    work = answers.work(protocol(LATER, TOLD, LATER))
    work.finish()
    assert work.result == [str(error), "answer 2", str(error)]


def test_what_nobody_expects_ends_the_run_and_keeps_no_lock() -> None:
    answers = Answers()
    answers.errors = {2: ZeroDivisionError("x")}
    work = answers.work(protocol(TOLD, LATER))
    with pytest.raises(ZeroDivisionError):
        work.step()
    assert answers._free() and not work.step()
