"""A probe that is not sent since the queue is full says what fills it: pilots that cannot get on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.cycle.byhand import NotSent, Order
from autopyfactory.factory import probes
from autopyfactory.factory.probes import Probes, Wish
from autopyfactory.model.declaration import CAPPED
from autopyfactory.model.record import HeldGroup, Troubles
from patience import until

NOW = datetime(2026, 11, 29, 7, tzinfo=UTC)
FULL = NotSent("MaxPending: 5 pending, at most 5", CAPPED.who, CAPPED.next, full=True)
DOWN = Troubles(NOW, ce_down=5, ce="condor ce1 ce1:9619", probe="connection refused", probe_code="ce-down")


def refused(monkeypatch: pytest.MonkeyPatch, why: NotSent, *seen: Troubles) -> Any:
    """Return what is told first of a probe that is not sent; each schedd of the queue says one of `seen`."""
    answers = iter(seen)
    monkeypatch.setattr(probes, "targets_of", lambda config: [f"schedd {n}" for n in range(len(seen))])
    monkeypatch.setattr(probes, "reporting_client", lambda target: target)
    monkeypatch.setattr(probes, "troubles", lambda *_: next(answers))
    monkeypatch.setattr(probes.probe, "probed", lambda found, limit: found)

    def refuse(order: Order) -> None:
        def send(_: Order) -> Any:
            raise why

        order.carry_out(send)

    context = SimpleNamespace(factory=SimpleNamespace(factory_id="f"))
    parts = SimpleNamespace(ce="ce1:9619", submit=SimpleNamespace(context=context))
    queue: Any = SimpleNamespace(name="q", order=refuse, parts=parts, config=None)
    tell: Callable[..., None] = lambda *_: None  # noqa: E731
    made = Probes(lambda: {"q": queue}, tell).start(Wish("q"))
    until(lambda: made.over)
    assert made.outcome == "refused"
    return made.first_wrong


def test_a_limit_that_pilots_for_a_dead_ce_fill_is_not_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refused(monkeypatch, FULL, DOWN)
    assert told.words.startswith(f"{FULL}; it is full since CE ce1:9619 does not answer")
    assert "connection refused" in told.words
    assert (told.who, told.code) == ("site", "ce-down")
    assert "tell the site" in told.next and "raise" not in told.next


def test_held_pilots_fill_a_limit_too_at_whichever_schedd(monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldGroup("SCITOKENS:2:the token has expired", 5, 0)
    told = refused(monkeypatch, FULL, Troubles(NOW), Troubles(NOW, held=(held,)))
    assert told.words.startswith("MaxPending: 5 pending, at most 5; it is full since 5 pilots held")
    assert "raise the limit" not in told.next


SILENT = Troubles(NOW, error="it does not answer", ce_down=5)


@pytest.mark.parametrize("seen", [(), (Troubles(NOW),), (SILENT,)])
def test_a_limit_is_the_cause_where_nothing_else_is_known(
    monkeypatch: pytest.MonkeyPatch, seen: tuple[Troubles, ...]
) -> None:
    told = refused(monkeypatch, FULL, *seen)
    assert (told.words, told.who, told.next) == (str(FULL), "us", CAPPED.next)


def test_what_is_no_limit_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refused(monkeypatch, NotSent("the queue is paused"), DOWN)
    assert told.words == "the queue is paused"
