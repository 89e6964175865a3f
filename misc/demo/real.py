"""The demo on HTCondor: an access point, two CEs behind tokens, a users' pool without machines."""

import argparse
import contextlib
import time
from pathlib import Path

from demo.daemon import Daemon
from demo.owner import USER, give
from demo.steps import Steps
from demo.view import View
from demo.work import Jobs, Pilots, Summary
from testbed.grid import Grid

HERE = Path(__file__).resolve().parents[2]
CONF = HERE / "etc/demo"
QUEUES = {"analysis-ce1": ("analysis", "ce1"), "simulation-ce2": ("simulation", "ce2")}


def run(folder: Path, arguments: argparse.Namespace) -> int:
    """Bring up the grid, let the factory do the users' jobs, and sum up; return the exit code."""
    started = time.monotonic()
    steps = Steps(4)
    with steps.step("getting HTCondor (once per machine, about a minute)"):
        grid = Grid(folder / "grid")
    with contextlib.ExitStack() as stack:
        with steps.step("starting the grid: an access point, two CEs, a users' pool without machines"):
            stack.enter_context(grid)
        ces = ", ".join(site.collector for site in grid.sites.values())
        print(f"      access point {grid.ap.collector}, CEs {ces}, users' pool {grid.vo.collector}")
        home = give(folder / "factory")
        jobs = Jobs(grid.vo, give(home / "users"), [label for label, _ in QUEUES.values()], arguments)
        with steps.step(f"submitting {arguments.jobs} jobs to the users' pool"):
            jobs.submit()
        daemon = Daemon(
            [CONF / "autopyfactory.conf", _addresses(grid, home)],
            home / "state",
            home / "factory.log",
            grid.ap.exports,
            USER,
        )
        try:
            with steps.step("starting the factory"):
                daemon.wait_ready()
                page = daemon.page()
            print(f"      its pages: {page}, its log: {daemon.log}\n")
            done = _watch(daemon, jobs, Pilots(grid.ap), started, arguments)
            sent = sum(row["sent"] for row in daemon.status()["queues"])
            if arguments.keep:
                daemon.keep(_hints(home))
        finally:
            code = daemon.stop()
        summary = Summary.of(jobs, home / "pilots", sent)
        print(summary.text(complete=done, exit_code=code))
        return 0 if done and summary.all_well(arguments.jobs) and code == 0 else 1


def _hints(home: Path) -> list[str]:
    """Return what somebody may try with a demo that stays up."""
    conf = f"--conf {CONF / 'autopyfactory.conf'},{home / 'factory.conf'}"
    command = f"{HERE}/.venv/bin/autopyfactory"
    return [
        f"{command} status {conf} --watch",
        f"{command} pause {conf} analysis-ce1 --until 10m --reason 'to see what the page says'",
        f"{command} web {conf} token add me --scope operate --until 1h    (then sign in on the page)",
    ]


def _watch(daemon: Daemon, jobs: Jobs, pilots: Pilots, began: float, arguments: argparse.Namespace) -> bool:
    """Show what happens until all jobs are done and all pilots gone; return whether that was in time."""
    with View(jobs.submitted_at, arguments.picture) as view:
        while time.monotonic() < began + arguments.limit:
            tally = jobs.tally()
            view.show(daemon.status(), tally)
            if tally.done == len(jobs) and pilots.left() == 0:
                return True
            time.sleep(1)
    return False


def _addresses(grid: Grid, home: Path) -> Path:
    """Write down what the demo's configuration cannot know: where things are on this machine."""
    queues = home / "addresses.conf"
    wrapper = HERE / "autopyfactory/wrapper/payloads/glidein.sh"
    texts = []
    for name, (_, site) in QUEUES.items():
        ce = grid.sites[site]
        texts.append(
            f"[{name}]\n"
            f"batchsubmit.condorce.gridresource = {ce.collector}\n"
            f"batchsubmit.condorce.schedd = {ce.schedd}\n"
            f"batchsubmit.condorce.tokenfile = {grid.site_token(site)}\n"
            f"batchsubmit.condorce.condor_attributes.transfer_input_files = {grid.glidein_token}\n"
            f"batchstatus.condor.schedd = {grid.ap.schedd}\n"
            f"batchstatus.condor.collector = {grid.ap.collector}\n"
            f"wmsstatus.condor.schedd = {grid.vo.schedd}\n"
            f"wmsstatus.condor.collector = {grid.vo.collector}\n"
            f"executable = {wrapper}\n"
            f"executable.arguments = --pool {grid.vo.collector} --token {grid.glidein_token.name}"
            f" --condor {grid.vo.condor.release} %(executable.defaultarguments)s\n"
        )
    queues.write_text("\n".join(texts))
    factory = home / "factory.conf"
    factory.write_text(
        f"[Factory]\nweb.port = 0\nbaseLogDir = {home}/pilots\nstatedir = {home}/state\nlogdir = {home}\n"
        f"queueConf = {CONF / 'queues.conf'}, {queues}\n"
    )
    return factory
