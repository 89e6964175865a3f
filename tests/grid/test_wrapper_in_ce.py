"""The wrapper as a pilot has it: in the sandbox of an HTCondor CE's job."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from testbed.pool import NEGOTIATED, SITE, Pool
from testbed.settings import DOMAIN
from testbed.waiting import until
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
    _submit(vo, """
        executable = /bin/sh
        arguments = "-c 'sleep 1; exit 3'"
        transfer_executable = false
        should_transfer_files = yes
        request_memory = 100
        +MATCH_APF_QUEUE = "mc"
    """)  # fmt: skip
    output = tmp_path / "pilot.out"
    _submit(
        ce,
        f"""
        executable = {WRAPPER}
        arguments = --pool {vo.collector} --label mc --token pool.token --condor {vo.condor.release} --idle 3
        environment = "APFCID=1.0 APFFID=factory"
        should_transfer_files = yes
        when_to_transfer_output = on_exit
        transfer_input_files = {place}/pool.token
        output = {output}
        error = {tmp_path}/pilot.err
        log = {tmp_path}/pilot.log
    """,
    )
    pilot = until(
        lambda: ce.run("condor_history", "-af", "ExitCode").stdout.strip(), 60, "the pilot", every=0.3
    )
    text = output.read_text() + (tmp_path / "pilot.err").read_text()
    assert pilot == "20", text
    assert re.search(r"^APF-WRAPPER: payloads=1 ok=0 failed=1 .* reason=idle exit=20$", text, re.MULTILINE), (
        text
    )
    assert vo.run("condor_history", job, "-af", "ExitCode").stdout.strip() == "3"
    assert not processes_of(ce.directory / "execute")
    assert os.listdir(ce.directory / "execute") == []


def _submit(pool: Pool, text: str) -> None:
    pool.run("condor_submit", "-", input=text + "\nqueue\n")


def _exit_code(pool: Pool) -> str:
    """Of the one job that the pool has had; empty until it has ended."""
    return pool.run("condor_history", "-af", "ExitCode").stdout.strip()
