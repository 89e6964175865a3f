"""What the child process costs: each call through the client against the same call on the bare bindings.

    bin/as-user .venv/bin/python tests/bench/bench_condor_client.py [JOBS]

Starts an access point of its own, fills it with JOBS (10,000) jobs in 1,000 queues, and prints medians of
wall time and their ratios. Both sides of a ratio take turns, so that they meet the same machine.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "misc"))

import htcondor2

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.target import Target
from testbed.pool import Pool

QUEUES = 1000
JOB = {"executable": "/bin/true", "initialdir": "/", "requirements": "false", "+ApfFactory": '"bench"'}
GROUP = ["MATCH_APF_QUEUE", "JobStatus"]
WHERE = 'ApfFactory == "bench"'


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(what: str, ours: Callable[[], object], bare: Callable[[], object], times: int) -> None:
    ours(), bare()
    pairs = [(seconds(ours), seconds(bare)) for _ in range(times)]
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{what:28} {mine * 1000:9.2f} ms {theirs * 1000:9.2f} ms   ratio {mine / theirs:5.2f}")


def fill(client: CondorClient, jobs: int) -> None:
    per_queue = max(1, jobs // QUEUES)
    for number in range(jobs // per_queue):
        queue = JOB | {"+MATCH_APF_QUEUE": f'"queue{number % QUEUES}"', "hold": str(number % 3 == 0)}
        client.submit(queue, per_queue, deadline=60)


def memory(pid: int) -> str:
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    )
    kb = {name: int(fields[name].split()[0]) for name in ("Rss", "Pss", "Private_Dirty")}
    return ", ".join(f"{name} {value / 1024:.0f} MB" for name, value in kb.items())


def bench(pool: Pool, jobs: int) -> None:
    client = CondorClient(Target(pool.schedd, pool.collector), recycle_after=10**9)
    schedd = htcondor2.Schedd(
        htcondor2.Collector(pool.collector).locate(htcondor2.DaemonType.Schedd, pool.schedd)
    )
    first = seconds(lambda: client.locate(deadline=60))
    print(f"first call, with the start of the child: {first * 1000:.0f} ms")
    assert client.pid is not None
    print(f"the child after it: {memory(client.pid)}")
    start = time.perf_counter()
    fill(client, jobs)
    print(f"{jobs} jobs submitted in {time.perf_counter() - start:.1f} s\n")
    print(f"{'':28} {'client':>12} {'bindings':>12}")
    names = [*GROUP, "ApfFactory"]
    compare(
        f"counts, {jobs} jobs",
        lambda: client.counts(GROUP, "true", deadline=60),
        lambda: schedd.query("true", GROUP, opts=htcondor2.QueryOpt.GroupBy),
        20,
    )
    compare(
        "counts of one factory",
        lambda: client.counts(GROUP, WHERE, deadline=60),
        lambda: schedd.query(WHERE, names, opts=htcondor2.QueryOpt.GroupBy),
        20,
    )
    compare(
        "query, all jobs, 3 attributes",
        lambda: client.query("true", names, deadline=60),
        lambda: [[ad.get(name) for name in names] for ad in schedd.query("true", names)],
        7,
    )
    compare(
        "query, 1 job",
        lambda: client.query("true", names, limit=1, deadline=60),
        lambda: schedd.query("true", names, limit=1),
        50,
    )
    for count, times in ((1, 100), (10, 50), (100, 15), (1000, 5)):
        compare(
            f"submit {count}",
            lambda count=count: client.submit(JOB, count, deadline=60),
            lambda count=count: schedd.submit(htcondor2.Submit(JOB), count=count),
            times,
        )
    print(f"\nthe child at the end: {memory(client.pid)}")
    client.close()


if __name__ == "__main__":
    htcondor2.param["SEC_FS_ENFORCE_CHANNEL_BINDING"] = "False"
    with (
        tempfile.TemporaryDirectory(prefix="apf-bench-") as directory,
        Pool(Path(directory) / "ap", "bench", settings={"MAX_JOBS_PER_OWNER": "1000000"}) as bench_pool,
    ):
        bench(bench_pool, int(sys.argv[1]) if len(sys.argv) > 1 else 10000)
