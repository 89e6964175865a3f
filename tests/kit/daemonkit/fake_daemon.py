"""The real command line and daemon around a factory that misbehaves on demand, as a program for tests.

Takes the options of `autopyfactory`. Its configuration is a JSON file: `state_dir`, `log_dir`, `socket`,
`socket_group`, `period` (s between two cycles), `gate` (a file without which reading never ends), and `do`, a
list of misdeeds (see `FakeFactory`).
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autopyfactory.cli.main import main
from autopyfactory.config.model import Configuration
from autopyfactory.control.server import CommandError
from autopyfactory.daemon import wiring
from autopyfactory.daemon.contract import Built
from autopyfactory.daemon.startup import Plan
from autopyfactory.options.common import FactoryOptions
from autopyfactory.options.problem import ConfigError, Problem
from autopyfactory.options.section import Section

log = logging.getLogger("autopyfactory.fake")


@dataclass(frozen=True)
class Report:
    applied: bool


def settings(conf: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(conf[0]).read_text())
    return found


def load(conf: tuple[str, ...]) -> Configuration:
    given = settings(conf)
    if "broken" in given:
        raise ConfigError([Problem("error", given["broken"])])
    if "gate" in given:
        log.warning("reads its configuration")
        while not Path(given["gate"]).exists():
            time.sleep(0.01)
    names = ("state_dir", "log_dir", "socket", "socket_group")
    options = FactoryOptions(
        factory_id="fake",
        base_log_dir="/nowhere",
        sleep=given.get("sleep", 30),
        **{n: given[n] for n in names if n in given},
    )
    return Configuration(options, Section("Factory"), {})


class FakeFactory:
    """Does nothing but log, and what the misdeeds in `do` say."""

    def __init__(self, configuration: Configuration, plan: Plan):
        self.configuration = configuration
        self.plan = plan
        self.given = settings(plan.options.conf)
        self.do: list[str] = self.given.get("do", [])
        self.watchdog = lambda: None
        if "fail build" in self.do:
            raise RuntimeError("bad bricks")

    def start(self) -> None:
        if "fail start" in self.do:
            raise RuntimeError("bad start")
        if "hang start" in self.do:
            log.warning("hangs at its start")
            time.sleep(1000)
        if "child" in self.do:
            self._child({})
        if "pilot" in self.do:
            self._child({"APF_SUBMISSION": "x"})
        if "stubborn thread" in self.do:
            threading.Thread(target=time.sleep, args=(1000,), name="stubborn", daemon=False).start()
        facts = {
            "ids": [os.getresuid(), os.getresgid(), sorted(os.getgroups())],
            "env": dict(os.environ),
            "cwd": os.getcwd(),
            "sid": os.getsid(0),
            "options": {n: getattr(self.plan.options, n) for n in ("cycles", "sleep", "level")},
            "fds": sorted(os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if _open(n)),
        }
        Path(self.given["state_dir"], "facts.json").write_text(json.dumps(facts))

    def _child(self, extra: dict[str, str]) -> None:
        env = {**os.environ, **extra}
        child = subprocess.Popen(["sleep", "1000"], start_new_session=True, env=env, stdout=-3, stderr=-3)
        with open(Path(self.given["state_dir"], "children"), "a") as file:
            file.write(f"{child.pid}\n")

    def run(self, stop: threading.Event) -> None:
        done = 0
        queue = logging.getLogger("autopyfactory.queue.Q1")
        while not stop.wait(self.given.get("period", 0.05)):
            if "no beat" not in self.do:
                self.watchdog()
            done += 1
            if "count" in self.do:
                Path(self.given["state_dir"], "beats").write_text(str(done))
            queue.info("cycle %d", done)
            log.warning("round %d", done)
            if "fail run" in self.do and done == 3:
                raise RuntimeError("bad luck")
            if self.plan.options.cycles and done >= self.plan.options.cycles:
                return
        if "hang run" in self.do:
            time.sleep(1000)

    def underway(self) -> dict[str, list[str]]:
        return {}

    def reload(self) -> Report:
        self.plan.load()
        log.warning("reloaded")
        return Report(True)

    def shutdown(self, deadline: float) -> None:
        if "hang shutdown" in self.do:
            time.sleep(1000)
        if "fail shutdown" in self.do:
            raise RuntimeError("bad end")

    def answer(self, command: str, arguments: dict[str, Any]) -> Any:
        if command == "reload":
            return {"applied": self.reload().applied}
        if command == "echo":
            return arguments
        raise CommandError(f"no such command: {command}")


def _open(number: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{number}")


def build(configuration: Configuration, plan: Plan) -> Built:
    factory = FakeFactory(configuration, plan)
    return Built(factory, factory.answer)


wiring.load = load
wiring.build = build

if __name__ == "__main__":
    sys.argv[0] = "autopyfactory"
    main()
