"""Several CEs and schedds in one queue: divided, capped and counted each by itself; what fails is out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.breakers.evidence import Evidence
from autopyfactory.breakers.registry import Address, Breakers, Gate
from autopyfactory.credentials.credential import Presented
from autopyfactory.credentials.wallet import Choice
from autopyfactory.cycle import ways
from autopyfactory.cycle.byhand import NotSent, Order, Overruled
from autopyfactory.cycle.components import Parts, Route
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.cycle.sender import Sending
from autopyfactory.cycle.spread import Share
from autopyfactory.model.decision import Cap, OtherQueues
from autopyfactory.model.ending import Start
from autopyfactory.model.info import BatchQueueInfo, BatchStatus
from autopyfactory.model.record import CycleRecord
from autopyfactory.plugins.base import SentPilots, SubmitError, SubmitUnknown
from autopyfactory.sources.place import PlaceWatch
from autopyfactory.sources.source import StatusSource
from fakes import FakeBatch, FakeClock, FakeSubmit, Want, queue_config


class Sends(FakeSubmit):
    """A CE behind a schedd."""

    def __init__(self, ce: str, schedd: str) -> None:
        super().__init__(ce)
        self.schedd = schedd

    @property
    def target(self) -> str:
        return self.schedd


class Counts(FakeBatch):
    """A schedd."""

    tells_endings = False

    def __init__(self, name: str) -> None:
        super().__init__()
        self.target = name  # type: ignore[misc]
        self.at: dict[str, int] = {}

    def fetch(self) -> BatchStatus:
        found = super().fetch()
        return BatchStatus(found.queues, running_at={"q": dict(self.at)})


class World:
    """A queue with CEs a, b, c through schedds, each weighted."""

    def __init__(self, folder: Path, want: int, schedds: Mapping[str, float], *caps: Cap, ces: str = "abc"):
        self.clock = FakeClock()
        self.book = Bookkeeper(Ledger(folder / "l.db", self.clock), self.clock)
        self.breakers = Breakers(None, self.clock)
        self.want = Want(want, caps)
        self.schedds = {name: Counts(name) for name in schedds}
        watches = {name: PlaceWatch(s, self.book, self.clock) for name, s in self.schedds.items()}
        self.sources = {
            name: StatusSource(name, w.fetch, after=w.after, interval=60, maxage=100, clock=self.clock)
            for name, w in watches.items()
        }
        self.submits = {(ce, s): Sends(ce, s) for ce in ces for s in schedds}
        routes = [
            Route(submit, self.schedds[s], self.sources[s], schedds[s])
            for (_, s), submit in self.submits.items()
        ]
        first, *others = routes
        parts = Parts(
            [self.want], first.submit, batch=first.batch, batch_source=first.batch_source,
            weight=first.weight, others=tuple(others),
        )  # fmt: skip
        self.queue = APFQueue(
            queue_config(ces=tuple(ces)),
            parts,
            book=self.book,
            neighbours=self,
            report=lambda record: None,
            clock=self.clock,
            gates=[Gate(self.breakers, Address("q", ce)) for ce in ces],
        )
        self.poll()

    def blocked(self) -> tuple[str, ...]:
        return ()

    def paused(self, queue: str) -> None:
        return None

    def other_queues(self, queue: str) -> OtherQueues:
        return OtherQueues()

    def poll(self) -> None:
        for source in self.sources.values():
            source.poll()

    def cycle(self) -> CycleRecord:
        return self.queue.cycle(self.clock.now())

    def started(self, ce: str, n: int) -> None:
        """Tell that so many of the queue's pilots have started at `ce` lately."""
        at = self.clock.now().timestamp() - 60
        self.book.endings.take((), [Start(f"{i}.0", "q", at, 1.0, f"t-{ce}", ce) for i in range(n)])

    def by_hand(self, *overrules: Overruled) -> Sending:
        order = Order(1, frozenset(overrules))
        order.carry_out(self.queue._by_hand.send)
        return order.answer(0)

    def sent(self, by: int) -> dict[str, int]:
        found: dict[str, int] = {}
        for key, submit in self.submits.items():
            found[key[by]] = found.get(key[by], 0) + submit.sent
        return found

    def fail(self, ce: str, kind: str = "failed") -> None:
        now = self.clock.now().timestamp()
        for n in range(5):
            e = Evidence(f"{ce}{n}", "failed", now, "exit code 1", sent=now - 9, began=now - 8)
            self.breakers.note(Address("q", ce), "ce", e)
        self.breakers.judge()


ONE = {"s": 1.0}


def test_evenly_while_nothing_is_known_then_by_what_starts(tmp_path: Path) -> None:
    w = World(tmp_path, 30, ONE)
    record = w.cycle()
    assert w.sent(0) == {"a": 10, "b": 10, "c": 10}
    assert record.outcome == "sent"
    assert record.reason == "30 pilots to a (10), b (10), c (10) through s, cluster 1, 1, 1"
    assert [w.book.open_to("q", ce) for ce in "abc"] == [10, 10, 10]
    w.started("a", 10)
    w.started("b", 5)
    w.schedds["s"].queues["q"] = BatchQueueInfo(pending=15, running=15)
    w.schedds["s"].at = {"a": 10, "b": 5}
    w.clock.advance(1)
    w.poll()
    w.cycle()
    assert w.sent(0) == {"a": 33, "b": 17, "c": 10}, "what waits is made proportional to what starts"


def test_plugins_that_send_none_and_say_nothing_end_the_cycle(tmp_path: Path) -> None:
    w = World(tmp_path, 30, ONE)
    for submit in w.submits.values():
        submit.submit = lambda n, tag, deadline: SentPilots("1", 0)  # type: ignore[method-assign]
    assert w.cycle().submitted == 0


def test_caps_hold_for_each_ce_and_the_rest_goes_elsewhere(tmp_path: Path) -> None:
    w = World(tmp_path, 30, ONE, Cap("ce", 12, "MaxPerCE"))
    w.started("a", 100)
    record = w.cycle()
    assert w.sent(0) == {"a": 12, "b": 9, "c": 9}
    assert any("MaxPerCE (12) leaves" in note for note in record.caps)
    w.want.n = 100
    w.clock.advance(1)
    w.schedds["s"].queues["q"] = BatchQueueInfo(pending=30)
    w.poll()
    w.cycle()
    assert w.sent(0) == {"a": 12, "b": 12, "c": 12}, "never one more"


def test_a_breaker_leaves_its_ce_out_and_lets_a_probe_through(tmp_path: Path) -> None:
    w = World(tmp_path, 10, ONE)
    w.fail("b")
    record = w.cycle()
    assert w.sent(0) == {"a": 5, "b": 0, "c": 5}
    assert (record.outcome, record.breaker) == ("sent", None)
    assert any("left out: b through s: a breaker is open" in note for note in record.caps)
    w.clock.advance(w.breakers.policy.first + 1)
    w.poll()
    w.cycle()
    assert w.sent(0)["b"] == 1


def test_with_all_breakers_open_the_queue_is_held_back(tmp_path: Path) -> None:
    w = World(tmp_path, 10, ONE)
    for ce in "abc":
        w.fail(ce)
    record = w.cycle()
    assert (record.outcome, w.sent(1)) == ("held back", {"s": 0})
    assert record.breaker is not None and record.breaker_scope == "ce"
    assert "b through s: a breaker is open" in record.reason


def test_schedds_by_weight(tmp_path: Path) -> None:
    w = World(tmp_path, 40, {"s": 3.0, "t": 1.0}, ces="a")
    w.cycle()
    assert w.sent(1) == {"s": 30, "t": 10}


def test_schedds_with_pools_of_their_own_by_weight_too(tmp_path: Path) -> None:
    w = World(tmp_path, 40, {"s": 3.0, "t": 1.0}, ces="a")
    for (_, schedd), submit in w.submits.items():
        submit._ce = schedd
    w.cycle()
    assert w.sent(1) == {"s": 30, "t": 10}


def test_a_schedd_that_fails_is_left_out_and_its_pilots_still_count(tmp_path: Path) -> None:
    w = World(tmp_path, 40, {"s": 3.0, "t": 1.0}, ces="a")
    w.cycle()
    w.schedds["s"].error = RuntimeError("connection refused")
    w.schedds["t"].queues["q"] = BatchQueueInfo(running=10)
    w.clock.advance(101)
    w.poll()
    record = w.cycle()
    assert record.inputs is not None and record.inputs.batch is not None
    assert record.inputs.batch.active == 40
    assert w.sent(1) == {"s": 30, "t": 50}
    assert any(note.startswith("left out: a through s: batch status 101 s old") for note in record.caps)
    w.schedds["t"].error = RuntimeError("connection refused")
    w.clock.advance(101)
    w.poll()
    record = w.cycle()
    assert (record.outcome, w.sent(1)) == ("held back", {"s": 30, "t": 50})


def test_a_schedd_that_refuses_costs_its_part_only(tmp_path: Path) -> None:
    w = World(tmp_path, 20, {"s": 1.0, "t": 1.0}, ces="ab")
    for ce in "ab":
        w.submits[ce, "s"].fail = SubmitError("no disk space")
    record = w.cycle()
    assert w.sent(1) == {"s": 0, "t": 20}
    assert record.outcome == "sent"
    assert "no disk space" in record.reason
    before = sum(s.error is not None for s in record.sent)
    record = w.cycle()
    assert (before, w.sent(1)["t"]) == (1, 40), "asked once"
    assert any("left out: a through s: submission failed: no disk space" in n for n in record.caps)


def test_what_is_not_known_to_be_sent_is_not_sent_again_elsewhere(tmp_path: Path) -> None:
    w = World(tmp_path, 20, {"s": 1.0, "t": 1.0}, ces="a")
    w.submits["a", "s"].fail = SubmitUnknown("no answer")
    w.submits["a", "s"].lose_reply = True
    w.cycle()
    assert w.sent(1) == {"s": 10, "t": 10}
    assert w.book.open("q") == 20


def test_a_ce_without_a_credential_is_left_out(tmp_path: Path) -> None:
    w = World(tmp_path, 10, ONE, ces="ab")
    good = Choice("token", Presented({}), (), ())
    w.submits["a", "s"].choice = Choice(passed=("token: it has expired",))
    w.submits["b", "s"].choice = good
    record = w.cycle()
    assert w.sent(0) == {"a": 0, "b": 10}
    assert (record.outcome, record.profile) == ("sent", "token")
    assert any("left out: a through s: no valid credential" in note for note in record.caps)


def test_too_many_are_taken_back_at_each_schedd_until_it_is_enough(tmp_path: Path) -> None:
    w = World(tmp_path, -7, {"s": 1.0, "t": 1.0}, ces="ab")
    asked: list[tuple[str, int]] = []
    for (_, schedd), submit in w.submits.items():

        def retire(n: int, *_: object, schedd: str = schedd) -> int:
            asked.append((schedd, n))
            return min(n, 4)

        submit.retire = retire  # type: ignore[method-assign]
    w.cycle()
    w.clock.advance(1)
    w.poll()
    record = w.cycle()
    assert (record.outcome, record.retired) == ("retired", 7)
    assert asked == [("s", 7), ("t", 3)]


def test_by_hand_nothing_goes_where_the_credential_is_not_good(tmp_path: Path) -> None:
    w = World(tmp_path, 0, ONE, ces="ab")
    w.submits["a", "s"].choice = Choice(passed=("token: it has expired",))
    w.submits["b", "s"].choice = Choice("token", Presented({}), (), ())
    assert [one.ce for one in w.by_hand().sent] == ["b"]
    w.fail("b")
    assert [one.ce for one in w.by_hand().sent] == ["b"], "as a probe, rather than there"
    assert w.sent(0) == {"a": 0, "b": 2}
    w.submits["b", "s"].choice = w.submits["a", "s"].choice
    with pytest.raises(NotSent, match="it has expired"):
        w.by_hand()


def test_by_hand_nothing_goes_through_a_schedd_that_says_nothing_new(tmp_path: Path) -> None:
    w = World(tmp_path, 0, {"s": 1.0, "t": 1.0}, ces="a")
    w.schedds["s"].error = RuntimeError("connection refused")
    w.clock.advance(101)
    w.poll()
    assert [one.target for one in w.by_hand().sent] == ["t"]
    w.schedds["t"].error = RuntimeError("connection refused")
    w.clock.advance(101)
    w.poll()
    with pytest.raises(NotSent, match="batch status"):
        w.by_hand()


def test_by_hand_a_schedd_that_is_held_back_in_the_book_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = World(tmp_path, 0, {"s": 1.0, "t": 1.0}, ces="a")
    monkeypatch.setattr(w.book, "holds", lambda target: ("a stranger",) if target == "s" else ())
    assert [one.target for one in w.by_hand().sent] == ["t"]


def test_a_ce_that_a_rule_shuts_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    w = World(tmp_path, 10, ONE, ces="ab")
    monkeypatch.setattr(w.want, "shuts", lambda inputs: {"a": "in a downtime"})
    record = w.cycle()
    assert w.sent(0) == {"a": 0, "b": 10}
    assert "left out: a through s: in a downtime" in record.caps
    assert [one.ce for one in w.by_hand().sent] == ["b"]
    monkeypatch.setattr(w.want, "shuts", lambda inputs: {"a": "in a downtime", "b": "in one, too"})
    with pytest.raises(NotSent, match="in a downtime; in one, too"):
        w.by_hand()
    assert w.by_hand("rules").granted == 1


def test_what_keeps_each_way_shut_is_told_in_the_order_of_the_configuration(tmp_path: Path) -> None:
    """It changed from one start to the next, and the same complaint was news."""
    w = World(tmp_path, 10, {"s": 1.0, "t": 1.0})
    for ce in "abc":
        w.fail(ce)
    reason = w.cycle().reason
    told = [reason.index(f"{ce} through {schedd}: a breaker") for ce in "abc" for schedd in "st"]
    assert told == sorted(told)


def test_work_for_a_billion_pilots_is_divided_in_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    divided: list[int] = []

    def spread(n: int, shares: Sequence[Share], floor: float = 0.0) -> list[int]:
        divided.append(n)
        assert n <= ways.ROUND
        return real(n, shares, floor)

    real = ways.spread
    monkeypatch.setattr(ways, "spread", spread)
    w = World(tmp_path, 10**9, ONE, Cap("ce", 12, "MaxPerCE"))
    w.cycle()
    assert w.sent(0) == {"a": 12, "b": 12, "c": 12}
    assert divided
