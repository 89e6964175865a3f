"""Pilots to batch systems through blahp: to a real Slurm, and to commands that record what they are asked.

No PBS, LSF or Grid Engine can be had: for these blahp's own scripts run, and a stand-in takes the job.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.why.holds import kind_of
from factorybox import Box, InProcess
from patience import until
from sitekit import looked_at, step
from testbed import blahp
from testbed.condor import Condor
from testbed.pool import Pool
from testbed.slurm import Slurm
from testbed.sshd import SSHD

PILOT = """#!/bin/sh
echo "queue=$FACTORYQUEUE cid=$APFCID words=$1,$2"
echo "where=$SLURM_JOB_PARTITION,$SLURM_JOB_ACCOUNT"
echo "what=$SLURM_JOB_NUM_NODES,$SLURM_CPUS_ON_NODE,$SLURM_MEM_PER_NODE"
echo "seconds=$((SLURM_JOB_END_TIME - SLURM_JOB_START_TIME))"
echo "to stderr" >&2
"""
ASKED = {
    "batchsubmit.cores": "2",
    "batchsubmit.memory": "300",
    "batchsubmit.walltime": "30",
    "batchsubmit.project": "atlas",
}
HELD = ("JobStatus", "HoldReason", "HoldReasonCode")


@pytest.fixture(scope="module")
def slurm(place: Path) -> Iterator[Slurm]:
    with Slurm(place / "slurm") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def to_slurm(slurm: Slurm, condor_folder: Condor, place: Path) -> Iterator[Pool]:
    """An access point on the cluster's login node."""
    with Pool(place / "ap", "ap", condor=condor_folder, variables=slurm.blahp(condor_folder)) as pool:
        yield pool


def box(folder: Path, ap: Pool, name: str, plugin: str, **options: str) -> Box:
    """Return a factory with one queue that sends one pilot."""
    made = Box(folder / "f", ap, name)
    for path in (made.folder, *made.folder.parents[:2]):
        path.chmod(0o755)
    pilot = made.folder / "pilot.sh"
    pilot.write_text(PILOT)
    pilot.chmod(0o755)
    made.queue(
        "q1",
        batchsubmitplugin=plugin,
        schedplugin="Ready, MaxToSubmit",
        executable=str(pilot),
        **{"executable.arguments": "one two", "sched.maxtosubmit.maximum": "1"},
        **options,
    )
    made.work({"q1": 1})
    return made


def outputs(made: Box, ending: str = "out") -> list[Path]:
    return [f for f in (made.folder / "pilots").glob(f"*/*/*.{ending}") if f.stat().st_size]


def refused(made: Box) -> tuple[str, int]:
    """Wait until the pilot is held; return the reason and its code."""

    def held() -> list[str] | None:
        return next((row for row in made.ads(*HELD) if row[0] == "5"), None)

    with InProcess(made):
        _, reason, code = until(held, "the pilot to be held")
    return reason, int(code)


def test_a_pilot_runs_in_slurm_and_its_output_comes_back(tmp_path: Path, to_slurm: Pool) -> None:
    options = {**ASKED, "batchsubmit.queue": "grid", "sched.maxcores.maximum": "2"}
    made = box(tmp_path, to_slurm, "to-slurm", "CondorSlurm", **options)
    with InProcess(made):
        until(lambda: outputs(made) and outputs(made, "err"), "the pilot's output")
        until(lambda: made.pilots() == 0, "the pilot to leave the queue")
    (out,) = outputs(made)
    first, where, what, limit = out.read_text().splitlines()
    assert first == f"queue=q1 cid={out.stem} words=one,two"
    assert where == "where=grid,atlas"  # partition and account
    assert what == "what=1,2,300"  # nodes, cores, MB
    assert limit == "seconds=1800"
    (err,) = outputs(made, "err")
    assert err.read_text() == "to stderr\n"


def test_a_partition_that_is_not_there_is_told(tmp_path: Path, to_slurm: Pool) -> None:
    made = box(tmp_path, to_slurm, "no-partition", "CondorBatch", **{
        "batchsubmit.condorbatch.kind": "slurm", "batchsubmit.queue": "nosuch",
    })  # fmt: skip
    reason, code = refused(made)
    assert "invalid partition specified: nosuch" in reason
    assert kind_of(reason, code).code == "batch-refused"


def test_what_retire_takes_back_leaves_slurm_too(tmp_path: Path, slurm: Slurm, to_slurm: Pool) -> None:
    """A pilot that waits in Slurm is cancelled there when the schedd's job is removed."""
    made = box(tmp_path, to_slurm, "taken-back", "CondorSlurm", **{"batchsubmit.queue": "shut"})
    with InProcess(made):
        until(lambda: any(j["partition"] == "shut" for j in slurm.jobs()), "the pilot to wait in Slurm")
    to_slurm.run("condor_rm", "-constraint", 'ApfFactory == "taken-back"')

    def over() -> bool:
        return all(j["job_state"] == ["CANCELLED"] for j in slurm.jobs() if j["partition"] == "shut")

    until(over, "the job to be cancelled")


def test_a_look_at_a_local_batch_system(
    tmp_path: Path, slurm: Slurm, to_slurm: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**to_slurm.exports, **slurm.env}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{slurm.bin}:{os.environ['PATH']}")
    look = looked_at(box(tmp_path / "a", to_slurm, "look", "CondorSlurm", **{"batchsubmit.queue": "grid"}))
    assert {s["outcome"] for s in look["steps"]} == {"fine"}, look
    look = looked_at(box(tmp_path / "b", to_slurm, "look", "CondorSlurm", **{"batchsubmit.queue": "nosuch"}))
    assert (look["first_wrong"], look["who"]) == ("batch system", "us")
    assert "it has no partition nosuch, but " in step(look, "batch system")["words"]
    look = looked_at(box(tmp_path / "c", to_slurm, "look", "CondorLSF"))
    assert "not on the PATH of this host: bsub, bjobs" in step(look, "batch system")["words"]


# --- over ssh ---------------------------------------------------------------------------------------------

# What condor_remote_cluster writes there, but for where its folder is; with FS, since both are one host.
FT_GAHP = """BOSCO_SANDBOX_DIR = $ENV(HOME)/sandbox
LOG = $ENV(HOME)
FT_GAHP_LOG = $(LOG)/FTGahpLog
SEC_CLIENT_AUTHENTICATION_METHODS = FS
SEC_FS_ENFORCE_CHANNEL_BINDING = False
USE_SHARED_PORT = False
ENABLE_URL_TRANSFERS = False
NETWORK_INTERFACE = 127.0.0.1
ENABLE_IPV6 = False
"""


@pytest.fixture(scope="module")
def login_node(place: Path, slurm: Slurm, condor_folder: Condor) -> Iterator[SSHD]:
    """A host with Slurm's commands that was set up for remote submission."""
    server = SSHD(place / "sshd")
    server.create()
    remote = server.home / "bosco/glite"
    for name in ("bin", "etc"):
        (remote / name).mkdir(parents=True)
    for program in [*(condor_folder.release / "bin").glob("blah*"), condor_folder.sbin / "condor_ft-gahp"]:
        (remote / "bin" / program.name).symlink_to(program)
    for name in ("sbin", "libexec"):
        (remote / name).symlink_to(condor_folder.release / name)
    (remote / "etc/condor_config.ft-gahp").write_text(FT_GAHP)
    variables = {**slurm.blahp(condor_folder), "BLAHPD_LOCATION": str(remote)}
    profile = "".join(f"export {key}={value}\n" for key, value in variables.items())
    (server.home / ".bash_profile").write_text(profile)
    (server.home / "sandbox").mkdir()
    server.start()
    yield server
    server.stop()


def over_ssh(folder: Path, ap: Pool, server: SSHD, name: str) -> Box:
    keys = {
        "batch": "slurm",
        "host": "127.0.0.1",
        "port": str(server.port),
        "user": server.user,
        "privkeyfile": str(server.key),
    }
    options = {f"batchsubmit.condorssh.{key}": value for key, value in keys.items()}
    return box(folder, ap, name, "CondorSSH", **options, **{"batchsubmit.queue": "grid"})


@pytest.fixture
def ssh_client(login_node: SSHD, condor_folder: Condor, place: Path) -> Iterator[Pool]:
    """An access point that has no batch system of its own."""
    path = (login_node.commands, condor_folder.bin, condor_folder.sbin, os.environ["PATH"])
    variables = {"PATH": ":".join(map(str, path))}
    with Pool(place / "client", "client", condor=condor_folder, variables=variables) as pool:
        yield pool


def test_a_pilot_runs_in_slurm_over_ssh(tmp_path: Path, login_node: SSHD, ssh_client: Pool) -> None:
    made = over_ssh(tmp_path, ssh_client, login_node, "over-ssh")
    with InProcess(made):
        until(lambda: outputs(made), "the pilot's output")
        until(lambda: made.pilots() == 0, "the pilot to leave the queue")
    (out,) = outputs(made)
    first, where, *_ = out.read_text().splitlines()
    assert (first, where) == (f"queue=q1 cid={out.stem} words=one,two", "where=grid,")


def test_a_host_key_that_is_not_known_is_refused(
    tmp_path: Path, login_node: SSHD, ssh_client: Pool
) -> None:
    known = login_node.known_hosts.read_text()
    login_node.known_hosts.write_text(known.replace("AAAA", "AAAB", 1))
    made = over_ssh(tmp_path, ssh_client, login_node, "wrong-host")
    try:
        with InProcess(made):
            until(
                lambda: any(row[0].isdigit() for row in made.ads("GridResourceUnavailableTime")),
                "the host to count as down",
            )
            assert [row[0] for row in made.ads("JobStatus")] == ["1"]
    finally:
        login_node.known_hosts.write_text(known)


def test_a_look_over_ssh(
    tmp_path: Path, login_node: SSHD, ssh_client: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ssh_client.exports.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{login_node.commands}:{os.environ['PATH']}")
    made = over_ssh(tmp_path, ssh_client, login_node, "look")
    look = looked_at(made)
    assert look["outcome"] == "doubtful", look
    assert "find blahp; not on the PATH there: sbatch, squeue" in step(look, "log in")["words"]

    made.queues["q1"]["batchsubmit.condorssh.remotefolder"] = "nowhere"
    assert "nowhere there has no blahp" in step(looked_at(made), "log in")["words"]
    del made.queues["q1"]["batchsubmit.condorssh.remotefolder"]

    made.queues["q1"]["batchsubmit.condorssh.privkeyfile"] = str(tmp_path / "no-key")
    look = looked_at(made)
    assert (look["first_wrong"], look["who"]) == ("log in", "credentials"), look

    known = login_node.known_hosts.read_text()
    login_node.known_hosts.write_text(known.replace("AAAA", "AAAB", 1))
    made.queues["q1"]["batchsubmit.condorssh.privkeyfile"] = str(login_node.key)
    try:
        look = looked_at(made)
    finally:
        login_node.known_hosts.write_text(known)
    assert (look["first_wrong"], look["who"]) == ("log in", "us"), look
    assert "known_hosts" in step(look, "log in")["next"]


# --- batch systems that cannot be had ---------------------------------------------------------------------

# Takes a job as qsub or bsub do, keeps its script, and says that it waits; a stand-in, for the words only.
STAND_IN = """#!/bin/sh
here=$(dirname "$0")/..
case $(basename "$0") in
    qsub) cp "$1" "$here/script"; printf '%s\\n' "$@" > "$here/arguments"; {qsub} ;;
    bsub) cat > "$here/script"; echo "Job <7> is submitted to queue <grid>." ;;
    lsid) echo "My cluster name is test" ;;
    *) exit 0 ;;  # an empty queue
esac
"""
ANSWERS = {"pbs": "echo 7.server", "lsf": ":", "sge": 'echo Your job 7 \\(\\"pilot\\"\\) has been submitted'}
WORDS: dict[str, list[str]] = {
    "pbs": ["-l nodes=1:ppn=2", "-l mem=300mb", "-l walltime=1800", "-A atlas", "-q grid"],
    "lsf": ["-n 2", 'span[ptile=2]', "-M 300MB -R rusage[mem=300MB]", "-W 30", "-P atlas", "-q grid"],
    "sge": ["-pe * 2", "-l h_vmem=150M", "-l h_rt=1800", "-A atlas", "-q grid"],
}  # fmt: skip


def stand_in(folder: Path, condor: Condor, kind: str) -> dict[str, str]:
    commands = folder / "bin"
    commands.mkdir(parents=True)
    program = commands / "stand-in"
    program.write_text(STAND_IN.replace("{qsub}", ANSWERS[kind]))
    program.chmod(0o755)
    for name in ("qsub", "bsub", "lsid", "qstat", "bhist", "bjobs", "tracejob"):
        (commands / name).symlink_to("stand-in")
    (folder / "lsf.conf").write_text(f"LSB_SHAREDIR={folder}\nLSF_CONFDIR={folder}\n")
    settings = {
        f"{kind}_binpath": commands,
        "lsf_confpath": folder,
        "lsf_nologaccess": "yes",  # there are no server logs to look into
        "sge_pe_policy": '"*"',
    }
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    found = blahp.configure(condor, folder / "blahp", **settings)
    return {**found, "PATH": f"{commands}:{os.environ['PATH']}"}


@pytest.mark.parametrize("kind", list(WORDS))
def test_what_other_batch_systems_are_asked(
    tmp_path: Path, place: Path, condor_folder: Condor, kind: str
) -> None:
    folder = place / kind
    folder.mkdir()
    variables = stand_in(folder / "site", condor_folder, kind)
    with Pool(folder / "ap", kind, condor=condor_folder, variables=variables) as ap:
        plugin = {"pbs": "CondorPBS", "lsf": "CondorLSF", "sge": "CondorSGE"}[kind]
        made = box(tmp_path, ap, f"to-{kind}", plugin, **ASKED, **{"batchsubmit.queue": "grid"})
        script = folder / "site/script"
        with InProcess(made):
            until(lambda: script.exists() and script.stat().st_size, "the script to arrive")
            until(lambda: f"{kind}/" in "".join(f.read_text() for f in outputs(made, "log")), "its number")
        text = script.read_text()
    for words in WORDS[kind]:
        assert words in text, f"{words!r} is not in:\n{text}"
    assert "FACTORYQUEUE=q1" in text
