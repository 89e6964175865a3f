"""The breakers of a factory: who is concerned by what, and what survives a restart."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from autopyfactory.breakers.evidence import Evidence
from autopyfactory.breakers.machine import Policy
from autopyfactory.breakers.registry import Address, Breakers, Key, Scope
from fakes import FakeClock

A = Address("A", "ce1", "token /a")
B = Address("B", "ce1", "token /a")
C = Address("C", "ce1", "token /c")
D = Address("D", "ce2", "token /a")
POLICY = Policy(failures=3, share=0.8, window=1000, first=60, last=600)


class World:
    def __init__(self, path: Path | None = None) -> None:
        self.clock = FakeClock()
        self.path = path
        self.breakers = Breakers(path, self.clock, POLICY)
        self.n = 0

    @property
    def now(self) -> float:
        return self.clock.now().timestamp()

    def fails(self, address: Address, scope: Scope, times: int = 3, words: str = "exit code 1") -> None:
        for _ in range(times):
            self.n += 1
            now = self.now
            e = Evidence(f"p{self.n}", "failed", now, words, sent=now - 2, began=now - 1, wall=1)
            self.breakers.note(address, scope, e)
        self.breakers.judge()

    def does_well(self, address: Address) -> None:
        self.n += 1
        now = self.now
        self.breakers.note(address, "queue", Evidence(f"p{self.n}", "well", now, sent=now - 1, began=now))
        self.breakers.judge()

    def stopped(self) -> set[str]:
        return {a.queue for a in (A, B, C, D) if self.breakers.permit(a).limit is not None}


@pytest.mark.parametrize(
    ("scope", "stopped"), [("ce", {"A", "B", "C"}), ("credential", {"A", "B"}), ("queue", {"A"})]
)
def test_what_goes_wrong_stops_those_whose_fault_it_may_be(scope: Scope, stopped: set[str]) -> None:
    world = World()
    world.fails(A, scope)
    assert world.stopped() == stopped


def test_queues_without_a_credential_share_that_of_the_schedd() -> None:
    world = World()
    world.fails(Address("A", "ce1"), "credential")
    assert world.breakers.permit(Address("B", "ce1")).words == (
        "CE ce1 with the schedd's own credential: 3 of the last 3 pilots went wrong: 3 exit code 1; "
        "0 probes so far, a probe in 1 min"
    )
    assert world.stopped() == set()


def test_the_words_say_what_is_open_and_why() -> None:
    world = World()
    world.fails(A, "queue", words="/bin/false: exit code 1")
    permit = world.breakers.permit(A)
    assert permit.limit == 0
    assert permit.words == (
        "CE ce1 for A: 3 of the last 3 pilots went wrong: 3 /bin/false: exit code 1; 0 probes so far, "
        "a probe in 1 min"
    )
    (change,) = world.breakers.news()
    assert (change.key, change.open) == (Key("queue", "ce1", "A"), True)
    assert world.breakers.news() == []


def test_a_probe_that_is_under_way_is_told_until_it_shows_something() -> None:
    world = World()
    world.fails(A, "queue")
    world.clock.advance(61)
    assert world.breakers.take_probe(A)
    world.clock.advance(20)
    assert "1 probe so far, one under way since 20 s, another in " in str(world.breakers.permit(A).words)
    sent = world.clock.now().timestamp() - 19
    failed = Evidence("its pilot", "failed", sent + 10, "exit code 1", sent=sent, began=sent + 5)
    world.breakers.note(A, "queue", failed)
    assert "under way" not in str(world.breakers.permit(A).words)
    world.clock.advance(200)
    assert world.breakers.take_probe(A)
    world.breakers.give_back(A)
    assert "under way" not in str(world.breakers.permit(A).words), "it did not go"


def test_one_probe_goes_though_several_queues_want_it() -> None:
    world = World()
    world.fails(A, "ce")
    assert not world.breakers.take_probe(A)
    world.clock.advance(61)
    assert [world.breakers.permit(a).limit for a in (A, B, C, D)] == [1, 1, 1, None]
    assert [world.breakers.take_probe(a) for a in (B, A, C)] == [True, False, False]
    world.clock.advance(61)
    assert world.breakers.permit(A).limit == 0, "the interval has grown"


def test_a_probe_that_was_not_sent_may_still_go() -> None:
    world = World()
    world.fails(A, "ce")
    world.clock.advance(61)
    assert world.breakers.take_probe(A)
    world.breakers.give_back(A)
    assert world.breakers.take_probe(B)
    world.clock.advance(119)
    assert not world.breakers.take_probe(B)


def test_a_probe_has_to_be_let_through_by_all_in_its_way() -> None:
    world = World()
    world.fails(A, "ce")
    world.clock.advance(50)
    world.fails(A, "queue")
    world.clock.advance(20)
    assert (world.breakers.permit(A).limit, world.breakers.permit(B).limit) == (0, 1)
    world.clock.advance(50)
    assert world.breakers.take_probe(A)


def test_a_good_pilot_closes_all_that_stood_in_its_way() -> None:
    world = World()
    world.fails(A, "ce")
    world.fails(A, "credential")
    world.breakers.news()
    world.clock.advance(5)
    world.does_well(A)
    assert world.stopped() == set()
    assert {(c.key.scope, c.open) for c in world.breakers.news()} == {("ce", False), ("credential", False)}


def test_a_restart_forgets_no_open_breaker(tmp_path: Path) -> None:
    path = tmp_path / "breakers.json"
    world = World(path)
    world.fails(A, "ce")
    world.fails(D, "queue", times=1)
    world.clock.advance(61)
    assert world.breakers.take_probe(A)
    world.breakers.save()
    again = Breakers(path, world.clock, POLICY)
    assert again.known()[Key("ce", "ce1")] == world.breakers.known()[Key("ce", "ce1")]
    assert again.permit(A).limit == 0
    assert again.permit(D).limit is None
    assert path.stat().st_mode & 0o777 == 0o600
    again.reset(A.keys)
    world.clock.advance(1100)
    again.judge()
    again.save()
    assert Breakers(path, world.clock, POLICY).known() == {}, "what has closed is written down, too"


def test_where_nothing_was_ever_wrong_there_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "breakers.json"
    Breakers(path, FakeClock(), POLICY).save()
    assert not path.exists()


def test_a_damaged_file_closes_all_and_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "breakers.json"
    path.write_text('{"breakers": [{"key": 3}]}')
    assert Breakers(path, FakeClock(), POLICY).known() == {}
    assert (tmp_path / "breakers.json.broken").exists()


def test_what_is_over_takes_no_memory() -> None:
    world = World()
    world.fails(A, "ce", times=2)
    world.does_well(D)
    assert set(world.breakers.known()) == {Key("ce", "ce1")}
    world.clock.advance(1001)
    world.breakers.judge()
    assert world.breakers.known() == {}


def test_what_no_queue_is_concerned_by_is_forgotten_in_the_end() -> None:
    world = World()
    world.fails(A, "queue")
    world.fails(D, "ce")
    world.breakers.prune([A])
    world.clock.advance(1100)
    world.breakers.prune([A])
    assert set(world.breakers.known()) == {Key("queue", "ce1", "A")}
    world.breakers.prune([])
    world.breakers.prune([A])
    world.clock.advance(1100)
    world.breakers.prune([A])
    assert set(world.breakers.known()) == {Key("queue", "ce1", "A")}, "a queue that came back"


def test_a_reset_is_not_undone_by_what_was_seen_before() -> None:
    """Held pilots are told of again and again, as long as they are held."""
    world = World()
    held = [Evidence(f"h{n}", "held", world.now, "the CE says no", sent=world.now - 9) for n in range(5)]
    for e in held:
        world.breakers.note(A, "ce", e)
    world.breakers.judge()
    assert world.stopped() == {"A", "B", "C"}
    world.clock.advance(1)
    world.breakers.reset(A.keys)
    for _ in range(3):
        for e in held:
            world.breakers.note(A, "ce", e)
        world.breakers.judge()
        world.clock.advance(400)
    assert world.stopped() == set()


def test_suspects_are_those_whose_running_pilots_could_speak_for_them() -> None:
    world = World()
    assert world.breakers.suspects([A, D]) == {}
    for n in range(3):
        world.breakers.note(
            A, "queue", Evidence(f"x{n}", "failed", world.now, "exit code 1", began=1.0, wall=9)
        )
    assert world.breakers.suspects([A, B, D]) == {A: (world.now - 18, POLICY.well)}


def test_bad_nodes_are_named_while_others_do_well() -> None:
    world = World()
    now = world.now
    for n in range(6):
        e = Evidence(f"f{n}", "failed", now, "exit code 1", began=now + n, host="node7")
        world.breakers.note(A, "queue", e)
    world.breakers.note(A, "queue", Evidence("g", "runs", now, began=now, host="node1"))
    world.breakers.judge()
    assert world.breakers.permit(A).nodes == ("node7 (6)",)
    assert world.stopped() == set()


def test_one_waits_for_pilots_that_may_yet_do_well_but_not_for_ever() -> None:
    world = World()
    for n in range(3):
        now = world.now
        e = Evidence(f"x{n}", "failed", now, "exit code 1", sent=now - 2, began=now - 1, wall=1)
        world.breakers.note(A, "queue", e)
    assert world.breakers.judge([A])
    assert world.stopped() == set()
    world.clock.advance(59)
    assert world.breakers.judge([A])
    world.clock.advance(2)
    assert not world.breakers.judge([A])
    assert world.stopped() == {"A"}


def test_it_closes_when_pilots_of_that_time_turn_out_to_do_well() -> None:
    """A node swallowed the first pilots before those on other nodes could prove themselves."""
    world = World()
    start = world.now
    for n in range(6):
        e = Evidence(f"x{n}", "failed", start, "exit code 1", sent=start, began=start + n / 10, host="node7")
        world.breakers.note(A, "queue", e)
    world.breakers.judge()
    assert world.stopped() == {"A"}
    world.clock.advance(70)
    early = Evidence("early", "well", world.now, sent=start - 500, began=start - 400, host="node1")
    world.breakers.note(A, "queue", early)
    world.breakers.judge()
    assert world.stopped() == {"A"}, "from before it all began"
    world.breakers.note(
        A, "queue", Evidence("y", "runs", world.now, sent=start, began=start + 0.2, host="node1")
    )
    world.breakers.judge()
    assert world.stopped() == set()


@pytest.mark.parametrize("seed", range(6))
def test_a_site_that_breaks_and_is_mended(seed: int) -> None:
    """A day at a CE that breaks for some hours: few pilots are wasted, and it comes back by itself.

    A queue wants ten pilots in each minute. At the good times one in ten fails, at the bad times all do.
    """
    draw = random.Random(seed)
    clock = FakeClock()
    policy = Policy()
    breakers = Breakers(None, clock, policy)
    begin, end = 4 * 3600, 4 * 3600 + draw.randint(1, 8) * 3600
    wasted = false_alarms = n = 0
    back = None
    fates: list[tuple[int, Evidence]] = []
    for second in range(0, 24 * 3600, 60):
        clock.advance(60)
        now = clock.now().timestamp()
        for due, evidence in [f for f in fates if f[0] <= second]:
            breakers.note(A, "queue", evidence)
            fates.remove((due, evidence))
        for address, (_, enough) in breakers.suspects([A]).items():
            for _, e in fates:
                if now - e.began >= enough:
                    breakers.note(address, "queue", replace(e, kind="runs", at=now, wall=now - e.began))
        breakers.judge()
        broken = begin <= second < end
        permit = breakers.permit(A)
        false_alarms += permit.limit is not None and second < begin
        if permit.limit is None and second >= end and back is None:
            back = second - end
        want = 10 if permit.limit is None else permit.limit
        if permit.limit == 1 and not breakers.take_probe(A):
            want = 0
        for _ in range(want):
            n += 1
            failed = broken or draw.random() < 0.1
            wasted += broken
            wall = 60 if failed else 600
            kind = "failed" if failed else "well"
            told = Evidence(f"p{n}", kind, now + wall, "exit code 1", sent=now, began=now, wall=wall)
            fates.append((second + wall, told))
    assert false_alarms == 0
    assert wasted <= 10 * 4 + 12, wasted
    assert back is not None
    assert back <= 3 * policy.last + 900, "one probe, and two more if they failed by chance"
