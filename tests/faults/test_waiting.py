"""Nothing in a cycle waits for a disk, a name server or a reporter."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import silentresolver
from autopyfactory.control.client import ControlError, NotRunning, call
from autopyfactory.model.record import CycleRecord, Event
from factorybox import Box, InProcess
from patience import PATIENCE, until
from place import Place
from testbed.pool import Pool

# A resolver gives a silent server at least five seconds; a disk here takes as long. What waits for neither
# takes milliseconds, on a busy machine perhaps seconds.
LONG = 5.0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.kill_pilots()


def _last(place: Place, queue: str) -> dict[str, Any]:
    """Return the record of the last cycle; empty when there is none yet."""
    with contextlib.suppress(ControlError, NotRunning):
        answer = call(place.folder / "state/control.sock", "why", PATIENCE, queue=queue)
        return dict(answer["record"] or {})
    return {}


def test_a_name_server_that_never_answers_delays_no_cycle(own: Place, tmp_path: Path) -> None:
    """Mail, a monitor, pilots' ids and the factory's own name all ask it."""
    (tmp_path / "monitor.conf").write_text("[apf]\nmonitorplugin = APF\nmonitorURL = http://apfmon.example\n")
    with own.conf.open("a") as file:
        file.write("factoryAdminEmail = admin@example.org\nfactorySMTPServer = mail.example\n")
        file.write(f"monitorConf = {tmp_path}/monitor.conf\n")
    queues = tmp_path / "queues.conf"
    queues.write_text(queues.read_text().replace("[east]\n", "[east]\nmonitorsection = apf\n"))
    # a queue whose cycles fail, so that there is something to mail
    own.configure("[bad]\nwmsqueue = east\nexecutable = /nowhere/at/all\n")
    asked = tmp_path / "asked"
    asked.touch()
    command = [sys.executable, "-m", "autopyfactory", "--conf", str(own.conf), "--info"]
    log = ["--log", str(tmp_path / "factory.log")]
    process = subprocess.Popen(
        [*silentresolver.NAMESPACES, sys.executable, silentresolver.__file__, str(asked), *command, *log],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: _last(own, "east"), "a first cycle")
        seen: dict[str, float] = {}

        def enough() -> bool:
            record = _last(own, "east")
            seen[record["started"]] = record.get("duration", 0.0)
            return len(seen) > 20 and {"mail.example", "apfmon.example", silentresolver.HOST} <= questions()

        def questions() -> set[str]:
            return set(asked.read_text().split())

        until(enough, "cycles, and questions about all three names", every=0.1)
        assert max(seen.values()) < LONG
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def test_a_disk_that_takes_seconds_for_each_commit_delays_no_cycle_that_sends_nothing(
    tmp_path: Path, ap: Pool
) -> None:
    """`sent_since` took the ledger's lock: 2.9 s in each cycle of all queues whose rules look back."""
    box = Box(tmp_path / "f", ap, "slow-disk")
    box.queue("sends", sched__maxpercycle__maximum="1", sched__maxtorun__maximum="99", apfqueue__sleep="0.2")
    box.queue("looks-back", schedplugin="Ready, Ramp", apfqueue__sleep="0.2")
    box.work({"sends": 1000, "looks-back": 0})
    durations: list[float] = []
    under_way = threading.Event()  # a commit

    def note(event: Event) -> None:
        if isinstance(event, CycleRecord) and event.queue == "looks-back" and under_way.is_set():
            durations.append(event.duration or 0.0)

    try:
        with InProcess(box) as factory:
            until(lambda: box.pilots("sends") > 1, "pilots")
            real = factory.ledger.file._put_places

            def slow(places: Any) -> None:
                under_way.set()
                time.sleep(LONG)
                real(places)
                under_way.clear()

            with patch.object(factory.ledger.file, "_put_places", slow):
                until(under_way.is_set, "a commit that takes long")
                assert factory.ledger.file.lock.locked()
                factory.reporting.listeners.append(note)
                until(lambda: len(durations) > 20, "cycles while others commit")
            assert sorted(durations)[len(durations) // 2] < LONG / 2, "it was 2.9 s in each"
    finally:
        ap.run_client("condor_rm", "-const", 'ApfFactory == "slow-disk"', check=False)


def test_a_reporter_that_hangs_delays_no_cycle(own: Place) -> None:
    factory = own.start()
    never = threading.Event()
    try:
        history = factory.reporting.history
        assert history is not None
        with patch.object(history, "_deliver", lambda events: never.wait()):
            before = factory.queues["east"].cycles_run
            until(lambda: history.status().busy > 1, "a delivery")
            until(lambda: factory.queues["east"].cycles_run > before + 20, "cycles meanwhile")
            record = factory.queues["east"].last
            assert record is not None and (record.duration or 0) < LONG
    finally:
        never.set()
        own.stop()
