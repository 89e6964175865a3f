"""Policies held against each other at equal wait."""

from __future__ import annotations

from random import Random

import pytest

from autopyfactory.simulate import compare
from autopyfactory.simulate.hull import hull
from autopyfactory.simulate.policies import OURS, Policy, adaptive, references
from autopyfactory.simulate.workloads import WORKLOADS


def score(family, *points, default=False, operations=100.0, killed=0.0):
    runs = tuple(compare.Run(wait, 2 * wait, waste, 10 * waste, operations, killed) for wait, waste in points)
    return compare.Score(Policy(family, "", lambda w: (), default=default), runs)


READY = score("Ready", (100, 20), (120, 24), default=True)
OTHER = score("glideinWMS", (200, 2), (220, 4))


class TestVerdict:
    def test_is_against_the_hull_at_our_wait(self):
        v = compare.judge("w", [READY, OTHER, score(OURS, (150, 5), (170, 5), default=True, operations=150)])
        assert v.waste == pytest.approx(12.5)  # half way between the means
        assert v.saved == pytest.approx(0.6)
        assert v.wait == pytest.approx(110 + 100 * (22 - 5) / (22 - 3))
        assert not v.faster
        assert v.operations == 1.5
        assert v.low <= v.saved <= v.high

    def test_is_against_the_fastest_where_none_is_as_fast(self):
        v = compare.judge("w", [READY, OTHER, score(OURS, (50, 11), (50, 11), default=True)])
        assert (v.faster, v.waste, v.saved) == (True, 22, 0.5)

    def test_losing_shows(self):
        v = compare.judge("w", [READY, OTHER, score(OURS, (210, 6), (210, 6), default=True)])
        assert v.saved == -1.0

    def test_our_other_settings_do_not_count(self):
        mine = score(OURS, (210, 6), (210, 6), default=True)
        lucky = score(OURS, (10, 0), (10, 0))
        assert compare.judge("w", [READY, OTHER, lucky, mine]).saved == -1.0

    def test_a_waste_that_is_nobodys_is_neither_saved_nor_lost(self):
        assert compare.saved((100, 0.02), hull([(100, 0.01)])) == 0
        assert compare.saved((100, 0.5), hull([(100, 0.01)])) == pytest.approx(1 - 0.5 / 0.05)


def test_one_setting_for_all_workloads():
    # a reference that changes its setting with the workload would be better than with either
    fast, slow = Policy("glideinWMS", "a", lambda w: ()), Policy("glideinWMS", "b", lambda w: ())
    mine = Policy(OURS, "", lambda w: (), default=True)
    ready = Policy("Ready", "", lambda w: (), default=True)

    def scored(policy, wait, waste):
        return compare.Score(policy, (compare.Run(wait, wait, waste, waste, 1, 0),))

    found = {
        "one": [scored(ready, 10, 10), scored(fast, 5, 20), scored(slow, 20, 1), scored(mine, 10, 2)],
        "two": [scored(ready, 10, 10), scored(fast, 5, 1), scored(slow, 20, 1), scored(mine, 10, 2)],
    }
    one = compare.everywhere(found)
    assert (one.wait, one.waste) == (1.0, 0.2)
    assert one.points[fast] == (0.5, 1.05)
    limit = 0.1 + (1.05 - 0.1) * (2 - 1) / (2 - 0.5)  # between fast and slow; Ready lies above
    assert one.saved == pytest.approx(1 - 0.2 / limit)
    together = compare.everywhere(found, relative=False)
    assert (together.wait, together.waste) == (10, 2)
    assert together.points[fast] == (5, 10.5)


def test_processes_change_nothing():
    policies = [next(iter(references())), adaptive()]
    alone = compare.scores(policies, ["eights", "tail"], (3, 4))
    told = []
    assert compare.scores(policies, ["eights", "tail"], (3, 4), 2, told.append) == alone
    assert told == ["eights: 2 settings, 2 seeds each", "tail: 2 settings, 2 seeds each"]


@pytest.mark.parametrize("name", ["unequal", "wide", "rarely"])
def test_every_reference_runs_on_what_is_special(name):
    made = WORKLOADS[name](Random(1))
    labels = set()
    for policy in references():
        assert policy.chain(made)
        labels.add((policy.family, policy.label))
    assert len(labels) == len(list(references())) >= 30
    assert sum(p.default for p in references()) == 3
