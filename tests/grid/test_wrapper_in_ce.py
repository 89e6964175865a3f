"""The wrapper as a pilot has it: in the sandbox of an HTCondor CE's job."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from patience import until
from testbed.pool import NEGOTIATED, SITE, Pool
from testbed.settings import DOMAIN
from wrapperkit import WRAPPER, processes_of

GLIDEIN = f"glidein@{DOMAIN}"
LIMITS = ("READ", "ADVERTISE_STARTD", "ADVERTISE_MASTER")
SUMMARY = re.compile(r"^APF-WRAPPER: payloads=1 ok=0 failed=1 .* reason=idle exit=20$", re.MULTILINE)


def test_it_serves_from_within_a_job_of_another_htcondor(
    make_pool: Callable[..., Pool], place: Path, tmp_path: Path
) -> None:
    vo = make_pool("vo", NEGOTIATED, members=(GLIDEIN,))
    ce = make_pool("ce", SITE)
    vo.write_secret(place / "pool.token", vo.token(GLIDEIN, authz=LIMITS))
    _submit(
        vo,
        "executable = /bin/sh",
        "arguments = \"-c 'sleep 1; exit 3'\"",
        "transfer_executable = false",
        "request_memory = 100",
        '+MATCH_APF_QUEUE = "mc"',
    )
    ours = ["--pool", vo.collector, "--label", "mc", "--condor", str(vo.condor.release), "--idle", "3"]
    output, errors = tmp_path / "pilot.out", tmp_path / "pilot.err"
    _submit(
        ce,
        f"executable = {WRAPPER}",
        f"arguments = {' '.join(ours)} --token pool.token",
        'environment = "APFCID=1.0 APFFID=factory"',
        f"transfer_input_files = {place}/pool.token",
        f"output = {output}",
        f"error = {errors}",
    )
    pilot = until(lambda: _exit_code(ce), "the pilot ends", every=0.3)
    text = output.read_text() + errors.read_text()
    assert pilot == "20", text
    assert SUMMARY.search(text), text
    assert _exit_code(vo) == "3"
    assert not processes_of(ce.directory / "execute")
    assert os.listdir(ce.directory / "execute") == []


def _submit(pool: Pool, *lines: str) -> None:
    commands = ["should_transfer_files = yes", "when_to_transfer_output = on_exit", *lines, "queue"]
    pool.run("condor_submit", "-", input="\n".join(commands) + "\n")


def _exit_code(pool: Pool) -> str:
    """Of the one job that the pool has had; empty until it has ended."""
    return pool.run("condor_history", "-af", "ExitCode").stdout.strip()
