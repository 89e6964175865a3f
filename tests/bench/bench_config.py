"""What a configuration costs: reading, checking and comparing it, in time and memory, over its size.

    .venv/bin/python tests/bench/bench_config.py [QUEUES ...]

Queues are of three kinds in turn: short ones that live on [DEFAULT], long ones as AGIS wrote them (25 keys of
their own), and ones with interpolation over several levels. `check` is the whole command in a process of its
own, interpreter start included. Ratios are to the standard library's configparser reading the same files.
"""

from __future__ import annotations

import configparser
import gc
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from autopyfactory.check import semantics
from autopyfactory.config import build
from autopyfactory.config.diff import diff

FACTORY = "[Factory]\nfactoryId = bench\nbaseLogDir = /tmp/logs\nqueueConf = queues.conf\n"
DEFAULTS = """[DEFAULT]
enabled = True
apfqueue.sleep = 120
wmsstatusplugin = Condor
batchstatusplugin = Condor
batchsubmitplugin = CondorOSGCE
schedplugin = Ready, Scale, MaxPerCycle, MinPerCycle, StatusTest, StatusOffline, MaxPending
sched.maxpercycle.maximum = 50
sched.minpercycle.minimum = 0
sched.maxpending.maximum = 100
executable = /bin/sh
executable.defaultarguments = -s %(wmsqueue)s -h %(batchqueue)s
executable.arguments = %(executable.defaultarguments)s -w https://panda.example.org
batchqueue = %(wmsqueue)s
hold = (JobStatus == 1 && CurrentTime - EnteredCurrentStatus > 3600)
"""
SHORT = "[{name}]\nwmsqueue = {name}\nbatchsubmit.condorosgce.gridresource = ce{n}.example.org\n"
DEEP = SHORT + (
    "batchsubmit.condorosgce.environ = A=%(a)s B=%(b)s\na = %(b)s-%(wmsqueue)s\nb = %(c)s/%(batchqueue)s\n"
    "c = x%(wmsqueue)s\nbatchsubmit.condorosgce.condor_attributes = periodic_hold=%(hold)s,+maxMemory=4000\n"
)
LONG = SHORT + (
    "enabled = True\noverride = True\nbatchqueue = {name}\nsched.scale.factor = 0.{n}1\n"
    "sched.maxpercycle.maximum = 5{n}\nsched.minpercycle.minimum = 0\nsched.maxpending.maximum = 100\n"
    "sched.maxtorun.maximum = 9999\nsched.statusoffline.pilots = 0\nsched.statustest.pilots = 1\n"
    "status = online\nvo = ATLAS\nreq = JobRunCount == 0\nremove = JobStatus == 5\n"
    "batchsubmit.condorosgce.condor_attributes = requirements=%(req)s,periodic_remove=%(remove)s\n"
    "batchsubmit.condorosgce.condor_attributes.+maxWallTime = 5760\n"
    "batchsubmit.condorosgce.condor_attributes.+maxMemory = 4000\n"
    "batchsubmit.condorosgce.condor_attributes.+xcount = 8\n"
    "apfqueue.sleep = 120\ncleanlogs.keepdays = 21\nwmsstatusplugin = Condor\nbatchstatusplugin = Condor\n"
)


def write(folder: Path, queues: int, maximum: int = 100) -> str:
    kinds = (SHORT, LONG, DEEP)
    text = DEFAULTS.replace("maxpending.maximum = 100", f"maxpending.maximum = {maximum}")
    text += "".join(kinds[n % 3].format(name=f"SITE_{n}", n=n) for n in range(queues))
    (folder / "queues.conf").write_text(text)
    conf = folder / "autopyfactory.conf"
    conf.write_text(FACTORY)
    return str(conf)


def timed(call: Callable[[], object]) -> tuple[float, object]:
    gc.collect()
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def stdlib(folder: Path) -> None:
    """Read the same files with configparser and look at each value once."""
    parser = configparser.ConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(folder / "queues.conf")
    for name in parser.sections():
        dict(parser.items(name, raw=True))


def children() -> float:
    """Return the CPU seconds of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def bench(folder: Path, queues: int) -> None:
    conf = write(folder, queues)
    bare, _ = timed(lambda: stdlib(folder))
    gc.collect()
    before = resident()
    load, first = timed(lambda: build.load([conf]))
    memory = resident() - before
    assert isinstance(first, build.Configuration)
    assert len(first.queues) == queues and not first.errors, first.errors[:3]
    judge, _ = timed(lambda: semantics.inspect(first))
    same, nothing = timed(lambda: diff(first, build.load([write(folder, queues)])))
    other, changes = timed(lambda: diff(first, build.load([write(folder, queues, 99)])))
    assert nothing.empty and len(changes.changed) > queues / 2  # type: ignore[attr-defined]
    command = [sys.executable, "-m", "autopyfactory", "check", "--conf", conf]
    used = children()
    check, _ = timed(lambda: subprocess.run(command, check=True, capture_output=True))
    used = children() - used
    print(
        f"{queues:7} {bare:11.2f} {load:6.2f} ({load / bare:4.1f}) {judge:9.2f} {same:14.2f} {other:14.2f}"
        f" {check:7.2f} {used:5.2f} {memory:8.1f}"
    )


def main() -> None:
    sizes = [int(a) for a in sys.argv[1:]] or [10, 100, 1000, 2000, 10_000]
    print("seconds                  (ratio)            with reload: nothing / all            MB for")
    print(" queues configparser   load         semantics     changed        changed   check   CPU   queues")
    for queues in sizes:
        with tempfile.TemporaryDirectory() as folder:
            bench(Path(folder), queues)


if __name__ == "__main__":
    main()
