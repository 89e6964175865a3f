"""The policies that are compared: each new for each queue, each setting another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from autopyfactory.simulate.models import CEModel, Job, Workload
from autopyfactory.simulate.policies import adaptive, glideinwms, harvester, ready, references
from autopyfactory.simulate.run import Simulation

ONE = Workload("w", "", tuple(Job(60.0 * i, 300.0) for i in range(20)), (CEModel(slots=20),))
TWO = replace(ONE, sites=(CEModel(slots=20), CEModel(slots=20)))
WIDE = replace(ONE, sites=(CEModel(slots=20, payloads=8),))


def names(chain: Any) -> list[str]:
    return [rule.name for rule in chain]


def test_the_usual_chain_looks_at_payloads_and_shares_only_where_there_are_several() -> None:
    policy = ready(0.5, 10, 20)
    assert names(policy.chain(ONE)) == ["Ready", "Scale", "MaxPerCycle", "MaxPending"]
    assert names(policy.chain(TWO)) == ["Ready", "Share", "Scale", "MaxPerCycle", "MaxPending"]
    wide = policy.chain(WIDE)
    assert names(wide)[0] == "WeightedActivated"
    options: Any = [rule.options for rule in wide]  # type: ignore[attr-defined]
    assert (options[0].activated, options[1].factor, options[2].maximum, options[3].maximum) == (
        1 / 8,
        0.5,
        10,
        20,
    )


def test_ours_knows_how_many_payloads_a_pilot_runs() -> None:
    assert names(adaptive().chain(ONE)) == ["Adaptive", "Share"]
    rule: Any = adaptive().chain(WIDE)[0]
    assert rule.options.payloads == 8
    other: Any = adaptive("x", {"sched.adaptive.payloads": "2"})
    assert not other.default and other.chain(WIDE)[0].options.payloads == 2


def test_rules_that_remember_are_made_anew_for_each_queue() -> None:
    for policy in (glideinwms("x"), harvester("x"), adaptive()):
        assert policy.chain(ONE)[0] is not policy.chain(ONE)[0]


def test_every_setting_is_told_apart_and_is_another() -> None:
    found = list(references())
    assert len({(p.family, p.label) for p in found}) == len(found)
    assert len({repr([getattr(r, "options", r) for r in p.chain(TWO)]) for p in found}) == len(found)
    assert {p.family for p in found if p.pool} == {"glideinWMS"}, "who looks at the pool"


def test_a_policy_gives_the_same_twice_and_gets_the_work_done() -> None:
    for policy in (ready(1.0, 100, 100), glideinwms("x"), harvester("x"), adaptive()):
        results = [
            Simulation([policy.chain(TWO) for _ in TWO.sites], TWO, seed=5, pool=policy.pool).run()
            for _ in range(2)
        ]
        assert results[0] == results[1], policy.family
        assert results[0].done == 20
