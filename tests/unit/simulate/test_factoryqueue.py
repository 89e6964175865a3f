"""What one simulated queue knows and does: as a real one, no more and no sooner."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from autopyfactory.model.decision import Decision, Step
from autopyfactory.simulate.agenda import Agenda
from autopyfactory.simulate.factoryqueue import KEEP_STARTS, SimulatedFactoryQueue
from autopyfactory.simulate.jobs import JobQueue
from autopyfactory.simulate.models import CEModel, Timing
from autopyfactory.simulate.sites import End, Site

CE = CEModel(handover=0, latency=100, latency_sigma=0, lag=0, load=0, failing=0, starts_per_minute=0)


class Rule:
    name = "Rule"
    needs = frozenset({"history"})

    def __init__(self, acts_at_once: bool = False) -> None:
        self.acts_at_once = acts_at_once


def queue(acts_at_once: bool = False, **timing: float) -> SimulatedFactoryQueue:
    agenda = Agenda()
    site = Site(agenda, JobQueue(agenda, []), CE, Random(1), Random(1))
    chain: Any = [Rule(acts_at_once)]
    return SimulatedFactoryQueue(chain, site, Timing(**timing))


def want(n: int, spares: bool = True) -> Decision:
    return Decision(n, (Step("Rule", 0, n, "", spares_running=spares),))


def test_what_was_sent_since_the_last_answer_is_pending_once() -> None:
    q = queue()
    q.poll(0.0)
    q.act(want(3), (0.0, 0.0), 1.0)
    q.act(want(2), (0.0, 0.0), 2.0)
    assert (q.counts.pending, q.counts.unseen, q.sent) == (5, 5, 5)
    q.poll(3.0)
    assert (q.counts.pending, q.counts.unseen) == (5, 0)


def test_nothing_is_taken_back_while_something_is_not_visible_yet() -> None:
    q = queue(acts_at_once=True)
    q.act(want(3), (0.0, 0.0), 0.0)
    q.act(want(-2), (1.0, 1.0), 1.0)
    assert len(q.site.known_pending) == 3
    q.poll(2.0)
    q.act(want(-2), (2.0, 2.0), 2.0)
    assert len(q.site.known_pending) == 1


def test_a_number_counts_as_too_many_only_if_two_different_answers_say_so() -> None:
    q = queue()
    q.act(want(5), (0.0, 0.0), 0.0)
    q.poll(1.0)
    q.act(want(-4), (1.0, 1.0), 1.0)
    q.act(want(-4), (1.0, 1.0), 2.0)
    assert len(q.site.known_pending) == 5, "the same answer twice is one"
    q.poll(61.0)
    q.act(want(-3), (61.0, 61.0), 61.0)
    assert len(q.site.known_pending) == 2, "what both agree on"


@pytest.mark.parametrize(("spares", "draining"), [(True, 0), (False, 2)])
def test_running_pilots_drain_only_if_the_rule_does_not_spare_them(spares: bool, draining: int) -> None:
    q = queue(acts_at_once=True)
    q.act(want(3), (0.0, 0.0), 0.0)
    q.site.agenda.run(120)
    q.poll(120.0)
    q.act(want(1), (120.0, 120.0), 120.0)
    q.poll(121.0)
    q.act(want(-3, spares), (121.0, 121.0), 121.0)
    assert sum(p.draining for p in q.site.pilots) == draining
    assert len(q.site.known_pending) == 0


def test_history_holds_the_window_and_nothing_that_came_after_the_answer() -> None:
    q = queue(window=1000.0)
    for at in (100.0, 1500.0, 2000.0, 2100.0):
        q.site.starts.append((at, 40.0))
        q.site.ends.append((at, End(at - 30, 30.0, False, 0)))
    q.poll(2000.0)
    h = q.history
    assert (h.started, h.finished, h.empty, h.short) == (2, 2, 2, 2)
    assert h.starts == (500.0, 0.0)
    assert h.ended is not None and [e.wall for e in h.ended] == [30.0, 30.0]
    q.poll(2100.0)
    assert q.history.started == 3


def test_history_counts_each_kind_of_ending() -> None:
    q = queue()
    ends = [
        End(0, 30, False, 0),
        End(0, 59.9, False, 2),
        End(0, 60, False, 1),
        End(0, 5, True, 0),
        End(0, 900, True, 3),
    ]
    q.site.ends.extend((10.0, e) for e in ends)
    q.poll(20.0)
    h = q.history
    assert (h.finished, h.short, h.failed, h.empty, h.lifetime) == (5, 2, 2, 1, 59.9)


def test_of_many_starts_the_latest_are_kept() -> None:
    q = queue()
    q.site.starts.extend((float(i), 1.0) for i in range(700))
    q.poll(700.0)
    assert len(q.history.starts) == KEEP_STARTS
    assert min(q.history.starts) == 1.0 and max(q.history.starts) == 500.0
