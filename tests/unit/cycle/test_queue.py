"""A queue's thread: what wakes it and ends it, and what is done with one that does not come back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.cycle import queue as module
from autopyfactory.cycle.byhand import Order
from autopyfactory.cycle.line import Line
from autopyfactory.cycle.turns import TURNS
from autopyfactory.plugins.base import SentPilots
from cycleworld import Hangs, World
from fakes import Want
from patience import PATIENCE, until


def started(world: World) -> World:
    world.poll()
    world.queue.start()
    return world


def ended(world: World) -> None:
    world.queue.stop()
    assert world.queue.join(PATIENCE)
    assert (world.queue.alive, world.queue.lingers) == (False, False)


def test_it_runs_again_when_it_is_woken_and_not_before(tmp_path: Path) -> None:
    world = started(World(tmp_path, [Want(0)], sleep=100_000.0))
    for n in (1, 2, 3):
        until(lambda n=n: len(world.records) == n, "a cycle")
        assert [record.number for record in world.records] == list(range(n))
        assert world.queue.last is world.records[-1]
        world.queue.wake()
    ended(world)


def herd(tmp_path: Path, n: int) -> list[World]:
    """Start queues that sleep once they have run a cycle, and return them when they do."""
    worlds = [World(tmp_path / str(i), [Want(0)], sleep=100_000.0) for i in range(n)]
    for world in worlds:
        started(world)
    until(lambda: all(world.queue._asleep for world in worlds), "they sleep")
    return worlds


def stopped_and_woken(world: World, rouse: Callable[[], bool]) -> bool:
    world.queue._stopping = True
    return rouse()


@pytest.mark.parametrize("bad", ["credential", "resolved", "stopped"])
def test_a_queue_that_fails_before_it_decides_lets_the_others_woken_with_it_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    """Nobody looks after the line here: they waited for that, half a second or more each."""

    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(TURNS, "line", Line())
    worlds = herd(tmp_path, 6)
    for world in worlds[::2]:
        if bad == "credential":
            world.submit.credential = fail  # type: ignore[method-assign]
        elif bad == "resolved":
            monkeypatch.setattr(world.queue._cycle.ways.all[0].sender, "resolved", fail)
        else:
            monkeypatch.setattr(
                world.queue, "_rouse", partial(stopped_and_woken, world, world.queue._rouse)
            )
    for world in worlds:
        world.queue.wake()
    until(lambda: all(len(world.records) == 2 for world in worlds[1::2]), "their cycles")
    for world in worlds:
        ended(world)


def test_a_source_that_answers_again_wakes_it_until_it_has_ended(tmp_path: Path) -> None:
    world = started(World(tmp_path, [Want(0)], sleep=100_000.0))
    until(lambda: len(world.records) == 1, "the first cycle")
    world.batch.error = RuntimeError("connection refused")
    world.poll()
    world.batch.error = None
    world.poll()
    until(lambda: len(world.records) == 2, "the next one")
    ended(world)
    assert not any(source._listeners for source in world.queue.parts.sources)


@pytest.mark.parametrize("cycles", [0, 1, 3])
def test_it_ends_by_itself_after_its_cycles(tmp_path: Path, cycles: int) -> None:
    world = started(World(tmp_path, [Want(0)], cycles=cycles, sleep=0.001))
    assert world.queue.join(PATIENCE)
    assert world.queue.finished
    assert (world.queue.cycles_run, len(world.records)) == (cycles, cycles)
    world.queue.start()
    assert not world.queue.alive, "it has run all that it is to run"


def test_it_waits_for_first_answers_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, [Want(1)])
    asked = threading.Event()

    def wait(timeout: float) -> bool:
        asked.set()
        world.clock.advance(timeout)
        return False

    for source in world.queue.parts.sources:
        monkeypatch.setattr(source, "wait_first", wait)
    begun = world.clock.monotonic()
    world.queue.start()
    until(lambda: world.records, "a cycle without answers")
    assert asked.is_set() and world.clock.monotonic() - begun >= module.FIRST_ANSWER
    assert world.records[0].outcome == "held back"
    ended(world)


def test_what_a_person_asks_for_is_sent_at_once_before_the_next_cycle(tmp_path: Path) -> None:
    world = started(World(tmp_path, [Want(0)], sleep=100_000.0))
    until(lambda: world.records, "the first cycle")
    order = Order(2)
    world.queue.order(order)
    assert [one.count for one in order.answer(PATIENCE).sent] == [2]
    until(lambda: len(world.records) == 2, "the cycle behind it")
    assert world.submit.sent == 2
    ended(world)


def test_a_cycle_that_raises_is_told_like_any_other_and_the_next_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, [Want(0)])
    real = world.queue.cycle

    def fail(at: Any) -> Any:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(world.queue, "cycle", fail)
    world.poll()
    world.queue._cycle_safely()
    monkeypatch.setattr(world.queue, "cycle", real)
    world.queue._cycle_safely()
    first, second = world.records
    assert (first.number, first.outcome, first.reason) == (0, "failed", "internal error: a defect")
    assert (second.number, second.outcome) == (1, "nothing")


@pytest.mark.parametrize("n", [5, 0, -3])
def test_what_ended_pilots_left_behind_is_removed_once_a_cycle_whatever_it_did(
    tmp_path: Path, n: int
) -> None:
    """Under steady demand no cycle wants 0: `Exec` left its dead children there."""
    world = World(tmp_path, [Want(n)])
    cleaned: list[float] = []
    world.submit.cleanup = cleaned.append  # type: ignore[method-assign]
    world.poll()
    for _ in range(3):
        world.queue._cycle_safely()
    assert len(cleaned) == 3


def test_a_rule_that_hangs_for_ever_is_told_and_its_thread_left_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It took its queue's thread for ever, in silence, and a reload waited for that thread."""
    rule = Hangs()
    w = World(tmp_path, [rule])
    w.poll()
    w.queue.start()
    assert rule.inside.acquire(timeout=PATIENCE)
    assert (w.queue.hangs, w.queue.alive) == ("", True)
    w.queue.stop()
    assert w.queue.alive, "it may well return"
    w.clock.advance(180)
    assert w.queue.hangs == "the rule Want has not returned for 3 min"
    caplog.set_level(logging.INFO, "autopyfactory.queue.q")
    w.queue.stop()
    assert not w.queue.alive
    told = [m for m in caplog.messages if m.startswith(("cycle 0: ", "left behind: "))]
    assert [m.split(":")[0] for m in told] == ["cycle 0", "left behind"], "what it knew when it came to hang"
    thread = w.queue._thread
    rule.release.set()
    assert thread is not None
    thread.join(PATIENCE)
    assert not thread.is_alive() and not w.records and not w.submit.sent, "it goes on with nothing"


def test_a_rule_that_returns_at_last_lets_its_queue_go_on_and_sends_nothing_of_what_is_old(
    tmp_path: Path,
) -> None:
    """Nobody has to reload for that; what was decided from counts of three minutes ago is decided anew."""
    rule = Hangs()
    w = World(tmp_path, [rule])
    w.poll()
    w.queue.start()
    assert rule.inside.acquire(timeout=PATIENCE)
    w.clock.advance(180)
    w.poll()
    assert w.queue.hangs
    rule.release.set()
    until(lambda: w.records)
    assert w.records[0].outcome == "held back" and w.records[0].sent == ()
    assert w.records[0].reason.startswith("it took 3 min to decide: what that was made from is old")
    assert w.queue.hangs == ""
    until(lambda: w.queue.wake() or w.submit.sent)
    w.queue.stop()
    assert w.queue.join(PATIENCE)


def test_a_submission_that_never_returns_is_looked_up_once_its_thread_is_left_behind(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5)])
    inside, release, real = threading.Semaphore(0), threading.Event(), w.submit.submit

    def hang(n: int, tag: str, deadline: float) -> SentPilots:
        inside.release()
        assert release.wait(PATIENCE)
        return real(n, tag, deadline)

    w.submit.submit = hang  # type: ignore[method-assign]
    w.poll()
    w.queue.start()
    assert inside.acquire(timeout=PATIENCE)
    assert not w.book.unresolved("q"), "somebody is at it"
    w.clock.advance(400)
    w.queue.stop()
    assert not w.queue.alive
    assert len(w.book.unresolved("q")) == 1 and w.book.open("q") == 5
    thread = w.queue._thread
    release.set()
    assert thread is not None
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert w.submit.sent == 5 and w.book.open("q") == 5, "each counts once, and no second chunk was sent"
