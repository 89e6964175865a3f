"""The real factory in the real daemon, with pilots that are processes of this machine."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.control.client import call
from autopyfactory.plugins.processes import PilotProcess, pilots
from daemonkit.bench import alive
from patience import PATIENCE, until


class Real:
    """A factory with two queues that keep two pilots each."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.name = f"daemon-test-{os.getpid()}-{folder.name}"
        self.conf = folder / "autopyfactory.conf"
        self.queues = folder / "queues.conf"
        self.state = folder / "state"
        self.log = folder / "log" / "factory.log"
        self.conf.write_text(
            f"[Factory]\nfactoryId = {self.name}\nfactoryUser = tester\nqueueConf = {self.queues}\n"
            f"baseLogDir = {folder}/pilots\nstatedir = {self.state}\ncleanlogs.keepdays = 5\n"
        )
        self.configure(2)
        self.process: subprocess.Popen[str] | None = None

    def configure(self, pilots_: int | str) -> None:
        self.queues.write_text(
            "[DEFAULT]\nenabled = True\napfqueue.sleep = 0.3\nbatchstatusplugin = Exec\n"
            "batchsubmitplugin = Exec\nschedplugin = Fixed, MaxToRun\nsched.fixed.pilotspercycle = 1\n"
            f"sched.maxtorun.maximum = {pilots_}\nexecutable = /bin/sleep\nexecutable.arguments = 600\n"
            "[Q1]\n[Q.2]\n"
        )

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "autopyfactory", "--conf", str(self.conf), "--info"]
        if os.geteuid() == 0:
            command += ["--runas", "root"]
        self.process = subprocess.Popen(
            [*command, "--log", str(self.log), *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self.process

    def pilots(self) -> list[PilotProcess]:
        return [p for p in pilots() if p.factory == self.name]

    def text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        for pilot in self.pilots():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pilot.pid, signal.SIGKILL)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    made = Real(tmp_path)
    yield made
    made.end()


def test_it_runs_reloads_answers_and_ends(real: Real) -> None:
    old = real.folder / "pilots" / "2020-01-01" / "Q1"
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    process = real.start()
    until(lambda: len(real.pilots()) == 4 or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    until(lambda: "INFO  the factory is up: 2 queues" in real.text())
    for queue in ("Q1", "Q.2"):
        log = real.log.parent / "queues" / f"{queue}.log"
        until(lambda log=log: "MaxToRun: 1 -> 0" in log.read_text())
    until(lambda: not old.parent.exists(), "old pilots' logs are cleaned")

    assert call(real.state / "control.sock", "status")
    real.configure("rubbish")
    process.send_signal(signal.SIGHUP)
    until(lambda: "reload refused, the running configuration stays" in real.text())
    real.configure(3)
    process.send_signal(signal.SIGHUP)
    until(lambda: len(real.pilots()) == 6)

    process.terminate()
    assert process.wait(PATIENCE) == 0, real.text()
    assert len(real.pilots()) == 6, "pilots outlive the factory"
    assert not (real.state / "control.sock").exists()


def test_a_cycle_and_out(real: Real) -> None:
    assert real.start("--oneshot").wait(PATIENCE) == 0, real.text()
    assert len(real.pilots()) == 2
    assert "the factory ends: nothing left to do" in real.text()


def test_killed_and_started_again_it_finds_its_pilots(real: Real) -> None:
    process = real.start()
    until(lambda: len(real.pilots()) == 4 or process.poll() is not None)
    until(lambda: "the factory is up" in real.text())
    process.kill()
    process.wait(PATIENCE)
    real.start()
    until(lambda: real.text().count("the factory is up") == 2)
    for queue in ("Q1", "Q.2"):
        log = real.log.parent / "queues" / f"{queue}.log"
        until(log.exists)
        cycles = log.read_text().count("MaxToRun")
        until(lambda log=log, cycles=cycles: log.read_text().count("MaxToRun") > cycles + 4)
    assert len(real.pilots()) == 4


def test_what_the_socket_says_is_plain_data(real: Real) -> None:
    real.start()
    until(lambda: "the factory is up" in real.text())
    assert json.dumps(call(real.state / "control.sock", "status"))
    assert alive(real.process.pid if real.process else 0)


def test_a_running_factory_keeps_its_state_to_itself(real: Real) -> None:
    """What an older release left open is closed and told; nothing that is made later is open either."""
    real.state.mkdir(mode=0o755)
    real.state.chmod(0o755)
    (real.state / "pauses.json").write_text("{}")
    (real.state / "pauses.json").chmod(0o644)
    real.start("--pidfile", str(real.folder / "run.pid"))
    until(lambda: "the factory is up" in real.text())
    assert "other users could read the factory's state" in real.text()
    until(lambda: (real.state / "history.db").exists())
    ours = [real.state, *real.state.rglob("*"), real.folder / "run.pid"]
    modes = {}
    for path in ours:
        with contextlib.suppress(FileNotFoundError):  # databases' journals come and go
            modes[path.name] = path.stat().st_mode & 0o077
    assert len(modes) > 4, modes
    assert {name: oct(mode) for name, mode in modes.items() if mode} == {}
