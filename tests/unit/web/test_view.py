"""The published view: many requests are one question, and what is old or wrong is told as such."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import webkit
from autopyfactory.control.client import ControlError
from autopyfactory.web.metrics import Exposition
from autopyfactory.web.view import Views, look
from patience import until


@pytest.fixture
def access(tmp_path: Path) -> webkit.FakeAccess:
    return webkit.FakeAccess(tmp_path)


def asked(access: webkit.FakeAccess) -> int:
    return sum(command == "status" for command, _ in access.asked)


def test_a_crowd_asks_once(access: webkit.FakeAccess) -> None:
    views, found = Views(access, often=3600), []
    crowd = [threading.Thread(target=lambda: found.append(views.get())) for _ in range(20)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len({id(v) for v in found}) == 1
    assert asked(access) == 1


def test_what_was_ordered_shows_at_once(access: webkit.FakeAccess) -> None:
    views = Views(access, often=3600)
    assert views.get().by_name["east"].state == "running"
    paused = [webkit.queue_row("east", None, state="paused")]
    access.answers["status"] = webkit.status(paused)
    assert views.get().by_name["east"].state == "running", "it is not asked all the time"
    views.stale()
    assert views.get().by_name["east"].state == "paused"
    assert views.get().number == 2


def test_while_a_question_takes_long_what_is_known_is_shown(access: webkit.FakeAccess) -> None:
    views, gate = Views(access, often=0.0), threading.Event()
    first = views.get()
    until(lambda: not views._renewing, "the first answer")

    def slow(arguments: Any) -> Any:
        gate.wait(60)
        return webkit.status()

    access.answers["status"] = slow
    try:
        assert views.get().number >= first.number, "it does not wait for the new one"
        assert not gate.is_set()
    finally:
        gate.set()
    until(lambda: not views._renewing, "the slow answer")


def test_a_factory_that_is_slow_is_asked_the_more_seldom(access: webkit.FakeAccess) -> None:
    """Of its time the pages take a twentieth at most: an answer of 1 s is good for 20 s."""
    times = iter((100.0, 101.0))
    slow = look(access, 1, lambda: next(times))
    assert (slow.asked, slow.cost) == (100.0, 1.0)
    for age, cost, renewed in ((0.0, 0.1, False), (8.0, 0.1, True), (8.0, 1.0, False), (25.0, 1.0, True)):
        views = Views(access)
        views._view = replace(slow, asked=time.monotonic() - age, cost=cost)
        views.get()
        until(lambda views=views: not views._renewing, "an answer under way")
        assert views._number == int(renewed), (age, cost)


def test_a_factory_that_does_not_say_how_it_is_is_told_so(access: webkit.FakeAccess) -> None:
    access.answers["health"] = ControlError("too busy")
    found = look(access, 1)
    assert (found.running, found.health) == (True, None)
    assert "too busy" in found.notes
    assert len(found.rows) == 4


def test_without_a_factory_nothing_is_made_up(tmp_path: Path) -> None:
    found = look(webkit.FakeAccess(tmp_path, answers={}), 3)
    assert (found.running, found.rows, found.health, found.number) == (False, (), None, 3)
    assert found.notes and found.answer["started"] is None


def test_an_answer_that_nobody_understands_is_an_error_and_not_the_end(access: webkit.FakeAccess) -> None:
    access.answers["status"] = {"factory": "f1", "at": "yesterday", "started": "x", "queues": [], "notes": []}
    views = Views(access, often=0.0)
    found = views.get()
    assert not found.running
    assert "internal error" in found.notes[0]
    access.answers["status"] = webkit.status()
    until(lambda: views.get().running, "the next answer")


def test_every_view_has_its_own_number_also_one_that_went_wrong(access: webkit.FakeAccess) -> None:
    """What is made of a view is kept by its number: two views of one number would be told as one."""
    access.answers["status"] = {"at": "yesterday"}
    views = Views(access, often=3600)
    numbers = [views.get().number]
    views.stale()
    numbers.append(views.get().number)
    assert numbers == [1, 2]


def test_metrics_are_those_of_the_newest_view(access: webkit.FakeAccess) -> None:
    access.answers["status"] = {"at": "yesterday"}
    views = Views(access, often=3600)
    exposition = Exposition(views.get)

    def told_at() -> bytes:
        body, _ = exposition.render("", packed=False)
        return next(li for li in body.splitlines() if li.startswith(b"autopyfactory_view_timestamp"))

    before = told_at()
    views.stale()
    assert told_at() != before
