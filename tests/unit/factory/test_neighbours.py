"""What queues are told of pauses, of what keeps all of them from sending, and of each other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.cycle.components import Parts
from autopyfactory.external.clocks import CLOCKS
from autopyfactory.factory.neighbours import Answers
from autopyfactory.model.decision import OtherQueues
from autopyfactory.model.downtimes import Declared
from autopyfactory.pauses import Pause, Pauses
from fakes import FakeClock, FakeSubmit, Want


class World:
    """Answers from what a test sets."""

    def __init__(self, folder: Path) -> None:
        self.lost: str | None = None
        self.full: tuple[str, ...] = ()
        self.declared = Declared()
        self.queues: dict[str, Any] = {}
        self.clock = FakeClock()
        self.pauses = Pauses(folder / "pauses.json")
        around: dict[str, Any] = {
            "book": SimpleNamespace(active=lambda *where: 7),
            "downtimes": SimpleNamespace(of=lambda names: self.declared),
            "anchor": SimpleNamespace(lost=lambda: self.lost),
            "room": SimpleNamespace(full=lambda: self.full),
        }
        self.answers = Answers(lambda: self.queues, pauses=self.pauses, clock=self.clock, **around)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_pause_is_in_force_until_its_end(world: World) -> None:
    now = world.clock.now()
    world.pauses.set(Pause("east", now, until=now + timedelta(hours=1)))
    assert world.answers.paused("east") is not None
    assert world.answers.paused("west") is None
    world.clock.advance(3601)
    assert world.answers.paused("east") is None


def test_all_that_keeps_every_queue_from_sending_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CLOCKS, "ours", lambda: "")
    assert world.answers.blocked() == ()
    world.lost, world.full = "the ledger is gone", ("no room in a", "no room in b")
    monkeypatch.setattr(CLOCKS, "ours", lambda: "this host's clock is 9 h behind")
    assert world.answers.blocked() == (
        "the ledger is gone",
        "no room in a",
        "no room in b",
        "this host's clock is 9 h behind",
    )


def test_of_a_queue_that_does_not_run_nothing_is_known(world: World) -> None:
    assert world.answers.other_queues("nobody") == OtherQueues()
    assert world.answers.recent("nobody") is None


def test_a_queue_is_told_what_its_rules_ask_for(world: World) -> None:
    rule = Want(1)
    rule.needs = frozenset({"factory"})
    east = world.queues["east"] = SimpleNamespace(
        name="east",
        parts=Parts([rule], FakeSubmit("ce1:9619")),
        config=SimpleNamespace(options=SimpleNamespace(wmsqueue="east")),
        recent=lambda: "lately",
        last=None,
    )
    assert world.answers.recent("east") == "lately"
    found = world.answers.other_queues("east")
    assert (found.factory_active, found.declared) == (7, Declared()), "it asks for no downtimes"
    world.declared = Declared(ces=("asked",))
    rule.asks_downtimes_of = lambda: ()  # type: ignore[method-assign]
    east.parts = Parts([rule], FakeSubmit("ce1:9619"))
    assert world.answers.other_queues("east").declared is world.declared
