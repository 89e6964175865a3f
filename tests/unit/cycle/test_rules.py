"""Rules are asked in order; one that does what none may do is named, and only CEs of several are shut."""

from __future__ import annotations

from typing import Any

import pytest

from autopyfactory.cycle.components import Parts, Route
from autopyfactory.cycle.doing import AT_ONCE, Doing, LeftBehind, PluginError
from autopyfactory.cycle.rules import Rules
from autopyfactory.model.decision import CycleInputs, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.info import BatchQueueInfo
from fakes import FakeClock, FakeSubmit, Want

INPUTS = CycleInputs("q", batch=BatchQueueInfo())


def rules(*chain: Want, ces: int = 1) -> Rules:
    submits: list[Any] = [FakeSubmit(f"ce{i}") for i in range(ces)]
    parts = Parts(chain, submits[0], others=[Route(submit) for submit in submits[1:]])
    return Rules(parts, Doing(FakeClock()))


def test_each_rule_gets_what_the_one_before_it_said() -> None:
    made = rules(Want(5), Want(3))
    assert [(step.n_in, step.n_out) for step in made.decide(INPUTS).steps] == [(0, 5), (5, 3)]
    assert made.calculate(made.chain[1], 9, INPUTS).n_out == 3


@pytest.mark.parametrize("answer", [None, 5, Step("Want", 0, 2.5, ""), Step("Want", 0, True, "")])  # type: ignore[arg-type]
def test_what_is_no_step_to_a_whole_number_is_none(answer: Any) -> None:
    rule = Want(1)
    rule.calc = lambda n, inputs: answer  # type: ignore[method-assign]
    with pytest.raises(PluginError, match="the rule Want failed: TypeError: it answered with"):
        rules(rule).decide(INPUTS)


class Wrong(Want):
    """Its declaration cannot be asked for."""

    name = "Wrong"

    @property
    def declaration(self) -> Declaration:
        raise ValueError("boom")


def test_whatever_of_a_rule_goes_wrong_names_that_rule() -> None:
    with pytest.raises(PluginError, match=r"^the rule Wrong failed: ValueError: boom$"):
        rules(Want(1), Wrong(2), Want(3)).decide(INPUTS)


def test_the_rule_that_hangs_is_named_by_its_own_time_and_nobody_is_asked_after_it_was_given_up() -> None:
    clock, asked = FakeClock(), list[str]()
    doing, slow, stuck, last = Doing(clock), Want(1), Want(2), Want(3)
    slow.name, stuck.name, last.name = "Slow", "Stuck", "Last"  # type: ignore[misc]

    def takes_long(n: int, inputs: CycleInputs) -> Step:
        clock.advance(AT_ONCE - 1)
        assert not doing.leave(), "not too long yet"
        return Step("Slow", n, 1, "")

    def hangs(n: int, inputs: CycleInputs) -> Step:
        clock.advance(AT_ONCE - 1)
        assert not doing.overdue, "the time of the rule before does not count"
        clock.advance(2)
        asked.append(doing.overdue)
        assert doing.leave()
        return Step("Stuck", n, 2, "")

    slow.calc, stuck.calc = takes_long, hangs  # type: ignore[method-assign]
    last.calc = lambda n, inputs: asked.append("Last")  # type: ignore
    with pytest.raises(LeftBehind):
        Rules(Parts([slow, stuck, last], FakeSubmit()), doing).decide(INPUTS)
    assert asked == ["the rule Stuck has not returned for 31 s"]


def test_ces_are_shut_one_by_one_where_there_are_several() -> None:
    first, second = Want(1), Want(1)
    first.shuts = lambda inputs: {"ce0": "in a downtime"}  # type: ignore[method-assign]
    second.shuts = lambda inputs: {"ce1": "too slow"}  # type: ignore[method-assign]
    assert rules(first, second, ces=2).down(INPUTS) == {"ce0": "in a downtime", "ce1": "too slow"}
    assert rules(first, second, ces=2).down(None) == {}
    assert rules(first, second).down(INPUTS) == {}, "the whole queue is held back then, by the chain"
