"""What is wrong with a queue: what `why` tells, without what is as somebody wants it."""

from dataclasses import replace

from autopyfactory.model.decision import Decision, Step
from autopyfactory.model.record import HeldGroup, Troubles
from autopyfactory.pauses import Pause
from autopyfactory.why.explain import explain
from autopyfactory.why.model import Cause, LiveState
from autopyfactory.why.problems import problems, together
from contracts.records import T0, cycle

HELD = Troubles(T0, held=(HeldGroup('Received "DENIED"', 2),))
IDLE = cycle(ready=0, pending=0, sent=(), decision=Decision(0, (Step("Ready", 0, 0, "0 ready"),)))


def codes(*args: object) -> list[str]:
    return [c.code for c in problems(*args)]  # type: ignore[arg-type]


def test_idle_capped_and_paused_queues_are_as_they_should_be() -> None:
    assert codes(IDLE) == []
    assert codes(cycle()) == [], "a cap bit"
    assert codes(cycle(), LiveState(T0, configured=True, enabled=True, pause=Pause("q", T0))) == []


def test_held_pilots_are_a_problem_also_of_a_queue_that_is_capped() -> None:
    assert len(codes(cycle(held=2), LiveState(T0, troubles=HELD))) == 1
    assert codes(replace(cycle(), troubles=HELD)) == codes(cycle(held=2), LiveState(T0, troubles=HELD))


def test_a_name_of_ours_that_is_misspelt_is_a_problem_and_ours() -> None:
    far, near = (LiveState(T0, others=names) for names in (("ANALY",), ("BNL_MCORE-gk02",)))
    assert codes(IDLE, far) == []
    (cause,) = problems(IDLE, near)
    assert cause.who == "us"


def test_a_name_like_ours_that_another_queue_serves_is_no_problem() -> None:
    """An idle queue beside a busy one of nearly the same name is idle, not misspelt; `why` still asks."""
    served = ("BNL_MCORE-gk02",)
    sibling = LiveState(T0, others=served, served=served)
    assert codes(IDLE, sibling) == []
    assert "(is it BNL_MCORE-gk02?)" in explain([IDLE], sibling).next[0]
    both = ("BNL_MCORE-gk02", "BNL_MCORE-gk03")
    assert codes(IDLE, LiveState(T0, others=both, served=served)) == ["nothing-ready"]


def test_the_worst_comes_first_and_is_told_once_for_all_queues() -> None:
    down = Cause("schedd-down", "the schedd does not answer")
    own = Cause("submission-failed", "the submission failed")
    loose = Cause("pilots-dropped", "1 pilot dropped", blocks=False)
    found = together({"a": [loose], "b": [own, down], "c": [down]})
    assert [(t.cause.code, t.queues) for t in found] == [
        ("schedd-down", ("b", "c")),
        ("submission-failed", ("b",)),
        ("pilots-dropped", ("a",)),
    ]
