"""Each ending is told once, to everybody, over restarts and whatever the file systems do."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from autopyfactory.accounting import endings as module
from autopyfactory.accounting.endings import EndingStream
from autopyfactory.accounting.endingstore import EndingStore
from autopyfactory.accounting.requests import NoAnswer
from autopyfactory.model.ending import Account, Ending, Outcome, Start
from endingkit import ended, wrote
from patience import SOON, until


def listening(stream: EndingStream) -> list[Ending]:
    heard: list[Ending] = []
    stream.subscribe(heard.extend)
    return heard


def test_a_listener_that_raises_costs_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    stream = EndingStream()

    def broken(_: Sequence[Ending]) -> None:
        raise RuntimeError("mine")

    stream.subscribe(broken)
    heard = listening(stream)
    with caplog.at_level(logging.ERROR):
        stream.take([ended(1)])
    assert heard == [ended(1)]
    assert "mine" in caplog.text
    stream.take([])
    assert len(heard) == 1


def test_what_is_told_again_is_no_news() -> None:
    stream = EndingStream()
    heard = listening(stream)
    for _ in range(3):  # complete in the queue, and later in the history
        stream.take([ended(1), ended(2)])
    assert heard == [ended(1), ended(2)]
    stream.take([replace(ended(1), tag="other")])  # the number of another job queue
    assert len(heard) == 3


def test_what_the_pilot_wrote_comes_with_it(tmp_path: Path) -> None:
    stream = EndingStream()
    heard = listening(stream)
    stream.take([ended(1, output=wrote(tmp_path, 1, host="node8", outcome="ok"))])
    assert heard[0].account == Account("ok", "node8", payload="panda", payloads=1)
    assert stream.of("A").last == tuple(heard)


def recent(n: int, outcome: Outcome = "well", **given: object) -> Ending:
    return ended(n, outcome, at=time.time() - n, **given)  # type: ignore[arg-type]


def test_a_new_life_knows_them_and_is_not_told_again(tmp_path: Path) -> None:
    first = EndingStream(EndingStore(tmp_path / "endings.db"))
    one, two = recent(9, output=wrote(tmp_path, 9, host="node8", outcome="ok")), recent(8, "failed")
    first.take([one, two], [Start("18.0", "A", time.time(), 3.0)])
    before = first.of("A")
    first.close()
    second = EndingStream(EndingStore(tmp_path / "endings.db"))
    heard = listening(second)
    assert second.of("A").last == before.last
    assert second.of("A").endings == before.endings
    second.take([one, two, recent(1)])
    assert [e.job for e in heard] == ["17.1"]


def test_what_was_kept_and_not_told_is_told_by_the_next_life(tmp_path: Path) -> None:
    store = EndingStore(tmp_path / "endings.db")
    store.put([recent(5)], complete=False)  # and killed
    store.close()
    stream = EndingStream(EndingStore(tmp_path / "endings.db"))
    heard = listening(stream)
    stream.start()
    until(lambda: [e.job for e in heard] == ["17.5"], "the ending")
    stream.stop()


def test_a_file_that_cannot_be_used_costs_its_memory_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "endings.db").write_text("no database " * 1000)
    stream = EndingStream(EndingStore(tmp_path / "endings.db"))
    heard = listening(stream)
    stream.take([ended(1)])
    assert heard == [ended(1)]
    assert "not kept" in caplog.text


def test_files_that_hang_cost_their_words_and_no_more(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 3.0)  # enough for a thread to begin with it
    hangs = threading.Event()

    def slow(e: Ending) -> Ending:
        hangs.wait(20 * SOON)
        return replace(e, said="read")

    stream = EndingStream(words=slow)
    heard = listening(stream)
    stream.take([ended(1, output="/nfs/17.1.out")])
    assert [e.said for e in heard] == [""]
    assert "/nfs/17.1.out" in caplog.text
    monkeypatch.setattr(module, "PATIENCE", 10 * SOON)
    began = time.monotonic()
    stream.take([ended(2)])  # nobody waits again
    assert time.monotonic() - began < SOON
    hangs.set()
    until(lambda: stream.take([ended(3 + len(heard))]) or heard[-1].said == "read", "files are read again")


def test_a_reading_that_fails_is_told() -> None:
    stream = EndingStream()
    assert stream.reading("s") == (None, None)
    stream.was_not_read("s", "no answer")
    assert stream.reading("s") == (None, "no answer")
    stream.was_read("s", 5.0)
    assert stream.reading("s") == (5.0, None)
    stream.was_not_read("s", "no answer")
    assert stream.reading("s") == (5.0, "no answer")


def test_a_closed_stream_takes_nothing(tmp_path: Path) -> None:
    """Else the cursor would move on behind endings that nobody keeps."""
    stream = EndingStream(EndingStore(tmp_path / "endings.db"))
    stream.close()
    with pytest.raises(NoAnswer):
        stream.take([ended(1)])
