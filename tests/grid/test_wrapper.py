"""The wrapper as a process beside a real users' pool, which has no machines of its own."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patience import SOON, until
from testbed.pool import ACCESS_POINT, NEGOTIATED, Pool
from testbed.settings import DOMAIN
from wrapperkit import Wrapper, processes_of

GLIDEIN = f"glidein@{DOMAIN}"
LIMITS = ("READ", "ADVERTISE_STARTD", "ADVERTISE_MASTER")
Start = Callable[..., Wrapper]


@pytest.fixture(scope="module")
def vo(make_pool: Callable[..., Pool]) -> Pool:
    return make_pool("vo", NEGOTIATED, members=(GLIDEIN,))


@pytest.fixture
def token(vo: Pool, tmp_path: Path) -> Path:
    return write_token(tmp_path, vo.token(GLIDEIN, authz=LIMITS))


@pytest.fixture
def start(vo: Pool, token: Path, tmp_path: Path) -> Iterator[Start]:
    """``start(label, *arguments, **environment)``; later arguments replace ours."""
    quick = tmp_path / "quick.config"
    quick.write_text("UPDATE_INTERVAL = 1\n")
    running = []

    def start(label: str, *arguments: str | Path, **environment: str) -> Wrapper:
        ours = ["--pool", vo.collector, "--label", label, "--token", token, "--condor", vo.condor.release]
        ours += ["--idle", "10", "--grace", "2", "--config", quick]
        wrapper = Wrapper(tmp_path / f"pilot{len(running)}", [*ours, *arguments], environment)
        running.append(wrapper)
        return wrapper

    yield start
    for wrapper in running:
        wrapper.stop()


def write_token(directory: Path, text: str) -> Path:
    path = directory / "pool.token"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def submit(vo: Pool, label: str, script: str, *lines: str) -> str:
    """Queue a job that runs `script` in a shell, with further or other submit commands; return its id."""
    quoted = script.replace("'", "''").replace('"', '""')
    commands = [
        "executable = /bin/sh",
        f"arguments = \"-c '{quoted}'\"",
        "transfer_executable = false",
        "should_transfer_files = yes",
        "skip_filechecks = true",
        "request_memory = 100",
        f'+MATCH_APF_QUEUE = "{label}"',
        *lines,
        "queue",
    ]
    done = vo.run("condor_submit", "-terse", "-", input="\n".join(commands) + "\n")
    return done.stdout.split()[0]


def ended(vo: Pool, job: str) -> str:
    """What the schedd knows of a finished job's end: its exit code, or "signal 9"."""
    words = ("ExitBySignal", "ExitCode", "ExitSignal")
    [line] = vo.run("condor_history", job, "-limit", "1", "-af", *words).stdout.splitlines() or [""]
    by_signal, code, number = line.split()
    return f"signal {number}" if by_signal == "true" else code


def status(vo: Pool, job: str) -> int:
    """JobStatus of a job in the queue: 1 idle, 2 running."""
    return int(vo.run("condor_q", job, "-af", "JobStatus").stdout)


def slots(vo: Pool, *expressions: str) -> str:
    """What glideins in the pool advertise, comma-separated; empty while there are none."""
    only = ("-const", 'SlotType == "Partitionable"')
    return vo.run("condor_status", *only, "-af:,", *expressions).stdout.strip()


def wait_executing(wrapper: Wrapper, command: str) -> None:
    """Until a payload of `wrapper` has come to `command`."""
    until(lambda: command in processes_of(wrapper.directory).values(), f"{command} runs", every=0.2)


def test_it_runs_the_jobs_of_its_label_and_leaves(vo: Pool, token: Path, start: Start) -> None:
    jobs = [submit(vo, "mc", "sleep 1") for _ in range(3)]
    probe = submit(vo, "mc", "! env | grep APF_PROBE && grep -q SigIgn:.*[01]$ /proc/self/status")
    other = submit(vo, "other", "true")
    ours = {"APFCID": "7.3", "FACTORYQUEUE": 'q "1" $(LOG)', "APFFID": "f1", "APF_PROBE": "1"}
    outer = {"CONDOR_CONFIG": "/nowhere", "_CONDOR_START": "False", "_condor_NUM_CPUS": "7"}
    wrapper = start("mc", "--cpus", "2", **ours, **outer)
    ad = until(lambda: slots(vo, "APFCID", "FACTORYQUEUE", "TotalCpus"), "the slot is listed", every=0.2)
    assert ad == "7.3, q 1 $(LOG), 2.0"
    result = wrapper.end()
    assert (result.code, result.summary["reason"]) == (0, "idle"), result.output
    assert result.counts() == (4, 4, 0, 0, 0)
    assert [ended(vo, job) for job in [*jobs, probe]] == ["0"] * 4
    assert status(vo, other) == 1
    assert "APFCID=7.3" in result.output and "APFFID=f1" in result.output
    assert token.read_text().split(".")[1] not in result.output


def test_every_payload_is_told_by_its_fate(vo: Pool, start: Start) -> None:
    bad, killed, good = (submit(vo, "fate", script) for script in ("exit 7", "kill -9 $$", "true"))
    broken = submit(vo, "fate", "", "executable = /nonexistent/program")
    starved = submit(vo, "fate", "true", "transfer_input_files = /nonexistent/input")
    removed = submit(vo, "fate", "sleep 4711")
    wrapper = start("fate", "--cpus", "6")
    wait_executing(wrapper, "sleep 4711")
    vo.run("condor_rm", removed)
    result = wrapper.end()
    assert (result.code, result.summary["reason"]) == (20, "idle"), result.output
    assert result.counts() == (6, 1, 3, 2, 0), result.output
    assert [ended(vo, job) for job in (bad, killed, good)] == ["7", "signal 9", "0"]
    for line in (f"failed {bad} exit code 7", f"failed {killed} signal 9", f"removed {removed}",
                 f"unstarted {broken}", f"unstarted {starved}"):  # fmt: skip
        assert f"\n{line}\n" in result.output
    vo.run("condor_rm", broken, starved)


def test_without_work_it_leaves_and_says_that_it_ran_nothing(start: Start) -> None:
    result = start("nothing").end()
    assert (result.code, *result.counts()) == (0, 0, 0, 0, 0, 0), result.output
    assert result.summary["joined"] != "never"


def test_a_further_condition_holds_as_well(vo: Pool, start: Start) -> None:
    small, large = submit(vo, "cond", "true"), submit(vo, "cond", "true")
    vo.run("condor_qedit", large, "APF_Size", "100")
    result = start("cond", "--start-expr", "TARGET.APF_Size =!= 100").end()
    assert (result.code, *result.counts()) == (0, 1, 1, 0, 0, 0), result.output
    assert (ended(vo, small), status(vo, large)) == ("0", 1)


@pytest.mark.parametrize("what", ["stranger", "forged", "other pool's"])
def test_a_refused_token_is_told_at_once(
    what: str, vo: Pool, start: Start, token: Path, tmp_path: Path, make_pool: Callable[..., Pool]
) -> None:
    if what == "stranger":
        text = vo.token("stranger")
    elif what == "forged":
        text = token.read_text().strip()[:-8] + "AAAAAAAA"
    else:
        text = make_pool("elsewhere", ("MASTER", "COLLECTOR")).token(GLIDEIN)
    result = start("mc", "--token", write_token(tmp_path, text)).end()
    assert (result.code, result.summary["reason"]) == (14, "refused"), result.output
    assert result.seconds < SOON


def test_an_expired_token_is_not_even_shown(vo: Pool, start: Start, tmp_path: Path) -> None:
    text = vo.token(GLIDEIN, lifetime=1)
    time.sleep(1.5)
    result = start("mc", "--token", write_token(tmp_path, text)).end()
    assert result.code == 12, result.output


def test_a_pool_that_cannot_be_reached(start: Start) -> None:
    result = start("mc", "--pool", "127.0.0.1:9", "--join", "2").end()
    assert (result.code, result.summary["reason"]) == (13, "unreachable"), result.output


def test_a_pool_that_hangs(start: Start, make_pool: Callable[..., Pool]) -> None:
    stuck = make_pool("stuck", ACCESS_POINT)
    os.kill(stuck.pid_of("COLLECTOR"), signal.SIGSTOP)
    result = start("mc", "--pool", stuck.collector, "--join", "2").end()
    assert (result.code, result.summary["reason"]) == (13, "unreachable"), result.output
    assert result.seconds < SOON


def test_term_during_a_payload_ends_it_and_gives_the_job_back(vo: Pool, start: Start) -> None:
    stubborn = "trap true TERM; setsid sleep 4712 & while true; do sleep 1; done"
    job = submit(vo, "term", stubborn)
    wrapper = start("term")
    wait_executing(wrapper, "sleep 4712")
    wrapper.process.terminate()
    result = wrapper.end()
    assert (result.code, *result.counts()) == (143, 1, 0, 0, 0, 1), result.output
    until(lambda: status(vo, job) == 1, "the job is idle again")
    vo.run("condor_rm", job)


def test_it_retires_and_then_ends_at_its_lifetime(vo: Pool, start: Start) -> None:
    long = submit(vo, "old", "sleep 4713")
    wrapper = start("old", "--lifetime", "35", "--retire", "10", "--cpus", "2")
    wait_executing(wrapper, "sleep 4713")
    until(lambda: slots(vo, "APF_RETIRE_AT < time()") == "true", "the slot retires", every=0.2)
    late = submit(vo, "old", "true")
    result = wrapper.end()
    assert (result.code, result.summary["reason"]) == (21, "lifetime"), result.output
    assert result.counts() == (1, 0, 0, 0, 1)
    assert status(vo, late) == 1, "nothing starts in the last part of the lifetime"
    vo.run("condor_rm", long, late)


def test_a_black_hole_takes_no_more_jobs(vo: Pool, start: Start) -> None:
    """Two that failed at once close it; what waits is left for other nodes, and the node counts as faulty."""
    bad = [submit(vo, "hole", "exit 1") for _ in range(2)]
    wrapper = start("hole", "--blackhole", "2", "--idle", "600", "--lifetime", "900")
    until(lambda: "starting no more jobs: black-hole" in wrapper.output, "the latch closes", every=0.3)
    until(lambda: slots(vo, "unparse(Start)") == "false", "the pool sees it", every=0.3)
    late = submit(vo, "hole", "true")
    wrapper.process.terminate()
    result = wrapper.end()
    assert (result.code, *result.counts()) == (143, 2, 0, 2, 0, 0), result.output
    assert [ended(vo, job) for job in bad] == ["1", "1"]
    until(lambda: status(vo, late) == 1, "the late job waits")
    vo.run("condor_rm", late)


def test_a_black_hole_leaves_by_itself(vo: Pool, start: Start) -> None:
    jobs = [submit(vo, "leaves", "exit 1") for _ in range(2)]
    result = start("leaves", "--blackhole", "2", "--idle", "20").end()
    assert (result.code, result.summary["reason"]) == (20, "black-hole"), result.output
    assert [ended(vo, job) for job in jobs] == ["1", "1"]


def test_good_jobs_keep_the_latch_open(vo: Pool, start: Start) -> None:
    jobs = [submit(vo, "open", "exit 1"), submit(vo, "open", "true")]
    result = start("open", "--blackhole", "2", "--idle", "20").end()
    assert (result.code, result.summary["reason"]) == (20, "idle"), result.output
    assert [ended(vo, job) for job in jobs] == ["1", "0"]


def test_term_drains_it(vo: Pool, start: Start, tmp_path: Path) -> None:
    """The job that runs may end, no other starts, and then it leaves."""
    there, go = tmp_path / "there", tmp_path / "go"
    job = submit(vo, "drain", f"touch {there}; while [ ! -e {go} ]; do sleep 0.2; done; sleep 0.4715")
    wrapper = start("drain", "--drain", "600", "--cpus", "2", "--idle", "600")
    until(there.exists, "the job runs", every=0.05)
    wrapper.process.terminate()
    # The expression itself: beside no job its value is false from the beginning.
    until(lambda: slots(vo, "unparse(Start)") == "false", "no more jobs are let in", every=0.3)
    late = submit(vo, "drain", "true")
    go.touch()
    result = wrapper.end()
    assert (result.code, *result.counts()) == (143, 1, 1, 0, 0, 0), result.output
    assert ended(vo, job) == "0"
    # Its schedd may have tried to go on with the claim, and been refused: then it has to notice that first.
    until(lambda: status(vo, late) == 1, "the late job waits")
    vo.run("condor_rm", late)


def test_term_before_it_is_listed_ends_it(start: Start) -> None:
    """HTCondor runs, so that a job might; as none does, there is nothing to wait for."""
    wrapper = start("early", "--drain", "600", "--idle", "600")
    running = lambda: " ".join(processes_of(wrapper.directory).values())  # noqa: E731
    until(lambda: "condor_master" in running(), "HTCondor to start", every=0.05)
    wrapper.process.terminate()
    result = wrapper.end()
    assert (result.code, *result.counts()) == (143, 0, 0, 0, 0, 0), result.output
    assert result.summary["reason"] == "TERM"


def test_what_is_not_done_by_the_end_of_the_drain_is_given_back(vo: Pool, start: Start) -> None:
    job = submit(vo, "short", "sleep 4716")
    wrapper = start("short", "--drain", "3", "--idle", "600")
    wait_executing(wrapper, "sleep 4716")
    wrapper.process.terminate()
    result = wrapper.end()
    assert (result.code, result.summary["reason"]) == (143, "TERM"), result.output
    assert result.counts() == (1, 0, 0, 0, 1), result.output
    until(lambda: status(vo, job) == 1, "the job is idle again")
    vo.run("condor_rm", job)


@pytest.mark.parametrize("killed", ["condor_startd", "condor_"])
def test_killed_daemons_leave_nothing_and_their_payload_counts_as_cut(
    vo: Pool, start: Start, killed: str
) -> None:
    job = submit(vo, killed, "sleep 4714")
    wrapper = start(killed)
    wait_executing(wrapper, "sleep 4714")
    for pid, command in processes_of(wrapper.directory).items():
        if killed in command.split()[0]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    result = wrapper.end()
    assert (result.code, *result.counts()) == (15, 1, 0, 0, 0, 1), result.output
    vo.run("condor_rm", job)
