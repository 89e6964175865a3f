"""Nobody waits for a log."""

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from autopyfactory.logs.files import warning
from autopyfactory.logs.lines import Lines
from autopyfactory.logs.writer import BURST, GATHER, LONGEST, Writer
from patience import PATIENCE, SOON, until


class Slow(logging.Handler):
    """Hangs until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.hangs = threading.Event(), threading.Event()
        self.got: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.hangs.set()
        self.go.wait()
        self.got.append(record.getMessage())


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.go.set()


def test_nobody_waits_for_a_handler_that_hangs(slow: Slow) -> None:
    writer = Writer()
    writer.handlers.append(slow)
    writer.start()
    began = time.monotonic()
    for n in range(100):
        writer.put_nowait(warning("x", str(n)))
    assert time.monotonic() - began < SOON
    assert not writer.flush(0.05)
    assert not writer.stop(0.05)
    slow.go.set()
    assert writer.flush(PATIENCE)
    assert slow.got == [str(n) for n in range(100)]


class Noted(logging.Handler):
    """Notes how many records come at once, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.got.append(time.monotonic())


class Burst(threading.Event):
    """Lets records come whenever the writer waits for more, however late a busy machine lets it."""

    def __init__(self, writer: Writer, *records: int):
        super().__init__()
        self.writer, self.left = writer, list(records)

    def wait(self, timeout: float | None = None) -> bool:
        hurry = super().wait(timeout)
        for n in range(self.left.pop(0) if self.left else 0):
            self.writer.put_nowait(warning("x", str(n)))
        return hurry


@pytest.mark.parametrize(
    ("comes", "least"),
    [
        ([0], GATHER),  # few are written after a moment
        ([BURST, BURST, 0], 3 * GATHER),  # a burst when it is over
        ([BURST] * 1000, LONGEST - GATHER),  # or after a second
    ],
)
def test_records_wait_until_a_burst_is_over_and_no_longer_than_a_second(
    comes: list[int], least: float
) -> None:
    writer, handler = Writer(limit=1_000_000), Noted()
    writer.handlers.append(handler)
    burst = writer._hurry = Burst(writer, *comes)
    writer.start()
    began = time.monotonic()
    writer.put_nowait(warning("x", "first"))
    until(lambda: handler.got)
    assert handler.got[0] - began >= least * 0.99, "clocks are not that exact"
    if len(comes) < 1000:
        assert not burst.left
    else:
        assert len(burst.left) > 1000 - 2 * LONGEST / GATHER, "it was given up after a second"
    burst.left.clear()
    assert writer.stop(PATIENCE)


def test_who_cannot_wait_does_not_in_a_burst_either() -> None:
    writer, handler = Writer(limit=3 * BURST), Noted()
    writer.handlers.append(handler)
    writer.start()
    for n in range(BURST):
        writer.put_nowait(warning("x", str(n)))
    assert writer.flush(PATIENCE)
    assert len(handler.got) == BURST
    assert writer.stop(PATIENCE)


def test_when_too_many_wait_the_oldest_are_dropped_and_counted(slow: Slow) -> None:
    writer = Writer(limit=10)
    writer.handlers.append(slow)
    writer.start()
    writer.put_nowait(warning("x", "first"))
    assert slow.hangs.wait(PATIENCE)
    several = warning("x", "")
    several.msg = Lines(("a", "b", "c"))
    writer.put_nowait(several)
    for n in range(25):
        writer.put_nowait(warning("x", str(n)))
    slow.go.set()
    assert writer.stop(PATIENCE)
    assert slow.got[0] == "first"
    assert slow.got[1].startswith("18 log lines were dropped here")
    assert slow.got[2:] == [str(n) for n in range(15, 25)]
