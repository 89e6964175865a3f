"""What a person's order may overrule, and what not; and that it is answered once, or not begun."""

from __future__ import annotations

import threading

import pytest

from autopyfactory.cycle.byhand import NotSent, Order, allowed
from autopyfactory.cycle.doing import LeftBehind
from autopyfactory.cycle.sender import Sending
from autopyfactory.model.decision import CycleInputs
from autopyfactory.model.info import BatchQueueInfo
from cyclekit import FIXED, PER_CYCLE, READY, TO_RUN, Rule

INPUTS = CycleInputs("A", batch=BatchQueueInfo(pending=2, running=45))
CLOSED = Rule("holds", "Downtime", lambda n, i: min(n, 0))
RAMP = Rule("guards", "Ramp", lambda n, i: min(n, 2))
NOTHING: frozenset[str] = frozenset()


def test_where_the_number_comes_from_does_not_matter() -> None:
    """Neither work nor pace is asked for: there is no WMS status at all."""
    assert allowed(Order(1), [READY, FIXED, PER_CYCLE, TO_RUN], INPUTS, NOTHING) == 1
    assert allowed(Order(8), [READY, TO_RUN], INPUTS, NOTHING) == 3


def test_limits_hold_always_and_the_rest_unless_overruled() -> None:
    full = CycleInputs("A", batch=BatchQueueInfo(running=50))
    for overrules in (NOTHING, frozenset({"rules", "pause"})):
        with pytest.raises(NotSent, match="MaxToRun") as told:
            allowed(Order(1, overrules), [TO_RUN], full, NOTHING)  # type: ignore[arg-type] - of literals
        assert told.value.full
    with pytest.raises(NotSent, match="Downtime") as told:
        allowed(Order(1), [CLOSED], INPUTS, NOTHING)
    assert not told.value.full
    assert allowed(Order(4, {"rules"}), [CLOSED, RAMP], INPUTS, NOTHING) == 4
    assert allowed(Order(4), [RAMP], INPUTS, NOTHING) == 2


def test_a_limit_of_which_nothing_new_is_known_lets_nothing_through() -> None:
    limit = Rule("limits", "MaxToRun", lambda n, i: n)
    limit.needs = frozenset({"batch"})
    assert allowed(Order(1), [limit], INPUTS, NOTHING) == 1
    for inputs, stale in ((CycleInputs("A"), NOTHING), (INPUTS, frozenset({"batch"}))):
        with pytest.raises(NotSent, match="nothing is known of batch"):
            allowed(Order(1), [limit], inputs, stale)


def test_an_order_is_answered_with_what_was_sent_or_why_not() -> None:
    order, sent = Order(1), Sending((), 0, ())
    order.carry_out(lambda _: sent)
    assert order.answer(0) is sent

    def refuse(_: Order) -> Sending:
        raise NotSent("full")

    order = Order(1)
    order.carry_out(refuse)
    with pytest.raises(NotSent, match="full"):
        order.answer(0)


def test_one_whose_thread_was_given_up_is_answered_too() -> None:
    def given_up(_: Order) -> Sending:
        raise LeftBehind

    order = Order(1)
    with pytest.raises(LeftBehind):
        order.carry_out(given_up)
    with pytest.raises(NotSent, match="left behind"):
        order.answer(0)


def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    order, begun = Order(1), threading.Event()
    with pytest.raises(TimeoutError, match="has not come round"):
        order.answer(0.01)
    order.carry_out(lambda _: begun.set())  # type: ignore[arg-type,return-value] - it must not be called
    assert not begun.is_set()
