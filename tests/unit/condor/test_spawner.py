"""The child must outlive the thread that first needed it, and not the factory."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from autopyfactory.condor.caller import Caller
from autopyfactory.condor.process import worker_command
from autopyfactory.condor.spawner import Spawner
from autopyfactory.condor.target import Target
from patience import PATIENCE, until

# The real child process; a bad constraint is answered without any daemon.
NO_NETWORK = ("query", ["not an expression ((", [], 1])


@pytest.fixture
def worker():
    caller = Caller(Target("ap", "127.0.0.1:1"), 60.0, 1000, 1 << 20, None)
    yield caller
    caller.close(0)


def ask(caller):
    with pytest.raises(ValueError, match="not a ClassAd expression"):
        caller.call(*NO_NETWORK, PATIENCE, False)


def gone(pid):
    """True if the process has ended; one that nobody has waited for counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_child_outlives_the_thread_that_first_needed_it(worker):
    thread = threading.Thread(target=ask, args=(worker,))
    thread.start()
    thread.join()
    pid = worker.pid
    assert pid is not None
    until(lambda: not Path(f"/proc/self/task/{thread.native_id}").exists())
    ask(worker)
    assert worker.pid == pid


PARENT = """
import sys, threading, time
from autopyfactory.condor.caller import Caller
from autopyfactory.condor.target import Target
caller = Caller(Target("ap", sys.argv[1]), 60.0, 1000, 1 << 20, None)
threading.Thread(target=caller.call, args=("locate", [], 600, False), daemon=True).start()
while caller.pid is None:
    time.sleep(0.01)
print(caller.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_child_dies_with_the_factory_although_a_daemon_keeps_it_waiting(number):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-P", "-c", PARENT, address]
        parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            silent.settimeout(PATIENCE)
            connection, _ = silent.accept()  # the child waits for an answer now
            assert not gone(child)
            parent.send_signal(number)
            parent.wait(PATIENCE)
            until(lambda: gone(child))
            connection.close()
        finally:
            parent.kill()
            parent.wait()


def test_a_child_whose_parent_is_gone_already_leaves_by_itself():
    command = worker_command(Target("ap"))
    command[command.index(str(os.getpid()))] = "1"  # not its parent
    child = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=PATIENCE)
    assert child.returncode == 1


def test_after_a_fork_each_process_has_a_child_of_its_own(worker):
    ask(worker)
    before = worker.pid
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert worker.pid is None
            ask(worker)
            os.write(writer, str(worker.pid).encode())
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert int(os.read(reader, 100)) != before
    ask(worker)
    assert worker.pid == before
    os.close(reader)
    os.close(writer)


def test_a_process_that_comes_too_late_is_killed():
    made = []

    late = threading.Event()

    def slow():
        late.wait()
        made.append(subprocess.Popen(["sleep", "600"]))
        return made[0]

    with pytest.raises(TimeoutError):
        Spawner().start(slow, 0.05)
    late.set()
    until(lambda: made)
    assert made[0].wait(PATIENCE) == -signal.SIGKILL


def test_an_error_reaches_the_thread_that_asked():
    def fail():
        raise OSError("no more processes")

    spawner = Spawner()
    with pytest.raises(OSError, match="no more"):
        spawner.start(fail, PATIENCE)
    child = spawner.start(lambda: subprocess.Popen(["true"]), PATIENCE)
    assert child.wait(PATIENCE) == 0


class TestTheRealChild:
    def test_it_ignores_what_is_meant_for_the_factory(self, worker):
        ask(worker)
        pid = worker.pid
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            os.kill(pid, number)
        ask(worker)
        assert worker.pid == pid

    def test_it_has_a_session_of_its_own(self, worker):
        ask(worker)
        assert os.getsid(worker.pid) == worker.pid != os.getsid(0)

    def test_it_inherits_no_files(self, worker, tmp_path):
        with open(tmp_path / "secret", "w") as file:
            os.set_inheritable(file.fileno(), True)
            ask(worker)
            held = [os.readlink(entry) for entry in Path(f"/proc/{worker.pid}/fd").iterdir()]
        assert str(tmp_path / "secret") not in held

    def test_it_leaves_when_the_pipe_closes(self, worker):
        ask(worker)
        child = worker._process._child
        child.stdin.close()
        assert child.wait(PATIENCE) == 0

    def test_it_starts_without_what_only_the_factory_needs(self):
        code = (
            "import sys, autopyfactory.condor.worker, autopyfactory.condor.operations;"
            "print([m for m in ('pydantic', 'requests', 'sqlalchemy', 'click') if m in sys.modules])"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
        assert out.stdout.strip() == "[]"

    def test_the_factory_never_loads_the_bindings(self):
        code = (
            "import sys, autopyfactory.condor.registry, autopyfactory.condor.quoting;"
            "print([m for m in sys.modules if 'htcondor' in m or 'classad' in m])"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
        assert out.stdout.strip() == "[]"

    def test_a_stray_module_in_the_working_directory_is_not_loaded(self, worker, tmp_path, monkeypatch):
        (tmp_path / "json.py").write_text("raise SystemExit(99)")
        monkeypatch.chdir(tmp_path)
        ask(worker)

    def test_bindings_that_are_missing_are_named(self, tmp_path, monkeypatch):
        (tmp_path / "htcondor2.py").write_text("raise ImportError('no bindings here')")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        from autopyfactory.condor.errors import WorkerDied

        caller = Caller(Target("ap"), 60.0, 1000, 1 << 20, None)
        with pytest.raises(WorkerDied, match="no bindings here"):
            caller.call(*NO_NETWORK, PATIENCE, False)

    def test_nobody_answers_on_a_closed_port(self, worker):
        from autopyfactory.condor.errors import Unreachable

        with pytest.raises(Unreachable, match="Connection refused"):
            worker.call("locate", [], PATIENCE, False)

    def test_it_leaves_when_it_has_had_no_work_for_a_while(self):
        code = "import autopyfactory.condor.worker as w; w.IDLE_SECONDS = 2; w.main()"
        command = [sys.executable, "-c", code, str(os.getpid()), "ap", "", "300"]
        caller = Caller(Target("ap"), 60.0, 1000, 1 << 20, command)
        ask(caller)
        first = caller.pid
        assert first is not None
        until(lambda: caller.pid is None)
        ask(caller)
        assert caller.pid != first
        caller.close(0)
