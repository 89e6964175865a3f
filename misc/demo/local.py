"""The demo without HTCondor: the same factory and loop, pilots as processes of this machine."""

import argparse
import time
from pathlib import Path

from demo.daemon import Daemon
from demo.owner import USER, give
from demo.steps import Steps
from demo.view import Tally, View

HERE = Path(__file__).resolve().parents[2]
CONF = HERE / "etc/demo"
KINDS = ("analysis", "simulation")
IDLE = 3  # seconds that a pilot waits for more work


def run(folder: Path, arguments: argparse.Namespace) -> int:
    """Let the factory do the jobs in a folder, and sum up; return the exit code."""
    began = time.monotonic()
    home = folder / "factory"
    work = home / "work"
    for i, kind in enumerate(KINDS):
        for step in ("ready", "running", "done"):
            (work / kind / step).mkdir(parents=True)
        for n in range((arguments.jobs + i) // len(KINDS)):
            (work / kind / "ready" / f"job{n}").write_text(f"sleep {arguments.seconds}\n")
    state = home / "state"
    steps, came = Steps(1), time.time()
    daemon = Daemon([_conf(home, work)], state, give(home) / "factory.log", {}, USER)
    first, complete = None, False
    try:
        with steps.step("starting the factory"):
            daemon.wait_ready()
            page = daemon.page()
        print(f"      its pages: {page}\n")
        with View(came) as view:
            while time.monotonic() < began + arguments.limit:
                tally = _tally(work, arguments.jobs)
                first = time.time() - came if first is None and tally.done else first
                status = daemon.status()
                view.show(status, tally)
                complete = tally.done == arguments.jobs and not any(r["running"] for r in status["queues"])
                if complete:
                    break
                time.sleep(1)
        if arguments.keep:
            daemon.keep([f"{HERE}/.venv/bin/autopyfactory status --conf {home / 'factory.conf'} --watch"])
    finally:
        code = daemon.stop()
    pilots = [p.read_text() for p in (home / "pilots").glob("*/*/*.out")]
    empty = sum("jobs=0" in text for text in pilots)
    outcome = "done" if complete else "NOT DONE IN TIME"
    print(
        f"\n{outcome}: {len(pilots)} pilots sent, {empty} of them ran nothing; "
        f"first payload finished: {'none' if first is None else f'{first:.0f} s after the jobs came'}; "
        f"the factory ended with code {code}"
    )
    return 0 if complete and code == 0 else 1


def _tally(work: Path, jobs: int) -> Tally:
    """Return how the jobs stand; one that moves while we look is running."""
    waiting, done = (
        sum(len(list((work / kind / step).iterdir())) for kind in KINDS) for step in ("ready", "done")
    )
    return Tally(waiting, jobs - waiting - done, done)


def _conf(folder: Path, work: Path) -> Path:
    queues = folder / "queues.conf"
    queues.write_text(
        "".join(
            f"[{kind}-local]\n"
            f"executable = {CONF}/local-pilot.sh\n"
            f"executable.arguments = {work}/{kind} {IDLE}\n"
            f"wmsstatus.command.command = {CONF}/local-work.sh {work} {' '.join(KINDS)}\n"
            for kind in KINDS
        )
    )
    factory = folder / "factory.conf"
    factory.write_text(
        "[Factory]\nfactoryId = demo-factory\n"
        "batchstatus.exec.sleep = 1\nweb.port = 0\n"
        f"baseLogDir = {folder}/pilots\nstatedir = {folder}/state\nlogdir = {folder}\n"
        f"queueConf = {CONF}/local-queues.conf, {queues}\n"
    )
    return factory
