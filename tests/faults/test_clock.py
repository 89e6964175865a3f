"""A clock of ours that is wrong is told, and hours off nothing is sent: a real schedd and server say so."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from autopyfactory.api import commands
from autopyfactory.external import http
from autopyfactory.external.clocks import CLOCKS
from autopyfactory.factory.factory import Factory
from autopyfactory.why import watch
from factorybox import Box, InProcess, last
from patience import until
from testbed.pool import Pool

HOUR = 3600.0


class OurClock:
    """This host's clock where it is compared: as far ahead of the true time as the test says."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class Quiet(SimpleHTTPRequestHandler):
    """A real server of files, that leaves standard error alone."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def clock() -> Iterator[OurClock]:
    ours = OurClock()
    CLOCKS.forget()
    often = {**watch.TroubleWatch.__init__.__kwdefaults__, "interval": 1.0}
    with (
        patch.object(watch, "time", ours),
        patch.object(http, "time", ours),
        patch.object(watch.TroubleWatch.__init__, "__kwdefaults__", often),
    ):
        yield ours
    CLOCKS.forget()


def notes(factory: Factory) -> list[str]:
    found = commands.answer(factory, "status", {})["notes"]
    return [note for note in found if note.startswith("the clock of ")]


def test_minutes_are_told_and_hours_stop_sending_until_the_clock_is_right(
    tmp_path: Path, ap: Pool, clock: OurClock
) -> None:
    box = Box(tmp_path / "f", ap, "clock")
    with served(tmp_path) as url:
        box.queue(
            "q",
            sched__maxtorun__maximum="3",
            wmsstatusplugin="REST",
            wmsstatus__rest__url=f"{url}/jobs.json",
            wmsstatus__rest__counts="@",
            wmsstatus__rest__sleep="1",
        )
        jobs = tmp_path / "jobs.json"
        jobs.write_text(json.dumps({"q": 1}))
        try:
            with InProcess(box) as factory:
                until(lambda: box.pilots() == 1, "a pilot")
                until(lambda: len(CLOCKS.witnesses()) == 2, f"schedd and server: {CLOCKS.witnesses()}")
                assert (notes(factory), CLOCKS.ours()) == ([], "")

                clock.ahead = 120.0
                until(lambda: len(notes(factory)) == 2, "both to differ")
                assert all("behind this host's" in note for note in notes(factory))
                jobs.write_text(json.dumps({"q": 5}))
                until(lambda: box.pilots() == 3, "pilots: two minutes are told, no more")

                clock.ahead = 2 * HOUR
                halt = "held back: this host's clock is "
                until(lambda: last(factory, "q").startswith(halt), halt)
                assert "ahead of the clocks of all that answer" in last(factory, "q")
                row = commands.answer(factory, "status", {"queue": "q"})["queues"][0]
                assert [c["code"] for c in row["problems"]] == ["clock-wrong"]

                clock.ahead = 0.0
                until(lambda: not last(factory, "q").startswith("held back"), "cycles to go on")
                until(lambda: not notes(factory), "nobody to differ any more")
                assert box.pilots() == 3
        finally:
            ap.run_client("condor_rm", "-const", 'ApfFactory == "clock"', check=False)
