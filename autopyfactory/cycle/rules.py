"""The rules of a queue's chain, asked within limits: what one does wrong is told by its name."""

from __future__ import annotations

from collections.abc import Iterator

from autopyfactory.cycle.components import Parts
from autopyfactory.cycle.doing import Doing
from autopyfactory.model.decision import CycleInputs, Decision, Rule, Step, decide


class Rules:
    """Asks the rules; used by the queue's thread. All raise PluginError for what a rule does wrong."""

    def __init__(self, parts: Parts, doing: Doing):
        self.chain = parts.chain
        self._several = len(parts.routes) > 1
        self._doing = doing
        self._words = {rule.name: f"the rule {rule.name}" for rule in parts.chain}

    def decide(self, inputs: CycleInputs) -> Decision:
        """Return what the chain says."""
        with self._doing.call("the chain"):
            return decide(self._one_by_one(), inputs, _asked)

    def calculate(self, rule: Rule, n: int, inputs: CycleInputs) -> Step:
        """Return what one rule makes of `n`."""
        with self._doing.call(self._words[rule.name]):
            return _asked(rule, n, inputs)

    def _one_by_one(self) -> Iterator[Rule]:
        for rule in self.chain:
            self._doing.come_to(self._words[rule.name])
            yield rule

    def down(self, inputs: CycleInputs | None) -> dict[str, str]:
        """Return the CEs, of several, that rules say get nothing now, and why."""
        found: dict[str, str] = {}
        if inputs is None or not self._several:
            return found
        for rule in self.chain:
            with self._doing.call(self._words[rule.name]):
                found |= rule.shuts(inputs)
        return found


def _asked(rule: Rule, n: int, inputs: CycleInputs) -> Step:
    """Ask one rule. Raises what the rule raises, and TypeError."""
    step: object = rule.calc(n, inputs)
    if not isinstance(step, Step) or type(step.n_out) is not int:
        raise TypeError(f"it answered with {step!r:.80}, which is no step to a whole number")
    return step
