"""What a person's order may overrule, and what not; and that it is answered once, or not begun."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from autopyfactory.breakers.evidence import Evidence
from autopyfactory.credentials.wallet import Choice
from autopyfactory.cycle.byhand import NotSent, Order, allowed
from autopyfactory.cycle.doing import LeftBehind
from autopyfactory.cycle.sender import Sending
from autopyfactory.model.decision import CycleInputs
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.plugins.base import SubmitError
from cyclekit import FIXED, PER_CYCLE, READY, TO_RUN, Rule
from cycleworld import APause, World
from fakes import Want

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


# --- what the queue's thread makes of an order --------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, [Want(0)], gated=True)
    made.poll()
    return made


def test_pilots_go_though_no_work_wants_them(world: World) -> None:
    assert [one.count for one in world.by_hand(3).sent] == [3]
    assert (world.submit.sent, world.book.open("q")) == (3, 3), "they are in the book as all others"


def test_a_pause_is_in_the_way_unless_it_is_overruled(world: World) -> None:
    world.pause = APause("paused by hand")
    with pytest.raises(NotSent, match="the queue is paused by hand") as told:
        world.by_hand()
    assert "--anyway" in told.value.next
    assert world.by_hand(1, "pause").granted == 1


def test_what_keeps_every_queue_from_sending_cannot_be_overruled(world: World) -> None:
    world.block = ("the ledger is gone",)
    with pytest.raises(NotSent, match="the ledger is gone"):
        world.by_hand(1, "pause", "rules")
    assert world.submit.sent == 0


def test_without_a_credential_nothing_goes_and_who_has_to_act_is_told(world: World) -> None:
    world.submit.choice = Choice(passed=("prod: the proxy expired 1 h ago",))
    with pytest.raises(NotSent, match="the proxy expired") as told:
        world.by_hand(1, "pause", "rules")
    assert told.value.who == "credentials"


def open_breaker(world: World) -> None:
    now = world.clock.now().timestamp()
    for n in range(5):
        e = Evidence(f"p{n}", "failed", now, "exit code 1", sent=now - 9, began=now - 8)
        world.gate._breakers.note(world.gate.address, "queue", e)
    world.gate._breakers.judge()


def test_through_an_open_breaker_one_pilot_goes_at_a_time(world: World) -> None:
    open_breaker(world)
    with pytest.raises(NotSent, match="a breaker is open") as told:
        world.by_hand(2)
    assert told.value.next == "send one pilot, to see"
    world.clock.advance(301)
    world.poll()
    world.submit.fail = SubmitError("no")
    assert [one.error for one in world.by_hand().sent] == ["no"]
    assert world.gate.permit().limit == 1, "what was not sent was no probe"
    world.submit.fail = None
    assert world.by_hand().granted == 1
    assert world.gate.permit().limit == 0
