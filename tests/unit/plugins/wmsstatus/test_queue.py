from dataclasses import replace

import pytest

from autopyfactory.config.model import Configuration, PluginChoice
from autopyfactory.model.decision import CycleInputs
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import Shared, SourceError
from autopyfactory.plugins.lastcycles import Board
from autopyfactory.plugins.wmsstatus.queue import Queue, QueueOptions, find_loops
from cyclekit import READY, TO_RUN, cycle
from fakes import FakeClock, queue_config
from servers.context import context, factory_options
from servers.sources import bound


@pytest.fixture
def board():
    return Board(FakeClock())


def source(board, take="overflow"):
    place = replace(context("B"), shared=Shared(board))
    return bound(Queue, place, wmsstatus__queue__qname="A", wmsstatus__queue__take=take)


def test_what_is_taken(board):
    board.note(cycle(83, pending=20, running=30))
    for take, ready in {"overflow": 63, "demand": 83, "pilots": 20}.items():
        plugin = source(board, take)
        status = plugin.fetch()
        assert plugin.queue_info(status).ready == ready
        assert plugin.site_info(status).status == "online"


def test_age_is_that_of_what_the_other_queue_knew(board):
    board.note(cycle(1, ages={"wms": 90.0, "batch": 20.0}))
    board.clock.advance(30)
    assert source(board).fetch().lag == 120


def test_a_queue_that_tells_nothing_or_knows_nothing_is_no_answer(board):
    with pytest.raises(SourceError, match="A has not run a cycle yet"):
        source(board).fetch()
    board.note(cycle(83, inputs=CycleInputs("A"), outcome="held back", reason="no batch status"))
    with pytest.raises(SourceError, match="does not know its own work: no batch status"):
        source(board).fetch()
    board.note(cycle(83, outcome="held back", gate=("x",), reason="WMS status 400 s old"))
    with pytest.raises(SourceError, match="A is held back: WMS status 400 s old"):
        source(board).fetch()


def test_fill_a_then_b_and_drain_in_reverse(board):
    """A has room for 50, B for what flows over. A third of all pilots end between two cycles."""
    pilots = {"A": 0, "B": 0}

    def live(jobs, cycles=25):
        for _ in range(cycles):
            for name in pilots:
                pilots[name] -= (pilots[name] + 2) // 3
            waiting = max(0, jobs - sum(pilots.values()))
            a = cycle(waiting, running=pilots["A"], chain=(READY, TO_RUN))
            board.note(a)
            pilots["A"] += a.submitted
            pilots["B"] += source(board).queue_info(source(board).fetch()).ready
        return pilots["A"], pilots["B"]

    assert live(30) == (30, 0)
    assert live(50) == (50, 0)
    filled = live(90)
    assert filled[0] == 50, "the room of A is used"
    assert filled[1] == 40
    assert live(50) == (50, 0), "A stays full while B runs empty: pilots that end are replaced in A only"
    assert live(20) == (20, 0)


def configuration(**feeds):
    queues = {}
    for name, other in feeds.items():
        config = queue_config(name, enabled=not (other or "").startswith("-"))
        if other:
            texts = {"wmsstatus.queue.qname": other.lstrip("-")}
            choice = PluginChoice("wmsstatus", "Queue", Queue, QueueOptions(qname=other.lstrip("-")))
            config = type(config)(
                name,
                Section.from_texts(name, texts),
                config.options,
                config.sched,
                config.batchsubmit,
                wmsstatus=choice,
            )
        queues[name] = config
    return Configuration(factory_options(), Section("Factory"), queues)


@pytest.mark.parametrize(
    ("feeds", "told"),
    [
        ({"A": None, "B": "A", "C": "B"}, {}),
        ({"A": "A"}, {"A": "takes its work from itself: A <- A"}),
        ({"A": "B", "B": "A"}, {"A": "A <- B <- A", "B": "B <- A <- B"}),
        ({"A": "C", "B": "A", "C": "B", "D": "A"}, {"A": "<-", "B": "<-", "C": "<-"}),
        ({"A": "X"}, {"A": "there is no such queue"}),
        ({"A": "B", "B": "-A"}, {"A": "it is not enabled"}),
    ],
)
def test_loops_are_found(feeds, told):
    found = {p.section: p.message for p in find_loops(configuration(**feeds))}
    assert found.keys() == told.keys()
    for name, text in told.items():
        assert text in found[name]
    assert Queue.check(configuration(**feeds)) == find_loops(configuration(**feeds))
