"""What a pilot tells monitors while it lives, and that no monitor delays or fails it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autopyfactory.model.record import Event, FactoryEvent
from autopyfactory.model.reporttoken import mint
from autopyfactory.notify.pilotreports import Listener
from autopyfactory.notify.wrapperpings import parse
from autopyfactory.wrapper.modules import HERE
from patience import PATIENCE
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
    subprocess.run(script, env={"PATH": str(tmp_path)}, check=True, timeout=PATIENCE)
    assert monitor.told() == [("/x", {"state": "running"})]


def test_pings(fly: Fly, sh: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(PATIENCE)
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
        ended = fly(wrapper, APFMON=f"http://127.0.0.1:{deaf.getsockname()[1]}", **IDS).end()
        assert (ended.code, ended.summary["wall"] < PATIENCE) == (0, True)
    monitor.status = 500
    assert fly(wrapper, APFMON=monitor.url, **IDS).end().code == 0


# --- the factory's own ears --------------------------------------------------------------------------------


SECRET = b"s" * 32


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def home(told: list[Event]) -> Iterator[Listener]:
    it = Listener("127.0.0.1:0", SECRET, told.append, {"tag": "Q"}.get)
    yield it
    it.close()


def at_home(home: Listener) -> dict[str, str]:
    return {"APF_REPORT": f"http://127.0.0.1:{home.port}/"}


def token(proc: int = 3) -> dict[str, str]:
    return {"APF_REPORT_TOKEN": mint(SECRET, "tag", proc, time.time() + 600)}


def test_the_factory_hears_of_start_and_end_with_the_summary(
    fly: Fly, sh: str, home: Listener, told: list[Event], tmp_path: Path
) -> None:
    check = tmp_path / "sick.sh"
    check.write_text("# does: fails\n# class: fatal\n# owner: site\necho 'no \"disk\"' >&2; exit 42\n")
    wrapper = built("command", checks=(str(check),), settings=at_home(home))
    mine = token()
    ended = fly(wrapper, shell=sh, **IDS, **mine).end()
    assert ended.code == 18
    begin, end = told
    assert isinstance(begin, FactoryEvent) and isinstance(end, FactoryEvent)
    assert (begin.queue, begin.facts["pilot"], begin.facts["state"]) == ("Q", "7.3", "started")
    assert begin.facts["host"] == ended.summary["host"]
    assert (end.facts["state"], end.facts["exit"], end.facts["check"]) == ("exiting", 18, "sick")
    assert 'check sick: no "disk"' in end.text
    assert mine["APF_REPORT_TOKEN"] not in ended.output + ended.errors


def test_running_is_told_and_the_payload_does_not_get_the_token(
    fly: Fly, home: Listener, told: list[Event]
) -> None:
    options = {"command.command": "sh", "command.arguments": "-c 'env | grep APF_REPORT_TOKEN; true'"}
    ended = fly(built("command", options=options, settings=at_home(home)), **IDS, **token()).end()
    assert ended.code == 0 and "\nAPF_REPORT_TOKEN" not in ended.output
    states = [e.facts["state"] for e in told if isinstance(e, FactoryEvent)]
    assert sorted(states) == ["exiting", "running", "started"]


@pytest.mark.parametrize("only", ["curl", "wget", "python3"])
def test_any_program_that_can_post_tells_the_factory(tmp_path: Path, monitor: Monitor, only: str) -> None:
    for name in (only, "sh", "sleep"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    (tmp_path / "body").write_text('{"token":"secret"}')
    script = [
        str(tmp_path / "sh"),
        str(HERE / "lib/send.sh"),
        "postfile",
        f"{monitor.url}/",
        str(tmp_path / "body"),
    ]
    subprocess.run(script, env={"PATH": str(tmp_path)}, check=True, timeout=PATIENCE)
    assert [request.json() for request in monitor.requests] == [{"token": "secret"}]


@pytest.mark.parametrize("factory", ["deaf", "gone", "refuses"])
def test_a_factory_that_does_not_hear_delays_and_fails_nobody(
    fly: Fly, monitor: Monitor, factory: str
) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(5)
        url = {
            "deaf": f"http://127.0.0.1:{deaf.getsockname()[1]}/",
            "gone": "http://127.0.0.1:9/",
            "refuses": monitor.url,
        }[factory]
        monitor.status = 403
        wrapper = built("command", options={"command.command": "true"}, settings={"APF_REPORT": url})
        ended = fly(wrapper, **IDS, **token()).end(90)
    assert (ended.code, ended.summary["outcome"]) == (0, "ok")
    assert ended.summary["wall"] < 20


def test_without_a_token_nothing_is_told(fly: Fly, home: Listener, told: list[Event]) -> None:
    wrapper = built("command", options={"command.command": "true"}, settings=at_home(home))
    assert fly(wrapper, **IDS).end().code == 0
    assert not told and not home.refused
