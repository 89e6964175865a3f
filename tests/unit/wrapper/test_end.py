"""How the wrapper ends: its exit code, its count of payloads, and what it leaves."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from patience import until
from wrapperkit import WRAPPER, Wrapper

from .conftest import PAYLOAD

Run = Callable[..., Wrapper]
OWN = 'ToE = [ How = "OF_ITS_OWN_ACCORD"; Who = "itself"; When = 1795372060; HowCode = 0 ]'
WITHDRAWN = 'ToE = [ How = "DEACTIVATE_CLAIM"; Who = "<127.0.0.1:37997>"; When = 1795372024; HowCode = 1 ]'
RAN = 'JobState = "Exited"'
BUSY = "11/22/26 18:27:33 slot1_1: Changing activity: Idle -> Busy\n"
ENDS = {
    "ok": [RAN, OWN, "ExitBySignal = false", "ExitCode = 0"],
    "failed": [RAN, OWN, "ExitBySignal = false", "ExitCode = 7"],
    "killed": [RAN, OWN, "ExitBySignal = true", "ExitSignal = 9"],
    "removed": [RAN, WITHDRAWN, "ExitBySignal = true", "ExitSignal = 15"],
    "evicted": [RAN, "ExitBySignal = false", "ExitCode = 0"],
    "unstarted": ["ExitBySignal = false"],
}


def write_logs(fake: Path, *ends: str, starts: int | None = None, broken: int = 0) -> None:
    """The startd's logs after jobs 1.0, 2.0, ... came to `ends`, in the form HTCondor 23.9 writes them."""
    history = ""
    for number, end in enumerate(ends, 1):
        record = [f"ClusterId = {number}", *ENDS[end], "ExitStatus = 0", "JobStatus = 4", "ProcId = 0"]
        history += "\n".join([*sorted(record), f"*** Offset = 0 ClusterId = {number} ProcId = 0", ""])
    (fake / "logs/startd_history").write_text(history)
    (fake / "logs/StartLog").write_text(BUSY * (len(ends) if starts is None else starts))
    (fake / "logs/StarterLog.slot1_1").write_text("(pid:6171) Failed to start job, exiting\n" * broken)


@pytest.mark.parametrize(
    ("ends", "counts", "code"),
    [
        ([], (0, 0, 0, 0, 0), 0),
        (["ok", "ok"], (2, 2, 0, 0, 0), 0),
        (["ok", "failed", "killed"], (3, 1, 2, 0, 0), 20),
        (["ok", "removed", "unstarted"], (3, 1, 0, 2, 0), 0),
        (["ok", "evicted"], (2, 1, 0, 0, 1), 21),
        (["evicted", "failed"], (2, 0, 1, 0, 1), 20),
    ],
)
def test_payloads_are_counted_from_the_history(
    run: Run, fake: Path, ends: list[str], counts: tuple[int, ...], code: int
) -> None:
    write_logs(fake, *ends)
    result = run().end()
    assert (result.code, result.counts()) == (code, counts), result.output
    assert result.summary["exit"] == str(code) and result.summary["reason"] == "idle"


def test_every_shell_counts_alike(run: Run, fake: Path, shell: list[str]) -> None:
    write_logs(fake, *ENDS, broken=1)
    assert run(shell=shell).end().counts() == (6, 1, 3, 1, 1)


def test_what_this_node_could_not_execute_has_failed(run: Run, fake: Path) -> None:
    write_logs(fake, "unstarted", "unstarted", broken=1)
    assert run().end().counts() == (2, 0, 1, 1, 0)


def test_a_payload_without_an_end_was_cut(run: Run, fake: Path) -> None:
    write_logs(fake, "ok", starts=2)
    result = run().end()
    assert (result.code, result.counts()) == (21, (2, 1, 0, 0, 1))


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "reason"),
    [
        (["--condor", "/nonexistent"], {}, 10, "no-condor"),
        (["--condor", ""], {"PATH": "/usr/bin:/bin"}, 10, "no-condor"),
        (["--token", "/nonexistent"], {}, 11, "no-token"),
        (["--token", "/"], {}, 11, "no-token"),
        ([], {"FAKE_PAYLOAD": ""}, 11, "no-token"),
        ([], {"FAKE_PAYLOAD": PAYLOAD % 1000}, 12, "token-expired"),
        (["--join", "0"], {"FAKE_PING": "ERROR: failed to make connection to <x>"}, 13, "unreachable"),
        (["--join", "0"], {"FAKE_PING": "SECMAN:2007:Failed to read end of message"}, 13, "unreachable"),
        (["--join", "0"], {"FAKE_LISTED": "", "FAKE_MASTER": "gentle"}, 13, "not-listed"),
        ([], {"FAKE_PING": "AUTHENTICATE:1003:Failed to authenticate with any method"}, 14, "refused"),
        ([], {"FAKE_PING": 'SECMAN:2010:Received "DENIED" from server for user x'}, 14, "refused"),
        ([], {"FAKE_MASTER": "crash"}, 15, "condor-failed"),
        (["--scratch", "/nonexistent"], {}, 16, "no-scratch"),
        (["--scratch", "/proc"], {}, 16, "no-scratch"),
    ],
)
def test_each_failure_has_its_code(
    run: Run, arguments: list[str], environment: dict[str, str], code: int, reason: str
) -> None:
    result = run(*arguments, **environment).end()
    assert (result.code, result.summary["reason"]) == (code, reason), result.output
    assert "secret" not in result.output


def test_it_comes_again_while_the_pool_is_away(run: Run, release: Path, tmp_path: Path) -> None:
    first = f"[ -e {tmp_path}/back ] || {{ echo failed to connect; touch {tmp_path}/back; exit 1; }}"
    (release / "bin/condor_ping").write_text(f"#!/bin/sh\n{first}\n")
    assert run("--join", "100").end().code == 0


def test_it_finds_htcondor_on_path(run: Run, release: Path) -> None:
    path = f"{release / 'sbin'}:{os.environ['PATH']}"
    assert run("--condor", "", PATH=path).end().code == 0


def test_it_takes_an_unpacked_package_as_release(run: Run, release: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    release.rename(tmp_path / "root/usr")
    assert run("--condor", tmp_path / "root").end().code == 0


def test_a_signal_is_forwarded_and_all_is_cleaned_up(run: Run, fake: Path, shell: list[str]) -> None:
    write_logs(fake, starts=1)
    wrapper = run(shell=shell, master="gentle")
    until((fake / "up").exists, "the master is up")
    wrapper.process.terminate()
    result = wrapper.end()
    assert (result.code, result.summary["reason"], result.summary["cut"]) == (143, "TERM", "1"), result.output
    assert (fake / "signals").read_text().split() == ["TERM"]


def test_a_master_that_takes_too_long_is_told_to_hurry(run: Run, fake: Path) -> None:
    wrapper = run("--grace", "0", master="hard")
    until((fake / "up").exists, "the master is up")
    wrapper.process.terminate()
    assert wrapper.end().code == 143
    assert (fake / "signals").read_text().split() == ["TERM", "QUIT"]


@pytest.mark.slow
def test_a_master_that_obeys_nothing_is_killed(run: Run, fake: Path) -> None:
    wrapper = run("--lifetime", "4", "--retire", "0", "--grace", "0", master="deaf")
    result = wrapper.end()
    assert (result.code, result.summary["reason"]) == (0, "lifetime"), result.output
    assert (fake / "signals").read_text().split() == ["TERM", "QUIT"]


SIGNALS = [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGQUIT, 131)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_other_signals_end_it_too(run: Run, fake: Path, shell: list[str], number: int, code: int) -> None:
    wrapper = run(shell=shell, master="gentle")
    until((fake / "up").exists, "the master is up")
    wrapper.process.send_signal(number)
    assert wrapper.end().code == code


@pytest.mark.parametrize(
    "function", ["say", "ask", "alive", "launch", "serve", "begin_drain", "heed_signal", "busy"]
)
def test_nothing_waits_for_a_command_substitution_once_htcondor_is_started(function: str) -> None:
    """bash drops an INT that comes while it does: `waitchld` of its jobs.c leaves what is no job at once."""
    text = WRAPPER.read_text()
    hit = re.search(rf"^{function}\(\) {{(.*?)}}$", text, re.DOTALL | re.MULTILINE)
    assert hit is not None
    assert re.findall(r"\$\((?!\()", hit[1]) == []


def test_a_signal_while_it_waits_for_the_pool(run: Run, release: Path, fake: Path, shell: list[str]) -> None:
    (release / "bin/condor_ping").write_text(f"#!/bin/sh\necho >{fake}/up\nexec sleep 600\n")
    wrapper = run(shell=shell)
    until((fake / "up").exists, "the wrapper asks")
    wrapper.process.terminate()
    result = wrapper.end()
    assert (result.code, result.summary["reason"]) == (143, "TERM")


def test_the_lifetime_is_an_end(run: Run, fake: Path) -> None:
    write_logs(fake, "ok", "evicted")
    result = run("--lifetime", "4", master="gentle").end()
    assert (result.code, result.summary["reason"]) == (21, "lifetime")
    assert (fake / "signals").read_text().split() == ["TERM"]


def test_what_a_payload_leaves_behind_is_ended(run: Run, release: Path, fake: Path) -> None:
    master = release / "sbin/condor_master"
    seconds = f"4715.{os.getpid()}"  # the process table is also that of other runs
    left = 'mkdir -m 0 "$log/closed"; _CONDOR_SCRATCH_DIR=${CONDOR_CONFIG%/*}/execute '
    left += f"setsid sleep {seconds} &"
    master.write_text(master.read_text().replace("case $FAKE_MASTER", f"{left}\ncase $FAKE_MASTER"))
    result = run().end()
    assert result.code == 0
    # not by ps: a bare Debian has none
    assert ["sleep", seconds] not in [one.info["cmdline"] for one in psutil.process_iter(["cmdline"])]
