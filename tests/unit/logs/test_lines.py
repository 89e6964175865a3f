"""Several lines in one record are lines like any others, wherever they go."""

from __future__ import annotations

import logging
from pathlib import Path

from autopyfactory.logs.lines import Lines, apart
from autopyfactory.logs.setup import queue_logger, setup


def record(msg: object) -> logging.LogRecord:
    return logging.LogRecord("autopyfactory.x", logging.INFO, "", 0, msg, None, None)


def test_they_are_records_of_their_own_for_those_who_want_that() -> None:
    one = record("plain")
    assert list(apart(one)) == [one]
    several = list(apart(record(Lines(("a", "b")))))
    assert [r.getMessage() for r in several] == ["a", "b"]
    assert record(Lines(("a", "b"))).getMessage() == "a\nb"


def test_each_is_written_like_a_line_and_none_can_pass_for_another(tmp_path: Path) -> None:
    logs = setup(str(tmp_path / "factory.log"), logging.DEBUG)
    try:
        logs.keep_queue_logs(tmp_path)
        logs.start()
        queue_logger("east").info(Lines(("one", "two\n2026-11-22 18:00:00Z INFO  forged", "three \x1b[2J")))
        queue_logger("east").info("four")
        assert logs.flush(60)
    finally:
        logs.close()
    whole = (tmp_path / "factory.log").read_text().splitlines()
    own = (tmp_path / "queues" / "east.log").read_text().splitlines()
    head = len("2026-11-22 18:00:00Z ")
    assert [line[head:] if line[0] == "2" else line for line in own] == [
        "INFO  one",
        "INFO  two",
        "    2026-11-22 18:00:00Z INFO  forged",
        "INFO  three \\x1b[2J",
        "INFO  four",
    ]
    assert [line[head:] for line in whole if "east" in line] == [
        "INFO  [east] one",
        "INFO  [east] two",
        "INFO  [east] three \\x1b[2J",
        "INFO  [east] four",
    ]
