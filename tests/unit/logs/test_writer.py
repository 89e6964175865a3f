"""Nobody waits for a log."""

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from autopyfactory.logs.files import warning
from autopyfactory.logs.lines import Lines
from autopyfactory.logs.writer import BURST, GATHER, LONGEST, Writer
from patience import PATIENCE, SOON


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


def test_a_burst_is_written_when_it_is_over_or_after_a_second() -> None:
    writer, handler = Writer(limit=1_000_000), Noted()
    writer.handlers.append(handler)
    writer.start()
    began = time.monotonic()
    while not handler.got and time.monotonic() - began < PATIENCE:
        for n in range(BURST):
            writer.put_nowait(warning("x", str(n)))
        time.sleep(0.01)
    assert handler.got[0] - began > LONGEST - 2 * GATHER, "while it goes on, nothing is written"
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
