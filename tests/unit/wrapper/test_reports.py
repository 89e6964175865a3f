"""What a pilot tells monitors while it lives, and that no monitor delays or fails it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autopyfactory.notify.wrapperpings import parse
from autopyfactory.wrapper.modules import HERE
from pilotkit import Pilot, built
from servers.base import HttpServer, Reply, Request

Fly = Callable[..., Pilot]
IDS = {"APFFID": "f", "APFCID": "7.3", "FACTORYQUEUE": "Q"}


class Monitor(HttpServer):
    """Takes reports; answers `status` to each."""

    status = 200

    def answer(self, request: Request) -> Reply:
        return Reply.text("", self.status)

    def told(self) -> list[tuple[str, dict[str, str]]]:
        return [(request.path, request.form()) for request in self.requests]


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with Monitor() as it:
        yield it


def test_the_monitor_is_told_of_start_and_end(fly: Fly, sh: str, monitor: Monitor) -> None:
    wrapper = built("command", options={"command.command": "false"})
    ended = fly(wrapper, shell=sh, APFMON=f"{monitor.url}/api", **IDS).end()
    assert ended.code == 20
    begin, end = monitor.told()
    assert begin == ("/api/jobs/f:7.3", {"state": "running", "wrapper": wrapper.sha256[:12]})
    assert end == ("/api/jobs/f:7.3", {"state": "exiting", "rc": "20"})


@pytest.mark.parametrize("only", ["curl", "wget", "python3"])
def test_any_program_that_can_post_will_do(tmp_path: Path, monitor: Monitor, only: str) -> None:
    for name in (only, "sh", "sleep"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    script = [str(tmp_path / "sh"), str(HERE / "lib/send.sh"), "post", f"{monitor.url}/x", "state=running"]
    subprocess.run(script, env={"PATH": str(tmp_path)}, check=True, timeout=30)
    assert monitor.told() == [("/x", {"state": "running"})]


def test_pings(fly: Fly, sh: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(20)
        wrapper = built(
            "command",
            options={"command.command": "true"},
            settings={"APF_UDP": f"127.0.0.1:{listener.getsockname()[1]}"},
        )
        ended = fly(wrapper, shell=sh, **IDS).end()
        assert ended.code == 0
        pings = [parse(listener.recv(2000)) for _ in range(2)]
    assert [(p.factory, p.cid, p.state, p.queue) for p in pings] == [
        ("f", "7.3", "running", "Q"),
        ("f", "7.3", "exiting", "Q"),
    ]


def test_a_monitor_that_hangs_or_fails_changes_nothing(fly: Fly, monitor: Monitor) -> None:
    wrapper = built("command", options={"command.command": "true"})
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(5)
        began = time.monotonic()
        ended = fly(wrapper, APFMON=f"http://127.0.0.1:{deaf.getsockname()[1]}", **IDS).end(60)
        assert (ended.code, ended.summary["wall"] < 15) == (0, True)
        assert time.monotonic() - began < 45
    monitor.status = 500
    assert fly(wrapper, APFMON=monitor.url, **IDS).end(60).code == 0
