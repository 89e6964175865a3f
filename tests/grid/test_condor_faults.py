"""Schedds that hang, die and move, children that are killed: deadlines hold, no job is lost or doubled."""

import itertools
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from autopyfactory.condor.client import CondorClient, Submitted
from autopyfactory.condor.errors import CondorError, Overrun, Refused, Suspended, Unreachable, WorkerDied
from autopyfactory.condor.process import worker_command
from autopyfactory.condor.target import Target
from patience import PATIENCE, SOON, until
from testbed.pool import Pool
from testbed.ports import free_port

DEADLINE = PATIENCE
IDLE_JOB = {"executable": "/bin/true", "initialdir": "/", "requirements": "false"}
_tags = itertools.count()


@pytest.fixture(scope="module")
def other(make_pool) -> Pool:
    return make_pool("other")


@pytest.fixture(scope="module")
def pool(make_pool) -> Pool:
    return make_pool("who")


@pytest.fixture
def client(ap: Pool):
    client = CondorClient(Target(ap.schedd, ap.collector))
    client.locate(deadline=DEADLINE)
    yield client
    client.close()


@pytest.fixture
def stopped(ap: Pool):
    """The schedd of `ap`, stopped until `resume` is called."""

    class Stopped:
        pid = ap.pid_of("SCHEDD")

        def stop(self) -> None:
            os.kill(self.pid, signal.SIGSTOP)

        def resume(self) -> None:
            os.kill(self.pid, signal.SIGCONT)

    daemon = Stopped()
    yield daemon
    daemon.resume()


def timed(call, *arguments, **options):
    start = time.monotonic()
    try:
        result = call(*arguments, **options)
    except CondorError as error:
        result = error
    return result, time.monotonic() - start


def tag() -> tuple[dict[str, str], str]:
    """A description whose jobs can be found, and the constraint that finds them."""
    name = f"{os.getpid()}-{next(_tags)}"
    return IDLE_JOB | {"+ApfSubmission": f'"{name}"'}, f'ApfSubmission == "{name}"'


def number(client: CondorClient, constraint: str) -> int:
    rows = client.counts(["ApfSubmission"], constraint, deadline=DEADLINE, probe=True)
    return sum(row["JobCount"] for row in rows)


class TestAScheddThatHangs:
    @pytest.mark.parametrize("call", ["counts", "query", "submit", "act", "ping", "history"])
    def test_every_call_ends_on_time(self, ap, client, stopped, call):
        description, tagged = tag()
        calls = {
            "counts": lambda limit: client.counts(["JobStatus"], "true", deadline=limit),
            "query": lambda limit: client.query("true", ["JobStatus"], deadline=limit),
            "submit": lambda limit: client.submit(description, 5, deadline=limit),
            "act": lambda limit: client.act("hold", "ProcId == -1", deadline=limit),
            "ping": lambda limit: client.ping(deadline=limit),
            "history": lambda limit: client.history("true", ["JobStatus"], limit=1, deadline=limit),
        }
        if call != "submit":  # with a session already, as in a factory that has run for a while
            calls[call](DEADLINE)
        stopped.stop()
        error, seconds = timed(calls[call], 1.5)
        assert isinstance(error, Overrun)
        assert 1.5 <= seconds < SOON
        again, seconds = timed(calls[call], 1.5)
        assert isinstance(again, Suspended)
        assert seconds < SOON
        start = time.monotonic()
        stopped.resume()
        assert number(client, tagged) in (0, 5)
        assert time.monotonic() - start < SOON, "recovered at once"
        calls[call](DEADLINE)
        assert number(client, tagged) in ((5, 10) if call == "submit" else (0,))

    def test_threads_and_other_targets_do_not_notice(self, client, other, stopped):
        elsewhere = CondorClient(Target(other.schedd, other.collector))
        elsewhere.counts(["JobStatus"], "true", deadline=DEADLINE)
        stopped.stop()
        gaps, calls, done = [0.0], [], threading.Event()

        def tick() -> None:
            last = time.monotonic()
            while not done.wait(0.01):
                now = time.monotonic()
                gaps[0] = max(gaps[0], now - last)
                last = now

        def work() -> None:
            while not done.is_set():
                calls.append(timed(elsewhere.submit, IDLE_JOB, 1, deadline=DEADLINE)[1])
                calls.append(timed(elsewhere.counts, ["JobStatus"], "true", deadline=DEADLINE)[1])

        with ThreadPoolExecutor(2) as pool:
            threads = [pool.submit(tick), pool.submit(work)]
            error, seconds = timed(client.submit, IDLE_JOB, 1, deadline=6)
            done.set()
            for thread in threads:
                thread.result()
        elsewhere.close()
        assert isinstance(error, Overrun)
        assert seconds < SOON
        assert gaps[0] < 4, "the interpreter was never held"
        assert len(calls) > 10
        assert max(calls) < SOON

    def test_many_waiting_queues_lose_one_deadline_together_not_one_each(self, client, stopped):
        client.counts(["JobStatus"], "true", deadline=DEADLINE)
        stopped.stop()
        with ThreadPoolExecutor(50) as pool:
            calls = [pool.submit(timed, client.submit, IDLE_JOB, 1, deadline=2) for _ in range(50)]
            results = [call.result() for call in calls]
        assert max(seconds for _, seconds in results) < SOON, "fifty times its own deadline would be more"
        assert sum(isinstance(error, Overrun) for error, _ in results) == 1
        assert all(isinstance(error, Overrun | Suspended) for error, _ in results)

    def test_a_probe_looks_whether_it_is_back(self, client, stopped):
        stopped.stop()
        assert isinstance(timed(client.counts, ["JobStatus"], "true", deadline=1, probe=True)[0], Overrun)
        error, seconds = timed(client.counts, ["JobStatus"], "true", deadline=1, probe=True)
        assert isinstance(error, Overrun)
        assert seconds < SOON
        assert client.suspended
        client.locate(deadline=DEADLINE, probe=True)
        stopped.resume()
        client.counts(["JobStatus"], "true", deadline=DEADLINE, probe=True)
        assert not client.suspended

    def test_abort_frees_the_blocked_caller(self, client, stopped):
        stopped.stop()
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(timed, client.submit, IDLE_JOB, 1, deadline=60)
            time.sleep(0.5)
            start = time.monotonic()
            client.abort()
            error, _ = call.result(PATIENCE)
            assert time.monotonic() - start < SOON
        assert isinstance(error, WorkerDied)

    def test_a_stopped_collector_is_an_overrun_too(self, ap):
        collector = ap.pid_of("COLLECTOR")
        client = CondorClient(Target(ap.schedd, ap.collector))
        os.kill(collector, signal.SIGSTOP)
        try:
            error, seconds = timed(client.locate, deadline=1.5)
        finally:
            os.kill(collector, signal.SIGCONT)
        assert isinstance(error, Overrun)
        assert seconds < SOON
        client.locate(deadline=DEADLINE, probe=True)
        client.close()


@pytest.fixture(scope="module", params=["new port", "same port"])
def mover(request, make_pool) -> Pool:
    settings = {"SCHEDD_ARGS": f"-p {free_port()}"} if request.param == "same port" else {}
    return make_pool(f"mover-{request.param.split()[0]}", **settings)


class TestAScheddThatRestarts:
    """The child keeps the location and the security session of a schedd that is no longer there."""

    @pytest.mark.parametrize("first", ["counts", "submit", "act", "ping"])
    def test_the_first_call_afterwards_succeeds(self, mover, first):
        client = CondorClient(Target(mover.schedd, mover.collector))
        description, tagged = tag()
        client.submit(description, 3, deadline=DEADLINE)
        client.act("hold", tagged, deadline=DEADLINE)
        assert number(client, tagged) == 3
        before = client.locate(deadline=DEADLINE)["MyAddress"]
        client.ping(deadline=DEADLINE)
        pid = client.pid
        mover.restart()
        match first:
            case "counts":
                client.counts(["JobStatus"], "true", deadline=DEADLINE)
            case "submit":
                client.submit(description, 3, deadline=DEADLINE)
            case "act":
                assert client.act("release", tagged, deadline=DEADLINE)["TotalSuccess"] == 3
            case "ping":
                client.ping(deadline=DEADLINE)
        assert client.pid == pid, "the same child"
        assert number(client, tagged) == (6 if first == "submit" else 3)
        same = client.locate(deadline=DEADLINE)["MyAddress"].split("?")[0] == before.split("?")[0]
        assert same == ("same" in mover.name)
        client.close()

    def test_one_that_was_killed_is_unreachable_until_it_is_back(self, make_pool):
        pool = make_pool("killed")
        client = CondorClient(Target(pool.schedd, pool.collector))
        description, tagged = tag()
        client.submit(description, 4, deadline=DEADLINE)
        os.kill(pool.pid_of("SCHEDD"), signal.SIGKILL)
        error, seconds = timed(client.counts, ["JobStatus"], "true", deadline=5)
        assert isinstance(error, Unreachable)
        assert seconds < SOON
        assert not client.suspended, "a quick no costs nobody anything"
        error, _ = timed(client.submit, description, 1, deadline=5)
        assert isinstance(error, Unreachable)

        def back() -> bool:
            return not isinstance(timed(number, client, tagged)[0], CondorError)

        until(back, "the schedd's restart by its master")
        assert number(client, tagged) == 4
        client.close()


class TestAChildThatIsKilled:
    """Killing the child may leave all jobs of a submission behind or none; counting by tag tells."""

    JOBS = 400

    def test_at_any_moment_of_a_submission(self, client):
        description, tagged = tag()
        _, full = timed(client.submit, description, self.JOBS, deadline=DEADLINE)
        assert number(client, tagged) == self.JOBS
        seen = set()
        for step in range(12):
            description, tagged = tag()
            with ThreadPoolExecutor(1) as pool:
                call = pool.submit(timed, client.submit, description, self.JOBS, deadline=DEADLINE)
                time.sleep(full * (0.1 + step * 0.1))
                if client.pid is not None:
                    os.kill(client.pid, signal.SIGKILL)
                result, _ = call.result()
            found = number(client, tagged)
            seen.add((type(result), found))
            assert found in (0, self.JOBS)
            assert found == self.JOBS or not isinstance(result, Submitted)
        assert (WorkerDied, 0) in seen

    @pytest.mark.slow
    def test_by_a_deadline_until_a_reply_is_lost(self, ap):
        """Deadlines near the time that a submission takes: one falls between the commit and the reply."""
        client = CondorClient(Target(ap.schedd, ap.collector), retry_after=0.0)
        description, tagged = tag()
        _, deadline = timed(client.submit, description, self.JOBS, deadline=DEADLINE)
        seen = set()
        for _ in range(200):
            description, tagged = tag()
            client.ping(deadline=DEADLINE)  # a child that is ready
            result, _ = timed(client.submit, description, self.JOBS, deadline=deadline)
            found = number(client, tagged)
            seen.add((type(result), found))
            client.act("remove", tagged, deadline=DEADLINE)
            if (Overrun, self.JOBS) in seen:
                break
            deadline *= 0.96 if isinstance(result, Submitted) else 1.04
        client.close()
        assert seen <= {(Submitted, self.JOBS), (Overrun, 0), (Overrun, self.JOBS)}
        assert (Overrun, self.JOBS) in seen, "only its tag tells that it was submitted"


LONG_KNOWN = """
import sys
from autopyfactory.condor import operations, worker
operations.KNOWN = 3600.0  # as if all that follows happened in the same moment
worker.main()
"""


class TestWhoAnswers:
    """What a schedd said a moment ago of who it is does not let anything go to another one."""

    @pytest.fixture
    def trusting(self, pool: Pool):
        """A client whose child takes the schedd's last word for an hour."""
        target = Target(pool.schedd, pool.collector)
        arguments = [str(os.getpid()), *worker_command(target)[-3:]]
        client = CondorClient(target, command=[sys.executable, "-P", "-c", LONG_KNOWN, *arguments])
        yield client
        client.close()

    @pytest.mark.parametrize("how", [signal.SIGKILL, None])
    def test_one_that_was_replaced_gets_nothing(self, pool, trusting, how):
        identity, _ = trusting.census(["JobStatus"], "true", deadline=DEADLINE)
        for _ in range(2):
            trusting.submit(tag()[0], 3, deadline=DEADLINE, identity=identity)
        child = trusting.pid
        if how is not None:
            os.kill(pool.pid_of("SCHEDD"), how)
        pool.stop()
        for file in (pool.directory / "spool").glob("job_queue.log*"):
            file.unlink()
        pool.start()
        with pytest.raises(Refused, match="answers instead of"):
            trusting.submit(tag()[0], 3, deadline=DEADLINE, identity=identity)
        assert trusting.pid == child, "it was the child that had its word"
        assert number(trusting, "true") == 0

    def test_one_that_was_restarted_is_the_same(self, pool, trusting):
        identity, _ = trusting.census(["JobStatus"], "true", deadline=DEADLINE)
        trusting.submit(tag()[0], 3, deadline=DEADLINE, identity=identity)
        pool.restart()
        trusting.submit(tag()[0], 4, deadline=DEADLINE, identity=identity)
        assert number(trusting, "true") == 7
