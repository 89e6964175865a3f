"""A source keeps its last answer and tells its age; it never invents one."""

from __future__ import annotations

import threading

from autopyfactory.model.info import WMSStatus
from autopyfactory.plugins.base import SourceError
from autopyfactory.sources.source import AFTER_HANG, StatusSource
from fakes import FakeClock
from patience import PATIENCE, until


class Flaky:
    def __init__(self) -> None:
        self.value, self.error = 1, None
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.error:
            raise self.error
        return self.value


def make(fetch: Flaky, clock: FakeClock, **kwargs: object) -> StatusSource[int]:
    return StatusSource("x", fetch, interval=60, maxage=100, clock=clock, **kwargs)  # type: ignore[arg-type]


def test_age_counts_from_the_question() -> None:
    clock = FakeClock()

    def slow() -> int:
        clock.advance(5)
        return 1

    source = StatusSource("x", slow, interval=60, maxage=100, clock=clock)
    source.poll()
    assert source.state.snapshot is not None
    assert source.state.snapshot.age(clock.monotonic()) == 5


def test_what_was_old_when_it_was_asked_for_counts_as_old() -> None:
    clock = FakeClock()
    source = StatusSource("x", lambda: WMSStatus({}, lag=70), interval=60, maxage=100, clock=clock)
    source.poll()
    assert source.state.snapshot is not None
    assert source.state.snapshot.age(clock.monotonic()) == 70


def test_a_failure_keeps_the_last_answer_with_its_age() -> None:
    clock, fetch = FakeClock(), Flaky()
    source = make(fetch, clock)
    assert source.poll()
    fetch.error = RuntimeError("boom")
    clock.advance(50)
    for n in (1, 2):
        assert not source.poll()
        assert source.state.trouble is not None
        assert (source.state.trouble.text, source.state.trouble.failures) == ("boom", n)
    assert source.state.snapshot is not None
    assert source.state.snapshot.data == 1
    assert source.state.snapshot.age(clock.monotonic()) == 50


def test_recovery_wakes_the_listeners_once() -> None:
    clock, fetch = FakeClock(), Flaky()
    source, woken = make(fetch, clock), []
    source.listen(lambda: woken.append(1))
    source.poll()
    assert woken == []
    fetch.error = RuntimeError("boom")
    source.poll()
    fetch.error = None
    source.poll()
    source.poll()
    assert woken == [1]
    assert source.state.trouble is None


def test_a_wall_clock_that_jumps_changes_no_age() -> None:
    clock, fetch = FakeClock(), Flaky()
    source = make(fetch, clock)
    source.poll()
    clock.wall = clock.wall.replace(year=2020)
    assert source.state.snapshot is not None
    assert source.state.snapshot.age(clock.monotonic()) == 0


def test_the_thread_polls_retries_and_ends() -> None:
    fetch = Flaky()
    fetch.error = RuntimeError("boom")
    closed = threading.Event()
    source = StatusSource("x", fetch, interval=0.05, maxage=100, close=closed.set)
    source.start()
    assert source.wait_first(PATIENCE)
    fetch.error = None
    until(lambda: source.state.snapshot)
    source.stop()
    assert source.join(PATIENCE)
    assert closed.is_set()


def test_a_source_that_hangs_is_asked_again_soon_and_one_that_refuses_is_left_in_peace() -> None:
    clock, fetch = FakeClock(), Flaky()
    source = make(fetch, clock)
    pauses: dict[bool, list[float]] = {}
    for hung in (True, False):
        fetch.error = SourceError("no answer", hung=hung)
        pauses[hung] = []
        for _ in range(6):
            source.poll()
            pauses[hung].append(source._pause())
    assert pauses[True] == [AFTER_HANG] * 6
    assert pauses[False][-1] > 10


def test_an_answer_of_the_wrong_type_is_no_answer() -> None:
    """A third party's plugin: its trouble is told, its last answer kept, and it is asked again."""
    clock, fetch = FakeClock(), Flaky()
    source = make(fetch, clock, answers=int)
    assert source.poll()
    fetch.value = {"Q": 4}  # type: ignore[assignment]
    assert not source.poll()
    assert source.state.snapshot is not None and source.state.snapshot.data == 1
    assert source.state.trouble is not None
    assert source.state.trouble.text == "its plugin answered with dict, not int"
    fetch.value = 2
    assert source.poll()
    assert source.state.trouble is None


def test_whatever_is_wrong_with_an_answer_the_thread_goes_on() -> None:
    """What a judge, or an age that is no number, raises ended the polling for good."""

    class Odd:
        lag = "long"

    answers = iter([Odd(), RuntimeError, 3])

    def fetch() -> object:
        value = next(answers)
        if value is RuntimeError:
            raise RuntimeError
        return value

    source: StatusSource[object] = StatusSource("x", fetch, interval=0.01, maxage=100)
    source.start()
    until(lambda: source.state.snapshot is not None and source.state.snapshot.data == 3)
    source.stop()
    assert source.join(PATIENCE)


def test_a_source_that_cannot_be_closed_ends_all_the_same() -> None:
    def close() -> None:
        raise RuntimeError("no")

    source = StatusSource("x", lambda: 1, interval=60, maxage=100, close=close)
    source.start()
    assert source.wait_first(PATIENCE)
    source.stop()
    assert source.join(PATIENCE)
