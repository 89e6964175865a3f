"""What systemd hears, from a real process, at the socket where systemd listens."""

import contextlib
import itertools
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.daemon.systemd import Heart, Notifier
from daemonkit.bench import Bench
from patience import PATIENCE, SOON, until


class Systemd:
    """Listens like systemd."""

    def __init__(self, path: Path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.heard: list[tuple[float, dict[str, str]]] = []

    def start(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):  # the end
            while lines := self.socket.recv(4096).decode():
                message = dict(line.split("=", 1) for line in lines.split("\n"))
                self.heard.append((time.monotonic(), message))

    def listen(self) -> list[dict[str, str]]:
        return [message for _, message in self.heard]


@pytest.fixture
def systemd(bench: Bench, tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(tmp_path / "n")
    bench.env["NOTIFY_SOCKET"] = str(made.path)
    made.start()
    yield made
    made.socket.shutdown(socket.SHUT_RDWR)
    made.socket.close()


def test_ready_reloading_and_stopping(bench: Bench, systemd: Systemd) -> None:
    process = bench.up()
    until(lambda: {"READY": "1", "STATUS": "0 queues"} in systemd.listen())
    systemd.heard.clear()
    before = time.monotonic()
    process.send_signal(signal.SIGHUP)
    reloading, ready = until(lambda: len(systemd.listen()) == 2 and systemd.listen())
    assert reloading["RELOADING"] == "1"
    assert before <= int(reloading["MONOTONIC_USEC"]) / 1e6 <= time.monotonic()
    assert ready["READY"] == "1"
    assert ready["STATUS"].startswith("reloaded 20")
    process.terminate()
    process.wait(PATIENCE)
    until(lambda: systemd.listen()[-1] == {"STOPPING": "1", "STATUS": "SIGTERM received"})


def test_a_failed_reload_is_told(bench: Bench, systemd: Systemd) -> None:
    process = bench.up()
    bench.configure(broken="x")
    process.send_signal(signal.SIGHUP)
    until(lambda: systemd.listen() and systemd.listen()[-1].get("STATUS", "").startswith("reload failed"))
    assert systemd.listen()[-1]["READY"] == "1", "systemd must not wait for the end of the reload for ever"


def test_not_ready_before_the_factory_is_up(bench: Bench, systemd: Systemd) -> None:
    bench.configure(do=["hang start"])
    bench.start()
    until(lambda: "hangs at its start" in bench.text())
    assert systemd.listen() == []


def test_the_watchdog_is_fed_every_half_of_its_time(bench: Bench, systemd: Systemd) -> None:
    bench.env["WATCHDOG_USEC"] = "2000000"
    bench.up()
    fed: list[float] = []

    def enough() -> bool:
        fed[:] = [when for when, message in systemd.heard if message == {"WATCHDOG": "1"}]
        return len(fed) >= 4

    until(enough)
    gaps = sorted(b - a for a, b in itertools.pairwise(fed))
    assert gaps[len(gaps) // 2] > 0.5, "it is fed, not stuffed"
    assert gaps[0] < 2.0, "a machine that is busy may delay one message, but not all"


def test_the_watchdog_starves_when_the_housekeeping_is_silent(bench: Bench, systemd: Systemd) -> None:
    bench.env["WATCHDOG_USEC"] = "200000"
    bench.configure(do=["no beat"], sleep=0.2)
    process = bench.up()
    until(lambda: "housekeeping has been silent" in bench.text())
    systemd.heard.clear()
    rounds = bench.text().count("round")
    until(lambda: bench.text().count("round") > rounds + 20)  # several times its interval
    assert systemd.listen() == []
    assert process.poll() is None


def test_children_do_not_speak_to_systemd(bench: Bench, systemd: Systemd) -> None:
    bench.env["WATCHDOG_USEC"] = "400000"
    bench.up()
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & bench.facts()["env"].keys()


def test_a_watchdog_meant_for_another_process_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert Notifier().watchdog is None


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    notifier = Notifier()
    notifier.ready("x")
    heart = Heart(notifier, 1.0)
    assert heart.interval is None
    assert heart.pulse()


def test_a_deaf_systemd_delays_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deaf = Systemd(tmp_path / "n")
    monkeypatch.setenv("NOTIFY_SOCKET", str(deaf.path))
    notifier = Notifier()
    deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    began = time.monotonic()
    monkeypatch.setattr("autopyfactory.daemon.systemd.TOLD_WITHIN", 0.05)
    for _ in range(3):
        notifier.status("x" * 1000)
    assert time.monotonic() - began < SOON
    deaf.socket.close()
