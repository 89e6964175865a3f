"""The test bed itself: a pool starts, answers, restarts, stops, and leaves nothing behind however it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from patience import PATIENCE, until
from testbed.condor import Condor
from testbed.errors import TestbedError
from testbed.pool import ACCESS_POINT, SITE, Pool
from testbed.service import born

MISC = Path(__file__).parents[2] / "misc"

SLEEP = "executable = /bin/sleep\narguments = 600\ntransfer_executable = false\nlog = {log}\nqueue 2\n"

OWNER = """
import sys, time
from pathlib import Path
from testbed.condor import Condor
from testbed.pool import Pool, SITE
pool = Pool(Path(sys.argv[1]), "orphan", SITE, condor=Condor(Path(sys.argv[2])))
pool.start()
print(pool.service.pid, *pool.service.processes(), flush=True)
time.sleep(600)
"""


def submit_sleepers(pool: Pool) -> None:
    pool.run_client("condor_submit", input=SLEEP.format(log=pool.directory / "sleep.log"))


def job_states(pool: Pool) -> list[str]:
    return pool.run_client("condor_q", "-all", "-af", "JobStatus").stdout.split()


def gone(pids: list[int]) -> bool:
    return not any(born(pid) for pid in pids)


def test_times_and_nothing_left(make_pool: Callable[..., Pool], place: Path) -> None:
    for name, daemons in (("point", ACCESS_POINT), ("site", SITE)):
        pool = make_pool(name, daemons, start=False)
        begin = time.monotonic()
        pool.start()
        up = time.monotonic()
        pids = [pool.service.pid, *pool.service.processes()] if pool.service else []
        assert len(pids) > len(daemons)
        stopping = time.monotonic()
        pool.close()
        down = time.monotonic()
        print(f"\n{name}: up in {up - begin:.2f} s, down in {down - stopping:.2f} s, {len(pids)} processes")
        assert gone(pids)
        assert not pool.directory.exists()


def test_two_pools_side_by_side(ap: Pool, make_pool: Callable[..., Pool]) -> None:
    other = make_pool("other")
    submit_sleepers(ap)
    assert job_states(ap) == ["1", "1"]
    assert job_states(other) == []
    known = other.run_client("condor_status", "-schedd", "-af", "Name").stdout.split()
    assert known == [other.schedd]


def test_job_queues_of_one_name_differ_also_when_made_in_the_same_second(
    condor_folder: Condor, place: Path
) -> None:
    pools = [Pool(place / f"twin{i}", "twin", condor=condor_folder) for i in range(2)]

    def told(attribute: str) -> list[str]:
        for pool in pools:
            pool.wait_ready(PATIENCE)
        return [pool.run_client("condor_status", "-schedd", "-af", attribute).stdout for pool in pools]

    with contextlib.ExitStack() as stack:
        for pool in pools:
            stack.callback(pool.close)
            pool.spawn()
        assert len(set(told("Name"))) == 1
        before = told("JobQueueBirthdate")
        assert len(set(before)) == 2
        pools[0].stop()
        pools[0].spawn()
        assert told("JobQueueBirthdate") == before


def test_all_sockets_are_on_loopback(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool("closed", SITE)
    assert pool.service
    inodes = set()
    for pid in pool.service.processes():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # they come and go
                inodes.add(os.readlink(link))
    addresses = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            words = line.split()
            if f"socket:[{words[9]}]" in inodes:
                addresses.add(words[1].split(":")[0])
    assert addresses == {"0100007F"}  # 127.0.0.1, as the kernel prints it


def test_restart_keeps_port_queue_and_tokens(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool("again", methods=("IDTOKENS",), members=("pilot@grid.test",))
    collector = pool.collector
    pool.write_secret(pool.directory / "client/tokens.d/mine", pool.token("pilot") + "\n")
    submit_sleepers(pool)
    pool.restart()
    assert pool.collector == collector
    assert job_states(pool) == ["1", "1"]
    ping = pool.run_client("condor_ping", "-type", "schedd", "-name", pool.schedd, "WRITE")
    assert "succeeded as pilot@grid.test" in ping.stdout


def test_a_killed_schedd_comes_back(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool("phoenix")
    submit_sleepers(pool)
    first = pool.pid_of("SCHEDD")
    os.kill(first, signal.SIGKILL)

    def answers() -> bool:
        done = pool.run_client("condor_q", "-all", "-af", "JobStatus", check=False)
        return done.returncode == 0 and done.stdout.split() == ["1", "1"]

    until(answers, "the schedd answers again")
    assert pool.pid_of("SCHEDD") != first


def test_stop_while_the_schedd_hangs(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool("frozen", SITE)
    assert pool.service
    pids = [pool.service.pid, *pool.service.processes()]
    os.kill(pool.pid_of("SCHEDD"), signal.SIGSTOP)
    begin = time.monotonic()
    pool.stop()
    print(f"\nstopped in {time.monotonic() - begin:.2f} s")
    assert gone(pids)


@pytest.mark.parametrize("hanging", [False, True], ids=["healthy", "schedd-hangs"])
def test_nothing_left_when_the_owner_is_killed(condor_folder: Condor, place: Path, hanging: bool) -> None:
    directory = place / f"orphan-{hanging}"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(directory), str(condor_folder.release)],
        env=os.environ | {"PYTHONPATH": str(MISC)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert owner.stdout
    pids = [int(word) for word in owner.stdout.readline().split()]
    assert len(pids) > len(SITE)
    if hanging:
        schedd = next(pid for pid in pids if b"condor_schedd" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(schedd, signal.SIGSTOP)
    begin = time.monotonic()
    owner.kill()
    owner.wait()
    owner.stdout.close()
    until(lambda: gone(pids), "all processes gone")
    print(f"\nall gone {time.monotonic() - begin:.2f} s after the kill")
    assert list(directory.iterdir()) == []


def test_nothing_left_when_the_keeper_is_killed(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool("unkept", SITE)
    assert pool.service
    pids = list(pool.service.processes())
    os.kill(pool.service.pid, signal.SIGKILL)
    until(lambda: gone(pids), "all daemons gone")


def test_a_failing_start_says_what_the_master_said(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool("broken", start=False, SCHEDD="/nowhere/condor_schedd")
    with pytest.raises(TestbedError, match="/nowhere/condor_schedd"):
        pool.start(timeout=3)
    assert not pool.alive()


def test_current_bindings_submit_and_query(ap: Pool) -> None:
    program = (
        "import htcondor2 as h, sys\n"
        "schedd = h.Schedd(h.Collector(sys.argv[1]).locate(h.DaemonType.Schedd, sys.argv[2]))\n"
        "job = {'executable': '/bin/sleep', 'arguments': '600', 'transfer_executable': 'false'}\n"
        "done = schedd.submit(h.Submit(job), count=3)\n"
        "print(len(schedd.query(f'ClusterId == {done.cluster()}', ['JobStatus'])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, ap.collector, ap.schedd],
        env=ap.env, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["3"], done.stderr


@pytest.mark.root
def test_root_starts_it_as_nobody(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool("dropped")
    assert pool.service
    pids = [pool.service.pid, *pool.service.processes()]
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in pids}
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    groups = {line.removeprefix("Groups:").strip() for line in lines if line.startswith("Groups:")}
    assert owners == {65534}
    assert groups == {""}
    submit_sleepers(pool)
    assert job_states(pool) == ["1", "1"]
