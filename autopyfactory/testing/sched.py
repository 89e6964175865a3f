"""What every rule of the chain must do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from autopyfactory.model.decision import Cap, CycleInputs, EndedPilot, Need, PastCycle, RecentPilots, Step
from autopyfactory.model.declaration import UNDECLARED, Part
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.testing.outside import nothing_outside
from autopyfactory.testing.plugin import PluginContract

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATUSES = ("online", "offline", "test", "brokeroff", "")
FIELDS: dict[Need, str] = {
    "wms": "wms",
    "batch": "batch",
    "site": "site",
    "history": "history",
    "factory": "factory_active",
}
SAMPLES = 300
LOWERS: frozenset[Part] = frozenset({"paces", "guards", "limits", "divides"})


def samples() -> Iterator[tuple[int, CycleInputs]]:
    """Yield numbers so far with what a cycle knows: always the same ones, zeros and large ones among them."""
    dice = random.Random(20260301)

    def some() -> int:
        return dice.choice([0, 0, 1, 2, 7, 50, 1000, 100_000])

    for _ in range(SAMPLES):
        pending, running = some(), some()
        held = dice.randint(0, pending)
        ended = tuple(
            EndedPilot(dice.uniform(0, 3600), dice.uniform(0, 3600)) for _ in range(dice.randint(0, 5))
        )
        lately = RecentPilots(
            3600.0, some(), some(), some(), len(ended), dice.randint(0, len(ended)), 0, 0, None, None, ended
        )
        inputs = CycleInputs(
            queue="QUEUE",
            wms=WMSQueueInfo(ready=some(), notready=some(), running=some()),
            batch=BatchQueueInfo(pending=pending, running=running, held=held),
            site=SiteInfo(dice.choice(STATUSES), dice.choice(("", "US"))),
            history=lately,
            factory_active=pending + running + some(),
            now=NOON + timedelta(minutes=dice.randint(0, 10_000)),
            starting=dice.randint(0, running),
            cores=dice.choice([1, 8]),
            memory_mb=dice.choice([0, 2000, 16_000]),
            past=tuple(
                PastCycle(60.0 * i, some(), some(), some(), some()) for i in range(dice.randint(0, 3))
            ),
        )
        yield dice.choice([-100, -1, 0, 0, 1, 5, 100, 100_000]), inputs


def untruth(rule: SchedPlugin[Any], n: int, inputs: CycleInputs) -> str | None:
    """Return what `rule` declares of itself and does not keep for `n` and `inputs`; None: it keeps it all."""
    said, out = rule.declaration, rule.calc(n, inputs).n_out
    if said == UNDECLARED:
        return None
    if rule.idle:
        return None if out == n else "that it does nothing without its numbers"
    if said.part == "starts" and out != rule.calc(n + 7, inputs).n_out:
        return "that it ignores the number so far"
    lowers = said.part in LOWERS or (said.part == "scales" and not said.grows)
    if lowers and out > max(n, 0):
        return f"that it {said.part}: it makes the number larger"
    if said.part == "raises" and out < n:
        return "that it raises: it makes the number smaller"
    if said.part == "passes" and n >= 0 and out != n:
        return "that it leaves the number as it is"
    if said.never_negative and out < 0:
        return "that no negative number passes it"
    if not said.retires and n >= 0 > out:
        return "that it never takes pilots back"
    return None


class SchedContract(PluginContract):
    """A rule turns a number into a number, purely, and says why."""

    kind = "sched"

    def test_it_declares_needs_that_there_are(self) -> None:
        """The gate keeps the chain from running until they are fresh."""
        assert self.plugin.needs <= frozenset(get_args(Need)), f"no such need: {set(self.plugin.needs)}"

    def test_it_gives_a_number_and_a_reason(self) -> None:
        """For whatever number and inputs; `why` tells the reason."""
        rule = self.make()
        for n, inputs in samples():
            step = rule.calc(n, inputs)
            assert isinstance(step, Step), f"calc returned {step!r}"
            assert type(step.n_out) is int, f"{step.n_out!r} is not a whole number"
            assert (step.plugin, step.n_in) == (self.plugin.name, n), "use self.step(n, ...)"
            assert step.reason.strip() and "\n" not in step.reason, f"not one line of reason: {step.reason!r}"
            assert all(isinstance(v, int | float | str) for v in step.facts.values()), step.facts

    def test_it_is_what_it_declares(self) -> None:
        """`check`, `simulate`, `why` and queues that take what flows over believe it."""
        rule = self.make()
        numbers = rule.declares.numbers
        assert set(numbers) <= set(self.plugin.Options.model_fields), f"no such options: {numbers}"
        for n, inputs in samples():
            broken = untruth(rule, n, inputs)
            assert broken is None, f"it declares {broken}: {n} became {rule.calc(n, inputs).n_out}"

    def test_it_is_pure(self) -> None:
        """The same inputs give the same step, in another instance and another order, and nothing is asked."""
        one, other = self.make(), self.make()
        with nothing_outside("a rule"):
            first = [one.calc(n, inputs) for n, inputs in samples()]
            again = [other.calc(n, inputs) for n, inputs in reversed(list(samples()))]
        assert first == again[::-1], "the steps depend on more than number, inputs and options"

    def test_it_works_without_what_it_does_not_need(self) -> None:
        """What is not declared may be missing."""
        rule = self.make()
        missing = {field: None for need, field in FIELDS.items() if need not in self.plugin.needs}
        for n, inputs in samples():
            step = rule.calc(n, replace(inputs, **missing))  # type: ignore[arg-type]
            assert type(step.n_out) is int

    def test_its_caps_name_it(self) -> None:
        """Caps are kept when pilots are reserved; the explanation names the rule."""
        for cap in self.make().caps():
            assert isinstance(cap, Cap) and cap.maximum >= 0 and cap.scope
            assert cap.rule == self.plugin.name
