"""Queues and factories that share one WMS queue."""

from __future__ import annotations

from autopyfactory.model.decision import CycleInputs
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.model.shares import Claim, divide
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.sched.share import Share


def pilots(pending=0, running=0, **more):
    return CycleInputs("Q", batch=BatchQueueInfo(pending=pending, running=running), **more)


class TestShare:
    def run(self, make, weights, demand, cycles=5, **texts):
        """Let all queues of one WMS queue decide again and again; no pilot starts. Return what is pending."""
        parts = divide({name: Claim(w) for name, w in weights.items()})
        pending = dict.fromkeys(weights, 0)
        for _ in range(cycles):
            for name, part in parts.items():
                known = pilots(pending[name], share_lower=part.lower, share_upper=part.upper)
                want = max(0, demand - pending[name])  # as Ready does
                pending[name] += make(Share, **texts).calc(want, known).n_out
        return pending

    def test_the_parts_add_up_to_the_demand_however_often_it_is_asked(self, make):
        assert self.run(make, {"a": 1, "b": 1}, 100) == {"a": 50, "b": 50}
        assert self.run(make, {"a": 3, "b": 1}, 100) == {"a": 75, "b": 25}
        assert sum(self.run(make, {"a": 1, "b": 1, "c": 1}, 100).values()) == 100
        assert sum(self.run(make, {"a": 1, "b": 1, "c": 1}, 1).values()) == 1

    def test_several_factories(self, make):
        parts = [
            self.run(make, {"a": 1, "b": 2}, 101, **{"sched.share.factories": 3, "sched.share.factory": k})
            for k in (1, 2, 3)
        ]
        assert sum(sum(p.values()) for p in parts) == 101
        assert [sum(p.values()) for p in parts] == [33, 34, 34]

    def test_a_factory_among_several_must_know_which_one_it_is(self):
        section = Section.from_texts("Q", {"sched.share.factories": "2"})
        options, problems = bind(Share.Options, section)
        assert options is None
        assert "sched.share.factory" in problems[0].message

    def test_nothing_to_share_and_retiring(self, make):
        assert make(Share).calc(0, pilots(5, share_lower=0.0, share_upper=0.5)).n_out == 0
        assert make(Share).calc(-3, pilots(5, share_lower=0.0, share_upper=0.5)).n_out == -3
        assert make(Share).calc(-3, pilots(5, share_lower=0.0, share_upper=1.0)).n_out == -3
        assert make(Share).calc(-8, pilots(5, share_lower=0.0, share_upper=0.5)).n_out == -5
