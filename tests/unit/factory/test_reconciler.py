"""One thread per name, ever; only of what is wanted; nothing held for nothing; a failure costs its own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from autopyfactory.factory.reconciler import FIRST_RETRY, LAST_RETRY, MOST_LEFT, Reconciler
from fakes import FakeClock

NAMES = ("a", "b", "c")


@dataclass
class Thread:
    """A worker whose thread ends when the test says so."""

    name: str
    spec: int
    holder: str
    cycles: int = 0
    alive: bool = False
    stopping: bool = False
    finished: bool = False
    hangs: str = ""
    lingers: bool = False

    def start(self) -> None:
        self.alive = True

    def stop(self) -> None:
        self.stopping = True
        if self.hangs:
            self.alive, self.lingers = False, True


class World:
    """Makes threads; some specs cannot be made."""

    def __init__(self) -> None:
        self.made: list[Thread] = []
        self.held: set[str] = set()
        self.broken: set[str] = set()

    def make(self, name: str, spec: int, holder: str, before: Thread | None) -> Thread:
        self.held.add(holder)
        if name in self.broken:
            raise ValueError(f"{name} cannot be made")
        thread = Thread(name, spec, holder, before.cycles if before else 0)
        self.made.append(thread)
        return thread

    def unmake(self, holder: str) -> None:
        self.held.remove(holder)

    def same(self, old: int, new: int) -> bool:
        return old == new

    def living(self, name: str) -> list[Thread]:
        return [t for t in self.made if t.name == name and t.alive]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def reconciler(world: World, clock: FakeClock) -> Reconciler[int, Thread]:
    return Reconciler(world, clock)


def test_changed_then_switched_off_before_the_next_step_nothing_runs_on(
    reconciler: Reconciler[int, Thread], world: World
) -> None:
    reconciler.want({"a": 1})
    reconciler.step()
    reconciler.want({"a": 2})
    reconciler.step()
    reconciler.want({})
    reconciler.step()
    (old,) = world.living("a")
    assert old.stopping
    old.alive = False
    reconciler.step()
    assert world.living("a") == []
    assert world.held == set()
    reconciler.want({"a": 3})
    reconciler.step()
    assert [t.spec for t in world.living("a")] == [3]


def test_replaced_many_times_while_the_old_thread_hangs_there_is_one_successor(
    reconciler: Reconciler[int, Thread], world: World
) -> None:
    reconciler.want({"a": 0})
    reconciler.step()
    for spec in range(1, 16):
        reconciler.want({"a": spec})
        reconciler.step()
    assert len(world.made) == 1, "successors are made when their turn comes, not before"
    world.made[0].alive = False
    reconciler.step()
    assert [t.spec for t in world.living("a")] == [15]
    assert len(world.held) == 1


def test_the_successor_takes_what_both_need_before_it_is_given_back(
    reconciler: Reconciler[int, Thread], world: World
) -> None:
    events: list[str] = []
    make, unmake = world.make, world.unmake

    def made(name: str, spec: int, holder: str, before: Thread | None) -> Thread:
        events.append(f"make {spec}")
        return make(name, spec, holder, before)

    def unmade(holder: str) -> None:
        events.append("unmake")
        unmake(holder)

    world.make, world.unmake = made, unmade  # type: ignore[method-assign]
    reconciler.want({"a": 1})
    reconciler.step()
    world.made[0].cycles = 7
    reconciler.want({"a": 2})
    reconciler.step()
    world.made[0].alive = False
    reconciler.step()
    assert events == ["make 1", "make 2", "unmake"]
    assert world.made[1].cycles == 7, "it goes on counting"


def test_what_cannot_be_made_costs_itself_only_and_is_tried_again_later_and_later(
    reconciler: Reconciler[int, Thread], world: World, clock: FakeClock
) -> None:
    world.broken = {"b"}
    reconciler.want({"a": 1, "b": 1})
    reconciler.step()
    assert list(reconciler.workers) == ["a"]
    assert "b cannot be made" in reconciler.failures["b"].text
    since = reconciler.failures["b"].since
    for _ in range(12):
        clock.advance(FIRST_RETRY / 2)
        reconciler.step()
    assert 2 <= reconciler.failures["b"].attempts <= 5, "not at every step"
    clock.advance(LAST_RETRY)
    reconciler.step()
    assert reconciler.failures["b"].since == since
    assert len(world.held) == 1, "a failed attempt holds nothing"
    world.broken = set()
    clock.advance(LAST_RETRY)
    reconciler.step()
    assert sorted(reconciler.workers) == ["a", "b"]
    assert reconciler.failures == {}


def test_threads_that_were_left_behind_do_not_pile_up(
    reconciler: Reconciler[int, Thread], world: World, clock: FakeClock
) -> None:
    """A plugin that always hangs, and a reload in every hour."""
    for _ in range(100):
        reconciler.want({"a": 1, "b": 1})
        reconciler.step()
        for thread in world.living("a"):
            thread.hangs = "a rule has not returned"
        clock.advance(3600)
    assert sum(t.lingers for t in world.made) == MOST_LEFT
    assert "3 earlier threads of it still hang" in reconciler.failures["a"].text
    assert len(world.living("b")) == 1
    world.made[0].lingers = False  # its plugin has returned
    reconciler.step()
    assert len(world.living("a")) == 1 and not reconciler.failures


def test_a_new_configuration_is_tried_at_once(reconciler: Reconciler[int, Thread], world: World) -> None:
    world.broken = {"b"}
    reconciler.want({"b": 1})
    reconciler.step()
    world.broken = set()
    reconciler.want({"b": 2})
    reconciler.step()
    assert [t.spec for t in world.living("b")] == [2]


def test_a_thread_that_died_is_replaced_and_one_that_finished_is_not(
    reconciler: Reconciler[int, Thread], world: World, clock: FakeClock
) -> None:
    reconciler.want({"a": 1, "b": 1})
    reconciler.step()
    for thread in world.made:
        thread.alive = False
    world.living("a")
    next(t for t in world.made if t.name == "b").finished = True
    reconciler.step()
    assert "died" in reconciler.failures["a"].text
    clock.advance(FIRST_RETRY)
    reconciler.step()
    assert len(world.living("a")) == 1
    assert world.living("b") == []


def test_the_end_asks_everything_to_stop(reconciler: Reconciler[int, Thread], world: World) -> None:
    reconciler.want({"a": 1, "b": 1})
    reconciler.step()
    reconciler.want({"a": 2, "b": 1})
    reconciler.step()
    left = reconciler.end()
    assert all(t.stopping for t in world.made)
    assert sorted(t.name for t in left) == ["a", "b"]
    reconciler.step()
    assert len(world.made) == 2, "nothing starts any more"


class AnyOrder(RuleBasedStateMachine):
    """Reloads, ends of threads, faults and steps in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.world = World()
        self.reconciler: Reconciler[int, Thread] = Reconciler(self.world, self.clock)
        self.wanted: dict[str, int] = {}

    @rule(wanted=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2)))
    def reload(self, wanted: dict[str, int]) -> None:
        self.wanted = wanted
        self.reconciler.want(wanted)

    @rule(broken=st.sets(st.sampled_from(NAMES)))
    def faults(self, broken: set[str]) -> None:
        self.world.broken = broken

    @rule()
    def step(self) -> None:
        self.reconciler.step()
        for name in NAMES:
            for thread in self.world.living(name):
                assert thread.stopping or self.wanted.get(name) == thread.spec

    @rule(seconds=st.sampled_from((1.0, FIRST_RETRY, LAST_RETRY)))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: any(t.alive and t.stopping for t in self.world.made))
    @rule(data=st.data())
    def a_thread_ends(self, data: st.DataObject) -> None:
        candidates = [t for t in self.world.made if t.alive and t.stopping]
        data.draw(st.sampled_from(candidates)).alive = False

    @precondition(lambda self: any(t.alive for t in self.world.made))
    @rule(data=st.data())
    def a_thread_dies(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from([t for t in self.world.made if t.alive])).alive = False

    @rule()
    def calm(self) -> None:
        """Faults end: what runs is what is wanted, and nothing else is held."""
        self.world.broken = set()
        for _ in range(3):
            for thread in self.world.made:
                thread.alive = thread.alive and not thread.stopping
            self.clock.advance(LAST_RETRY)
            self.reconciler.step()
        assert {n: t.spec for n, t in self.reconciler.workers.items()} == self.wanted
        assert all(t.alive for t in self.reconciler.workers.values())
        assert self.world.held == {t.holder for t in self.reconciler.workers.values()}
        assert self.reconciler.settled

    @invariant()
    def one_thread_per_name(self) -> None:
        for name in NAMES:
            assert len(self.world.living(name)) <= 1

    @invariant()
    def what_lives_holds(self) -> None:
        assert {t.holder for t in self.world.made if t.alive} <= self.world.held


AnyOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
