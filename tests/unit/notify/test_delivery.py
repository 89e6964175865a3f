"""The reporter never makes its sender wait, keeps order, bounds what it holds and counts what it loses."""

import itertools
import threading
import time
from datetime import UTC, datetime

import pytest

from autopyfactory.model.record import Event, FactoryEvent
from autopyfactory.notify import delivery
from autopyfactory.notify.delivery import BatchReporter, Reporter
from patience import PATIENCE, SOON, until

START = datetime(2026, 11, 22, tzinfo=UTC)


def event(n: int) -> FactoryEvent:
    return FactoryEvent("problem", START, str(n))


def test_delivers_in_order_on_its_own_thread() -> None:
    got: list[str] = []
    threads: set[str] = set()

    def deliver(e: Event) -> None:
        assert isinstance(e, FactoryEvent)
        threads.add(threading.current_thread().name)
        got.append(e.text)

    reporter = Reporter("test", deliver)
    for n in range(100):
        reporter.report(event(n))
    assert reporter.close(PATIENCE)
    assert got == [str(n) for n in range(100)]
    assert threads == {"report-test"}
    status = reporter.status()
    assert (status.delivered, status.queued, status.dropped, status.lost) == (100, 0, 0, 0)


def test_a_hanging_delivery_never_delays_the_sender_and_the_oldest_are_dropped() -> None:
    release = threading.Event()
    got: list[str] = []

    def deliver(e: Event) -> None:
        release.wait()
        got.append(e.text)  # type: ignore[union-attr]

    reporter = Reporter("test", deliver, capacity=10)
    reporter.report(event(0))
    until(lambda: reporter.status().busy > 0)
    began = time.monotonic()
    for n in range(1, 1001):
        reporter.report(event(n))
    assert time.monotonic() - began < SOON
    status = reporter.status()
    assert status.dropped == 990
    assert status.queued == 11  # ten that wait and one in hand
    release.set()
    assert reporter.close(PATIENCE)
    assert got == ["0"] + [str(n) for n in range(991, 1001)]


def test_close_does_not_wait_for_a_hanging_delivery_longer_than_it_may() -> None:
    release = threading.Event()
    reporter = Reporter("test", lambda e: release.wait() and None)
    for n in range(3):
        reporter.report(event(n))
    until(lambda: reporter.status().busy > 0)
    began = time.monotonic()
    assert not reporter.close(0.2)
    assert 0.1 < time.monotonic() - began < SOON
    reporter.report(event(9))  # too late: counted, not kept
    status = reporter.status()
    assert status.lost == 3  # two that waited and the late one; one is still in hand
    assert status.queued == 1
    release.set()


def test_retries_with_growing_pauses_and_recovers() -> None:
    tries: list[float] = []
    looked = threading.Event()

    def deliver(e: Event) -> None:
        tries.append(time.monotonic())
        if len(tries) < 4:
            raise ConnectionError("refused")
        looked.wait(PATIENCE)

    reporter = Reporter("test", deliver, backoff=0.02, backoff_max=0.05)
    reporter.report(event(1))
    until(lambda: reporter.status().failures > 0)
    assert reporter.status().last_error == "ConnectionError: refused"
    assert reporter.status().failing_since is not None
    looked.set()
    until(lambda: reporter.status().delivered == 1)
    pauses = [b - a for a, b in itertools.pairwise(tries)]
    assert pauses[0] >= 0.02
    assert pauses[1] >= 0.04
    assert pauses[2] >= 0.05
    status = reporter.status()
    assert status.last_error is None
    assert status.failing_since is None
    assert (status.failures, status.lost) == (3, 0)
    assert reporter.close(PATIENCE)


def test_gives_up_an_event_after_so_many_attempts_and_goes_on_with_the_next() -> None:
    got: list[str] = []

    def deliver(e: Event) -> None:
        assert isinstance(e, FactoryEvent)
        if e.text == "1":
            raise ValueError("poison")
        got.append(e.text)

    reporter = Reporter("test", deliver, attempts=3, backoff=0.001)
    for n in range(3):
        reporter.report(event(n))
    until(lambda: reporter.status().delivered == 2)
    assert got == ["0", "2"]
    status = reporter.status()
    assert (status.failures, status.lost) == (3, 1)
    reporter.close()


def test_without_a_limit_of_attempts_nothing_is_given_up() -> None:
    works = threading.Event()

    def deliver(e: Event) -> None:
        if not works.is_set():
            raise OSError("disk full")

    reporter = Reporter("test", deliver, attempts=None, backoff=0.001, backoff_max=0.001)
    reporter.report(event(1))
    until(lambda: reporter.status().failures > 20)
    works.set()
    until(lambda: reporter.status().delivered == 1)
    assert reporter.close(PATIENCE)


def test_close_interrupts_a_long_pause() -> None:
    def deliver(e: Event) -> None:
        raise OSError("no")

    reporter = Reporter("test", deliver, backoff=600)
    reporter.report(event(1))
    until(lambda: reporter.status().failures == 1)
    began = time.monotonic()
    reporter.close(PATIENCE)
    assert time.monotonic() - began < SOON
    assert reporter.status().lost == 1


def test_batches_hold_what_waits_up_to_their_size() -> None:
    sizes: list[int] = []
    release = threading.Event()

    def deliver(events: object) -> None:
        release.wait()
        sizes.append(len(events))  # type: ignore[arg-type]

    reporter = BatchReporter("test", deliver, batch=4)
    reporter.report(event(0))
    until(lambda: reporter.status().busy > 0)
    for n in range(1, 11):
        reporter.report(event(n))
    release.set()
    assert reporter.close(PATIENCE)
    assert sizes == [1, 4, 4, 2]


def test_the_thread_starts_with_the_first_event_only() -> None:
    reporter = Reporter("lazy-one", lambda e: None)
    assert "report-lazy-one" not in {t.name for t in threading.enumerate()}
    assert reporter.close(PATIENCE)


@pytest.mark.parametrize("senders", [8])
def test_many_senders_lose_nothing(senders: int) -> None:
    got: list[object] = []
    reporter = BatchReporter("test", got.extend, capacity=100000)

    def send() -> None:
        for n in range(500):
            reporter.report(event(n))

    threads = [threading.Thread(target=send) for _ in range(senders)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert reporter.close(PATIENCE)
    assert len(got) == senders * 500


def test_a_reporter_that_lingers_delivers_together_but_a_full_batch_at_once_and_the_rest_at_closing() -> None:
    batches: list[int] = []
    reporter = BatchReporter("test", lambda events: batches.append(len(events)), batch=3, linger=600)
    reporter.report(event(0))
    until(lambda: "report-test" in {t.name for t in threading.enumerate()})
    assert batches == []
    assert reporter.close(PATIENCE)
    assert batches == [1]
    reporter = BatchReporter("test", lambda events: batches.append(len(events)), batch=3, linger=600)
    with reporter._wake:  # its thread sees all three at once, however busy the machine is
        for n in range(3):
            reporter.report(event(n))
    until(lambda: batches == [1, 3])
    reporter.close(PATIENCE)


def test_a_reporter_that_lingers_when_it_is_closed_without_time_loses_and_says_so() -> None:
    reporter = BatchReporter("test", lambda events: None, linger=600)
    reporter.report(event(0))
    reporter.close(0.0)
    status = reporter.status()
    assert status.delivered == 0
    assert status.lost + status.queued == 1


@pytest.mark.parametrize(("burst", "times"), [(0, delivery.LONGEST), (10**9, 1)])
def test_a_reporter_lingers_in_a_burst_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, burst: int, times: int
) -> None:
    monkeypatch.setattr(delivery, "BURST", burst)  # events a second
    batches: list[int] = []
    reporter = BatchReporter("test", lambda events: batches.append(len(events)), linger=0.1, batch=5)
    lingered, enough = threading.Semaphore(0), threading.Semaphore(0)

    def linger(seconds: float) -> bool:
        lingered.release()
        enough.acquire()
        return False

    monkeypatch.setattr(reporter._closing, "wait", linger)
    reporter.report(event(0))
    assert lingered.acquire(timeout=PATIENCE)
    for n in range(1, 12):
        reporter.report(event(n))
    for delivered in ([5, 5], [5, 5, 2]):
        enough.release(times)
        until(lambda: batches == delivered, "what fills a delivery at once, the rest later")  # noqa: B023
    assert sum(lingered.acquire(blocking=False) for _ in range(20)) == 2 * times - 1
    assert reporter.close(PATIENCE)
