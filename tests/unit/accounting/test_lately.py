"""What is remembered stays small, whatever comes."""

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.accounting import lately
from autopyfactory.accounting.lately import DROPPED, LAST, MOST, NOTHING, USUAL, WINDOW, Memory
from autopyfactory.model.ending import Start
from endingkit import T, ended


def test_only_the_last_are_kept_whole() -> None:
    memory = Memory()
    memory.ended(ended(n) for n in range(5 * LAST, 0, -1))
    memory.ended(ended(n, "dropped", "B") for n in range(DROPPED + 5, 0, -1))
    a, b = memory.of("A"), memory.of("B")
    assert ([e.job for e in a.last][-1], len(a.last), len(a.endings)) == ("17.1", LAST, 5 * LAST)
    assert (len(b.dropped), len(b.last)) == (DROPPED, 0)
    assert memory.of("C") is NOTHING
    assert set(memory.queues) == {"A", "B"}


def test_each_schedd_numbers_its_own_jobs() -> None:
    memory = Memory()
    memory.started([Start("17.5", "A", T, 1.0, "one"), Start("17.5", "A", T, 2.0, "another")])
    memory.started([Start("17.5", "A", T, 1.0, "one")])
    assert memory.of("A").waits == (1.0, 2.0)


def test_the_same_until_there_is_news() -> None:
    memory = Memory()
    memory.ended([ended(5)])
    before = memory.of("A")
    assert memory.of("A") is before
    memory.started([Start("17.5", "A", T, 1.0, ended(5).tag)])  # known from its ending
    assert memory.of("A") is before
    memory.ended([ended(4)])
    assert memory.of("A") is not before


def test_what_is_old_is_forgotten_but_for_what_is_usual() -> None:
    memory = Memory()
    memory.ended(ended(n) for n in range(2 * USUAL, 0, -1))
    memory.ended([ended(9, "dropped")])
    memory.forget(T + 1)
    found = memory.of("A")
    assert (found.endings, found.dropped) == ((), ())
    assert (len(found.waits), len(found.starts), len(found.last)) == (USUAL, USUAL, LAST)


@given(st.lists(st.tuples(st.floats(0, 3 * WINDOW), st.sampled_from(["well", "failed", "dropped"]))))
def test_no_rate_makes_it_grow(pilots: list[tuple[float, str]]) -> None:
    memory = Memory()
    most, lately.MOST = lately.MOST, 10
    try:
        for n, (at, outcome) in enumerate(pilots):
            memory.ended([ended(n, outcome, at=T + at, started=T + at)])  # type: ignore[arg-type]
        memory.forget(T)
        found = memory.of("A")
        assert len(found.starts) <= max(USUAL, 10)
        assert list(found.last) == sorted(found.last, key=lambda e: e.at)
    finally:
        lately.MOST = most


def test_a_schedd_with_a_wrong_clock_costs_no_memory_and_no_answer() -> None:
    memory = Memory()
    memory.ended([ended(n, at=T + 1e6) for n in range(MOST + 50)])
    memory.forget(T)
    known = memory.of("A")
    assert len(known.endings) == MOST
    assert len(known.last) == LAST
    assert known.newest_start is not None


def test_one_start_is_one_however_often_and_by_whom_it_is_told() -> None:
    memory = Memory()
    e = ended(5, started=T - 60, queued=T - 100)
    start = Start(e.job, "A", T - 60, 40.0, e.tag)
    memory.started([start, start])
    memory.ended([e])
    assert list(memory.of("A").starts) == [(T - 60, 40.0)]
    memory.started([Start(e.job, "A", T - 50, 30.0, "another submission")])
    assert len(memory.of("A").starts) == 2, "the number alone is given by every schedd"


def test_what_was_told_stays_as_it_was() -> None:
    memory = Memory()
    memory.ended([ended(9)])
    before = memory.of("A")
    assert memory.of("A") is before, "nothing has changed"
    memory.ended([ended(8)])
    assert (len(before.endings), len(memory.of("A").endings)) == (1, 2)
    assert memory.of("B") is NOTHING and memory.queues == ("A",)
