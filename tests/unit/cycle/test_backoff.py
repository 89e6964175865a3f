"""How long refusals keep a queue from trying."""

from __future__ import annotations

from autopyfactory.cycle.backoff import FIRST, LAST, Backoff
from autopyfactory.model.record import Sent

REFUSED = Sent("t", "schedd", "ce", 0, error="no")
SENT = Sent("t", "schedd", "ce", 5, "1")
UNKNOWN = Sent("t", "schedd", "ce", 5, error="outcome not known: timeout")


def test_it_doubles_up_to_a_limit_and_success_ends_it() -> None:
    backoff, now = Backoff(), 100.0
    waits = []
    for _ in range(12):
        backoff.note([REFUSED], now)
        waits.append(backoff.left(now))
        now += waits[-1]
        assert backoff.left(now) == 0
    assert waits[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert waits[-1] == LAST
    assert (backoff.refusals, backoff.sent) == (12, (REFUSED,))
    backoff.note([SENT], now)
    assert (backoff.left(now), backoff.refusals, backoff.sent) == (0, 0, ())


def test_what_is_not_known_and_what_was_not_tried_are_no_refusals() -> None:
    backoff = Backoff()
    backoff.note([UNKNOWN], 0.0)
    assert backoff.left(0.0) == 0
    backoff.note([REFUSED], 0.0)
    backoff.note([], 0.5)
    assert backoff.refusals == 1


def test_a_schedd_that_was_down_is_tried_at_once_when_it_answers_again() -> None:
    backoff = Backoff()
    for now in (0.0, 10.0, 20.0):
        backoff.note([REFUSED], now, silent=True)
    assert backoff.left(20.0) == 4 * FIRST
    backoff.heard()
    assert (backoff.left(20.0), backoff.refusals, backoff.sent) == (0, 0, ())
    backoff.note([REFUSED], 30.0)  # it answers, and refuses
    backoff.heard()
    assert backoff.left(30.0) == FIRST
