"""A rule that breaks the contract is found out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from autopyfactory.model.decision import Cap, CycleInputs, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.options.declare import Options
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.testing import SchedContract
from autopyfactory.testing.sched import untruth
from schedkit import build


class Good(SchedPlugin[Options]):
    name = "Good"
    needs = frozenset({"batch"})
    declares = Declaration("limits", retires=True)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        assert inputs.batch is not None
        return self.step(n, n - inputs.batch.pending, "less what is pending")


class Half(Good):
    def calc(self, n: int, inputs: CycleInputs) -> Step:
        return self.step(n, n / 2, "half")  # type: ignore[arg-type]


class Mute(Good):
    def calc(self, n: int, inputs: CycleInputs) -> Step:
        return self.step(n, n, "")


class Remembers(Good):
    calls = 0

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        self.calls += 1
        return self.step(n, n + self.calls % 2, "every other time one more")


class Undeclared(Good):
    needs = frozenset()


class Asks(Good):
    def calc(self, n: int, inputs: CycleInputs) -> Step:
        socket.create_connection(("127.0.0.1", 9), 0.1)
        return self.step(n, n, "asked")


class Anonymous(Good):
    def caps(self) -> tuple[Cap, ...]:
        return (Cap("factory", 5, "Somebody"),)


class Raises(Good):
    def calc(self, n: int, inputs: CycleInputs) -> Step:
        return self.step(n, n + 1, "one more")


class Passes(Good):
    declares = Declaration("passes", retires=True)


class Idles(Good):
    declares = Declaration("limits", retires=True, numbers=("maximum",))


class Invented(Good):
    needs = frozenset({"weather"})  # type: ignore[arg-type]


class Lies(Good):
    declares = Declaration("limits")  # and gives negative numbers


class Ignores(Good):
    declares = Declaration("starts", retires=True)


class Starts(Good):
    def __init__(self, *args: Any):
        super().__init__(*args)
        self.end = threading.Event()
        threading.Thread(target=self.end.wait, args=(5,), daemon=True).start()


TESTS = [
    n for n in dir(SchedContract) if n.startswith("test_") and n != "test_it_is_found_by_its_entry_point"
]


def run(plugin: type[SchedPlugin[Any]], test: str) -> None:
    contract = SchedContract()
    contract.plugin = plugin  # type: ignore[misc]
    getattr(contract, test)()


@pytest.mark.parametrize("test", TESTS)
def test_a_good_rule_keeps_all_of_it(test: str) -> None:
    run(Good, test)


@pytest.mark.parametrize(
    ("plugin", "test"),
    [
        (Half, "test_it_gives_a_number_and_a_reason"),
        (Mute, "test_it_gives_a_number_and_a_reason"),
        (Remembers, "test_it_is_pure"),
        (Undeclared, "test_it_works_without_what_it_does_not_need"),
        (Asks, "test_it_is_pure"),
        (Anonymous, "test_its_caps_name_it"),
        (Raises, "test_it_is_what_it_declares"),
        (Passes, "test_it_is_what_it_declares"),
        (Idles, "test_it_is_what_it_declares"),
        (Invented, "test_it_declares_needs_that_there_are"),
        (Lies, "test_it_is_what_it_declares"),
        (Ignores, "test_it_is_what_it_declares"),
        (Starts, "test_making_it_does_nothing"),
    ],
)
def test_each_breach_is_found(plugin: type[SchedPlugin[Any]], test: str) -> None:
    with pytest.raises(AssertionError):
        run(plugin, test)


@pytest.mark.parametrize(
    ("declares", "formula", "broken"),
    [
        (Declaration("limits"), lambda n: n + 1, "makes the number larger"),
        (Declaration("scales"), lambda n: 2 * n, "makes the number larger"),
        (Declaration("scales", grows=True), lambda n: 2 * n, None),
        (Declaration("raises"), lambda n: n - 1, "makes the number smaller"),
        (Declaration("passes"), lambda n: n + 1, "leaves the number as it is"),
        (Declaration("starts"), lambda n: n, "ignores the number so far"),
        (Declaration("holds", never_negative=True), lambda n: n, "no negative number passes"),
        (Declaration("holds"), lambda n: -5, "never takes pilots back"),
        (Declaration("holds", retires=True), lambda n: -5, None),
        (Declaration(), lambda n: -5 * n, None),
    ],
)
def test_what_is_declared_and_not_kept(
    declares: Declaration, formula: Callable[[int], int], broken: str | None
) -> None:
    class Rule(Good):
        def calc(self, n: int, inputs: CycleInputs) -> Step:
            return self.step(n, formula(n), "a formula")

    Rule.declares = declares
    rule = build(Rule)
    found = {untruth(rule, n, CycleInputs("Q")) for n in (3, -3)} - {None}
    assert (broken is None and not found) or any(broken is not None and broken in f for f in found if f)


def test_who_is_not_installed_is_found() -> None:
    from autopyfactory.config.registry import PluginError

    with pytest.raises(PluginError):
        run(Good, "test_it_is_found_by_its_entry_point")
