"""What is wrong with a queue: what `why` tells, without what is as somebody wants it."""

from dataclasses import replace

import pytest

from autopyfactory.model.decision import Decision, Step
from autopyfactory.model.record import CycleRecord, HeldGroup, Troubles
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


CE = "condor ce1.grid.test ce1.grid.test:9619"
REFUSED = "no connection to ce1.grid.test:9619 (Connection refused)"
DOWN = Troubles(T0, ce_down=2, ce_down_since=T0, ce=CE)
OPEN = "CE ce1:9619: 3 of the last 3 pilots went wrong: 3 not answered; {}"
TIMES = ("1 probe so far, a probe in 40 s", "1 probe so far, a probe in 39 s", "2 probes so far, x")


def stuck(**troubles: object) -> CycleRecord:
    return replace(cycle(), troubles=replace(Troubles(T0), **troubles))  # type: ignore[arg-type]


def denied(n: int) -> tuple[HeldGroup, ...]:
    return (HeldGroup('Received "DENIED"', n),)


def silent(kind: str, named: str, age: float, said: str = "timed out") -> CycleRecord:
    gate = (f"{named} status {age:.0f} s old (maxage 360)",)
    return cycle(outcome="held back", gate=gate, ages={kind: age}, errors={kind: said})


ONE_TROUBLE = {
    "a CE that nobody tried": [replace(cycle(), troubles=replace(DOWN, ce_down=n)) for n in (2, 12, 1)],
    "a CE that is down, refuses us, or is unknown": [
        replace(cycle(), troubles=replace(DOWN, ce_down=n, probe=REFUSED, probe_code=code))
        for code in ("ce-down", "ce-refuses", "ce-unknown")
        for n in (2, 12, 1)
    ],
    "held": [stuck(held=denied(n)) for n in (1, 7)],
    "dropped": [stuck(lost=denied(n)) for n in (1, 7)],
    "a breaker": [replace(cycle(), breaker=OPEN.format(t), breaker_scope="ce") for t in TIMES],
    "a schedd": [silent("batch", "batch", age) for age in (400.0, 407.0)],
    "a WMS": [
        silent("wms", "WMS", age, said)
        for said in ("timed out", "certificate verify failed", "answered 401")
        for age in (400.0, 407.0)
    ],
}


@pytest.mark.parametrize("what", ONE_TROUBLE)
def test_one_trouble_of_many_queues_is_told_once_whatever_numbers_each_has(what: str) -> None:
    found = {f"q{i}": problems(record) for i, record in enumerate(ONE_TROUBLE[what])}
    assert all(found.values())
    told = together(found)
    assert len(told) == len({c.code for its in found.values() for c in its}), [t.cause.words for t in told]
    assert all(len(t.queues) > 1 for t in told)
    assert not any(word in t.cause.words for t in told for word in (" affected", " 7 ", "39 s", "40 s"))


def test_what_one_queue_has_alone_is_told_with_its_numbers() -> None:
    (told,) = together({"a": problems(replace(cycle(), troubles=DOWN))})
    assert told.cause.words == "CE ce1.grid.test:9619 does not answer (2 pilots affected)"


def test_two_that_are_down_are_two_troubles() -> None:
    other = replace(DOWN, ce="condor ce2.grid.test ce2.grid.test:9619")
    found = {name: problems(replace(cycle(), troubles=t)) for name, t in (("a", DOWN), ("b", other))}
    assert len(together(found)) == 2
    for kind, named in (("batch", "batch"), ("wms", "WMS")):
        ages = [(name, age) for name in "ab" for age in (400.0, 407.0)]
        silences = [silent(kind, named, age, f"{name}: timed out") for name, age in ages]
        told = together({f"q{i}": problems(record) for i, record in enumerate(silences)})
        assert [t.cause.words.rpartition(" ")[2] for t in told] == ["(a)", "(b)"], "each by its name"
    unnamed = [replace(DOWN, ce="", ce_down=n) for n in (1, 2)]
    assert len(together({str(t.ce_down): problems(replace(cycle(), troubles=t)) for t in unnamed})) == 2
