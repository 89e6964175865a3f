"""What a pilot really gets, wherever it runs: arguments, environment, attributes, files."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

from autopyfactory.plugins.processes import pilots
from factorybox import Box, InProcess, at_ce, last
from patience import until
from testbed.grid import Grid
from testbed.pool import SITE, Pool

DUMP = """#!/usr/bin/env python3
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "env": dict(os.environ)}))
"""
NASTY = r"batchsubmit.{}.condor_attributes.+Remark"


def run_one(box: Box, plugin: str, **options: str) -> tuple[dict[str, object], dict[str, str]]:
    """Let the factory send one pilot that dumps what it got; return that and its ad."""
    dump = box.folder / "dump.py"
    dump.write_text(DUMP)
    dump.chmod(0o755)
    box.folder.chmod(0o755)
    box.factory_options |= {"factoryUser": "somebody", "baseLogDirUrl": "http://host:1"}
    box.queue(
        "q/1",
        **{
            "batchsubmitplugin": {"condorce": "CondorCE", "condorlocal": "CondorLocal"}[plugin],
            "wmsqueue": "w",
            "schedplugin": "Ready, MaxToSubmit",
            "sched.maxtosubmit.maximum": "1",
            "executable": str(dump),
            "executable.arguments": "plain 'two words' \\d+ it''s",
            f"batchsubmit.{plugin}.environ": "'SPACED=a b' QUOTED=\"x\"",
            NASTY.format(plugin): '"say \\"hi\\", it\'s 5$"',
            **options,
        },
    )
    box.work({"w": 1})
    logs = box.folder / "pilots"
    with InProcess(box):
        until(lambda: any(f.stat().st_size for f in logs.glob("*/*/*.out")), "the pilot's output")
        until(lambda: box.pilots() == 0, "the pilot to leave the queue")
    (out,) = logs.glob("*/*/*.out")
    ads = box.ap.run("condor_history", "-json", "-limit", "1").stdout
    return json.loads(out.read_text()), json.loads(ads)[0]


def check(box: Box, got: dict[str, object], ad: dict[str, str]) -> None:
    env = got["env"]
    assert isinstance(env, dict)
    (out,) = (box.folder / "pilots").glob("*/*/*.out")
    cid, day = out.stem, out.parents[1].name
    assert env["APFFID"] == env["PANDA_JSID"] == box.name
    assert env["APFCID"] == cid
    assert env["FACTORYQUEUE"] == "q/1"
    assert env["FACTORYUSER"] == "somebody"
    assert env["GTAG"] == f"http://host:1/{day}/q_1/{cid}.out"
    assert env["FACTORY_JOBID"].endswith(f"#{cid}")
    assert (env["SPACED"], env["QUOTED"]) == ("a b", '"x"')
    assert got["argv"] == ["plain", "'two", "words'", "\\d+", "it''s"]  # 2.4's old syntax: no quoting in it
    assert ad["MATCH_APF_QUEUE"] == ad["APF_QUEUE"] == "q/1"
    assert ad["ApfFactory"] == box.name
    assert ad["FACTORY_JOBID"] == env["FACTORY_JOBID"]
    assert ad["APF_LOGURL"] == f"http://host:1/{day}/q_1/{cid}.log"
    assert ad["Remark"] == 'say "hi", it\'s 5$'
    names = {f.name for f in out.parent.iterdir()}
    assert names == {f"{cid}.out", f"{cid}.err", f"{cid}.log"}
    state = box.folder / "state"
    described = state / "submitted" / day / "q_1" / f"submit.{cid.partition('.')[0]}.jdl"
    assert described.stat().st_mode & 0o777 == 0o640  # what is published has no arguments and environment


def test_through_the_local_pool(tmp_path: Path, make_pool: Callable[..., Pool]) -> None:
    box = Box(tmp_path / "f", make_pool("site", SITE), "nasty-local")
    small = "request_memory=100, request_disk=1024"
    got, ad = run_one(box, "condorlocal", **{"batchsubmit.condorlocal.condor_attributes": small})
    check(box, got, ad)


def test_through_a_ce(tmp_path: Path, grid: Grid) -> None:
    box = Box(tmp_path / "f", grid.ap, "nasty-ce")
    got, ad = run_one(box, "condorce", **at_ce(grid, "ce1"))
    check(box, got, ad)


def test_as_local_processes(tmp_path: Path, ap: Pool) -> None:
    """`Exec`: the process table tells who runs, also to a factory that was started anew."""
    box = Box(tmp_path / "f", ap, "local-processes")
    box.factory_options |= {"batchstatus.exec.sleep": "1"}
    options = {
        "batchstatusplugin": "Exec",
        "batchsubmitplugin": "Exec",
        "executable": "/bin/sh",
        "executable.arguments": "-c 'env; exec sleep 120'",
        "sched.maxtorun.maximum": "3",
        "batchsubmit.exec.environ": "'SPACED=a b'",
    }
    box.queue("q1", **options)
    box.work({"q1": 9})
    outs = box.folder / "pilots"
    try:
        for _ in range(2):  # the second factory finds the pilots of the first
            with InProcess(box) as factory:
                until(lambda f=factory: "3 running, at most 3" in last(f, "q1"), "three pilots")
    finally:
        for pilot in pilots():
            if pilot.factory == box.name:
                os.kill(pilot.pid, signal.SIGKILL)
    files = list(outs.glob("*/*/*.out"))
    assert len(files) == 3
    text = files[0].read_text()
    assert "SPACED=a b" in text
    assert "FACTORYQUEUE=q1" in text
    assert f"APFCID={files[0].stem}" in text
