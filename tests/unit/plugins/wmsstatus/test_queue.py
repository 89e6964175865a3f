from datetime import UTC, datetime

import pytest

from autopyfactory.config.model import Configuration, PluginChoice
from autopyfactory.model.decision import CycleInputs, Step, decide
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.model.record import CycleRecord, Sent
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.wmsstatus import lastcycles
from autopyfactory.plugins.wmsstatus.lastcycles import Board, overflow
from autopyfactory.plugins.wmsstatus.queue import Queue, QueueOptions, find_loops
from fakes import FakeClock, queue_config
from servers.context import context, factory_options
from servers.sources import bound


class Rule:
    """A link of a chain by its name and formula."""

    needs = frozenset()

    def __init__(self, part, name, formula):
        self.declaration = Declaration(part)
        self.name, self.formula = name, formula

    def calc(self, n, inputs):
        return Step(self.name, n, self.formula(n, inputs), "")


READY = Rule("starts", "Ready", lambda n, i: max(0, i.wms.ready - i.batch.pending))
PER_CYCLE = Rule("paces", "Slowly", lambda n, i: min(n, 10))
TO_RUN = Rule("limits", "MaxToRun", lambda n, i: min(n, 50 - i.batch.pending - i.batch.running))
PENDING = Rule("limits", "MaxPending", lambda n, i: min(n, 20 - i.batch.pending))
MUTE = Rule("other", "Mute", lambda n, i: min(n, 3))
FIXED = Rule("starts", "Fixed", lambda n, i: 30)


def cycle(ready, pending=0, running=0, chain=(READY, PER_CYCLE, TO_RUN), **given):
    inputs = CycleInputs(
        "A",
        wms=WMSQueueInfo(ready=ready),
        batch=BatchQueueInfo(pending=pending, running=running),
        site=SiteInfo("online"),
    )
    decision = decide(chain, inputs)
    sent = (Sent("t", "s", "ce", decision.n, "1"),) if decision.n > 0 and "outcome" not in given else ()
    given = {"outcome": "sent", "reason": "", "inputs": inputs, "sent": sent, "decision": decision, **given}
    return CycleRecord("A", 1, datetime(2026, 11, 22, tzinfo=UTC), **given)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (cycle(0), 0),
        (cycle(8), 0),  # all of it is sent
        (cycle(83), 0),  # only paced: the rest is sent in the next cycles
        (cycle(83, running=50), 83),  # full
        (cycle(83, pending=20, running=30), 63),
        (cycle(83, running=45), 78),  # five more fit, and are sent
        (cycle(83, pending=15, chain=(READY, PENDING)), 63),
        (cycle(83, chain=(READY, MUTE)), 80),  # says nothing of itself: taken for a limit
        (cycle(83, chain=(READY, FIXED, PER_CYCLE)), 0),  # the last start is what the queue wants
        (cycle(83, chain=(READY, FIXED, PENDING)), 10),
        (cycle(83, outcome="paused"), 83),
        (cycle(83, outcome="failed", chain=(READY,)), 83),
        (cycle(5, chain=(READY,), caps=("ce:x is full",), sent=()), 5),
        (cycle(83, outcome="held back", gate=("batch status 400 s old",)), None),
        (cycle(83, inputs=None), None),
    ],
)
def test_overflow_is_what_a_queue_has_no_room_for(record, expected):
    assert overflow(record) == expected


@pytest.fixture
def board(monkeypatch):
    it = Board(FakeClock())
    monkeypatch.setattr(lastcycles, "BOARD", it)
    return it


def source(take="overflow", **texts):
    return bound(Queue, context("B"), wmsstatus__queue__qname="A", wmsstatus__queue__take=take, **texts)


def test_what_is_taken(board):
    board.note(cycle(83, pending=20, running=30))
    for take, ready in {"overflow": 63, "demand": 83, "pilots": 20}.items():
        plugin = source(take)
        status = plugin.fetch()
        assert plugin.queue_info(status).ready == ready
        assert plugin.site_info(status).status == "online"


def test_age_is_that_of_what_the_other_queue_knew(board):
    board.note(cycle(1, ages={"wms": 90.0, "batch": 20.0}))
    board.clock.advance(30)
    assert source().fetch().lag == 120


def test_a_queue_that_tells_nothing_or_knows_nothing_is_no_answer(board):
    with pytest.raises(SourceError, match="A has not run a cycle yet"):
        source().fetch()
    board.note(cycle(83, inputs=CycleInputs("A"), outcome="held back", reason="no batch status"))
    with pytest.raises(SourceError, match="does not know its own work: no batch status"):
        source().fetch()
    board.note(cycle(83, outcome="held back", gate=("x",), reason="WMS status 400 s old"))
    with pytest.raises(SourceError, match="A is held back: WMS status 400 s old"):
        source().fetch()


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
            pilots["B"] += source().queue_info(source().fetch()).ready
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
