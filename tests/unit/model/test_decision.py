"""The fold: rule after rule, closed as soon as something that must be known is not."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.decision import (
    CycleInputs,
    Decision,
    Need,
    RecentPilots,
    Rule,
    Step,
    decide,
    declaration_of,
    told,
)
from autopyfactory.model.declaration import CAPPED, UNDECLARED, Bite, Declaration
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo

ALL: tuple[Need, ...] = ("wms", "batch", "site", "history", "factory")
KNOWN = {
    "wms": {"wms": WMSQueueInfo()},
    "batch": {"batch": BatchQueueInfo()},
    "site": {"site": SiteInfo()},
    "history": {"history": RecentPilots()},
    "factory": {"factory_active": 0},
}
SLOW = Bite("slow", "us", "wait")


@dataclass
class Adds:
    """Adds a number, and remembers what it was asked."""

    by: int = 0
    name: str = "Adds"
    needs: frozenset[Need] = frozenset()
    final: bool = False
    declaration: Declaration = UNDECLARED
    divided: bool = False
    cause: Bite | None = None
    asked: list[int] = field(default_factory=list)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        self.asked.append(n)
        return Step(
            self.name, n, n + self.by, "adds", final=self.final, divided=self.divided, cause=self.cause
        )


class Silent:
    """A rule that declares nothing at all."""

    name = "Silent"
    needs: frozenset[Need] = frozenset()

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        return Step(self.name, n, n - 1, "one less")


def known(*kinds: str) -> CycleInputs:
    return CycleInputs("q", **{k: v for kind in kinds for k, v in KNOWN[kind].items()})  # type: ignore[arg-type]


@given(st.lists(st.integers(-50, 50), max_size=8))
def test_a_chain_hands_the_number_on_from_0(numbers: list[int]) -> None:
    decision = decide([Adds(n) for n in numbers], known())
    assert decision.n == sum(numbers)
    assert [s.n_out - s.n_in for s in decision.steps] == numbers
    assert all(a.n_out == b.n_in for a, b in zip(decision.steps, decision.steps[1:], strict=False))
    assert not decision.steps or decision.steps[0].n_in == 0


def test_an_empty_chain_sends_nothing() -> None:
    assert decide([], known()) == Decision(0, ())
    assert decide([], known()).decisive is None
    assert decide([], known()).message == ""


@given(st.sets(st.sampled_from(ALL)))
def test_what_is_told_is_what_is_not_none(have: set[Need]) -> None:
    assert told(known(*have)) == have


def test_what_nobody_tells_is_missing() -> None:
    rule = Adds(5, needs=frozenset({"wms", "wsm"}))  # type: ignore[arg-type]  # a plugin's slip
    decision = decide([rule], known(*ALL))
    assert (decision.n, rule.asked) == (0, [])
    assert decision.steps[0].reason == "no wsm information: nothing is sent"


@given(
    st.lists(st.integers(-5, 5), max_size=4),
    st.sets(st.sampled_from(ALL), min_size=1),
    st.lists(st.integers(-5, 5), max_size=4),
)
def test_without_what_a_rule_needs_nothing_is_sent_whatever_comes_later(
    before: list[int], needs: set[Need], after: list[int]
) -> None:
    later = [Adds(n) for n in after]
    decision = decide([*map(Adds, before), Adds(9, needs=frozenset(needs)), *later], known())
    assert decision.n == 0
    assert decision.steps[-1].final
    assert len(decision.steps) == len(before) + 1
    assert all(not rule.asked for rule in later)
    assert all(f"{need} information" in decision.steps[-1].reason for need in needs)


def test_zero_and_empty_are_known() -> None:
    inputs = known(*ALL)
    assert decide([Adds(3, needs=frozenset(ALL))], inputs).n == 3


@pytest.mark.parametrize(("by", "sent"), [(5, 0), (0, 0), (-4, -4)])
def test_a_final_step_sends_none_and_may_still_take_back(by: int, sent: int) -> None:
    later = Adds(100)
    decision = decide([Adds(by, final=True), later], known())
    assert decision.n == sent
    assert later.asked == []


def test_what_is_divided_already_is_not_divided_again() -> None:
    divides = Adds(-3, "Share", declaration=Declaration("divides"))
    scales = Adds(-1, "Scale", declaration=Declaration("scales"))
    decision = decide([Adds(10, divided=True), divides, scales], known())
    assert decision.n == 9
    assert divides.asked == []
    assert scales.asked == [10]
    assert "already" in decision.steps[1].reason
    assert decide([Adds(10), divides], known()).n == 7


def test_a_number_stays_divided_to_the_end_of_the_chain() -> None:
    divides = Adds(-3, "Share", declaration=Declaration("divides"))
    assert decide([Adds(10, divided=True), Adds(0), divides], known()).n == 10
    first = Adds(-3, "Share", declaration=Declaration("divides"), divided=True)
    assert decide([Adds(10), first, divides], known()).n == 7


@pytest.mark.parametrize(
    ("by", "own", "declared", "told"),
    [
        (-1, None, SLOW, SLOW),
        (-1, CAPPED, SLOW, CAPPED),  # what the step says itself is nearer
        (-1, None, None, None),
        (0, None, SLOW, None),
        (1, None, SLOW, None),
        (1, CAPPED, SLOW, None),
    ],
)
def test_a_cause_is_told_only_of_a_number_that_was_lowered(
    by: int, own: Bite | None, declared: Bite | None, told: Bite | None
) -> None:
    rule = Adds(by, cause=own, declaration=Declaration("limits", cause=declared))
    (step,) = decide([rule], known()).steps
    assert step.cause == told
    assert step.part == "limits"


def test_a_rule_need_not_declare_anything() -> None:
    rule: Rule = Silent()
    assert declaration_of(rule) is UNDECLARED
    (step,) = decide([rule], known()).steps
    assert (step.part, step.cause) == ("other", None)


def test_who_guards_the_rules_is_asked_instead_of_them() -> None:
    asked: list[tuple[str, int]] = []

    def guarded(rule: Rule, n: int, inputs: CycleInputs) -> Step:
        asked.append((rule.name, n))
        return Step(rule.name, n, 0, "it fell over", final=True)

    rule, later = Adds(5), Adds(7)
    assert decide([rule, later], known(), guarded).n == 0
    assert asked == [("Adds", 0)]
    assert rule.asked == later.asked == []


@pytest.mark.parametrize(
    ("changes", "decisive"),
    [
        ([0], 0),
        ([5, 0, 0], 0),
        ([5, -2, 0], 1),
        ([5, -2, 3, 0], 2),
        ([0, 0, 0], 0),  # none changed it: the first
    ],
)
def test_the_last_step_that_changed_the_number_decides(changes: list[int], decisive: int) -> None:
    decision = decide([Adds(by, name=str(i)) for i, by in enumerate(changes)], known())
    assert decision.decisive is not None
    assert decision.decisive.plugin == str(decisive)


def test_monitors_get_the_line_that_they_know_from_2_4() -> None:
    steps = (
        Step("Ready", 0, 73, "", {"activated": 83, "pending": 10}),
        Step("MaxPerCycle", 73, 50, "", {"max": 50}),
    )
    assert steps[0].message == "Ready:in=0,activated=83,pending=10,ret=73"
    assert Decision(50, steps).message == f"{steps[0].message};MaxPerCycle:in=73,max=50,ret=50"
    assert Step("X", 1, 1, "").message == "X:in=1,ret=1"


def test_the_same_inputs_give_the_same_decision() -> None:
    chain = [Adds(5), Adds(-2, declaration=Declaration("limits", cause=SLOW)), Silent()]
    assert decide(chain, known("wms")) == decide(chain, known("wms"))
