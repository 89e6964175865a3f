"""Single starts and endings become the numbers that rules use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autopyfactory.model.pilotevents import Ending, PilotEvents, QueueEvents, Start, recent_pilots
from autopyfactory.plugins.batchstatus.wrapperline import payloads


def test_numbers() -> None:
    events = PilotEvents(
        1000.0,
        {
            "q": QueueEvents(
                (Start(900, 10), Start(910, 30)),
                (
                    Ending(950, 40, True),
                    Ending(960, 600, True),
                    Ending(970, 20, False),
                    Ending(980, 90, True, empty=True),
                    Ending(990, 0, False),  # removed before it ran
                ),
            )
        },
    )
    r = recent_pilots(events, "q", total=50, submitted=7)
    assert (r.submitted_total, r.submitted) == (50, 7)
    assert (r.started, r.finished, r.short, r.failed, r.empty) == (2, 5, 1, 2, 1)
    assert (r.start_latency, r.lifetime) == (30, 65)  # a bound: two pilots do not tell the median
    assert r.starts == (90, 100)
    assert r.ended is not None
    assert [(e.started_ago, e.wall) for e in r.ended] == [(110, 90), (50, 20), (640, 600), (90, 40)]


def test_a_queue_without_events() -> None:
    r = recent_pilots(PilotEvents(1000.0), "q", total=0, submitted=0)
    assert (r.started, r.finished, r.start_latency, r.ended) == (0, 0, None, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello\nAPF-WRAPPER: payloads=0 ok=0 exit=0\n", 0),
        ("APF-WRAPPER: payloads=9\nAPF-WRAPPER: payloads=3 ok=2", 3),
        ("x" * 9000 + "\nAPF-WRAPPER: payloads=2 ok=2\n", 2),
        ("nothing said", None),
        ("APF-WRAPPER: payloads=many", None),
        ("", None),
    ],
)
def test_last_words(tmp_path: Path, text: str, expected: int | None) -> None:
    file = tmp_path / "1.0.out"
    file.write_text(text)
    assert payloads(file) == expected


def test_no_output_says_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert payloads(tmp_path / "fifo") is None
    assert payloads(tmp_path) is None
    assert payloads(tmp_path / "missing") is None
