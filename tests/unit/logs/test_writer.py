"""Nobody waits for a log."""

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from autopyfactory.logs.files import warning
from autopyfactory.logs.writer import Writer
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


def test_when_too_many_wait_the_oldest_are_dropped_and_counted(slow: Slow) -> None:
    writer = Writer(limit=10)
    writer.handlers.append(slow)
    writer.start()
    writer.put_nowait(warning("x", "first"))
    assert slow.hangs.wait(PATIENCE)
    for n in range(25):
        writer.put_nowait(warning("x", str(n)))
    slow.go.set()
    assert writer.stop(PATIENCE)
    assert slow.got[0] == "first"
    assert slow.got[1].startswith("15 log lines were dropped here")
    assert slow.got[2:] == [str(n) for n in range(15, 25)]
