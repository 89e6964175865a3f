"""Detaching, and pid files that tell the truth."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from daemonkit.bench import Bench, alive
from patience import PATIENCE, until


def detached(bench: Bench) -> subprocess.CompletedProcess[str]:
    return bench.run("--daemon", "--info", "--log", str(bench.log), "--pidfile", str(bench.pidfile))


def test_the_command_returns_when_the_factory_is_up(bench: Bench) -> None:
    done = detached(bench)
    assert done.returncode == 0, done.stderr
    until(lambda: "the factory is up" in bench.text())
    pid = int(bench.pidfile.read_text())
    assert alive(pid)
    assert bench.facts()["sid"] not in (os.getsid(0), pid), "a session of its own, that it does not lead"
    until(lambda: "round 5" in bench.text())
    os.kill(pid, signal.SIGTERM)
    until(lambda: not alive(pid))
    assert not bench.pidfile.exists()
    assert "SIGTERM received" in bench.text()


def test_it_keeps_nothing_of_the_terminal_open(bench: Bench) -> None:
    detached(bench)
    kept = [f for f in bench.facts()["fds"] if not f.startswith(("pipe:", "socket:", "/proc/"))]
    assert {*kept, str(bench.log)} == {  # the log is open from its first line on
        "/dev/null",
        str(bench.log),
        str(bench.pidfile),
        str(bench.state / "autopyfactory.pid"),
    }
    pid = int(bench.pidfile.read_text())
    assert {os.readlink(f"/proc/{pid}/fd/{n}") for n in (0, 1, 2)} == {"/dev/null"}


def test_output_that_goes_to_a_file_goes_on_going_there(bench: Bench, tmp_path: Path) -> None:
    with open(tmp_path / "console.log", "w") as console:
        command = bench.command(
            "--daemon", "--console", "--log", str(bench.log), "--pidfile", str(bench.pidfile)
        )
        assert subprocess.run(command, stdout=console, stderr=console, timeout=PATIENCE).returncode == 0
    until(lambda: "round 3" in (tmp_path / "console.log").read_text())


def test_output_goes_to_a_console_log_once_detached(bench: Bench, tmp_path: Path) -> None:
    done = bench.run(
        "--daemon", "--console", "--console-log", str(tmp_path / "console.log"),
        "--log", str(bench.log), "--pidfile", str(bench.pidfile),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    until(lambda: "round 3" in (tmp_path / "console.log").read_text())


@pytest.mark.parametrize("kind", ["pipe", "folder", "no folder"])
def test_a_console_log_that_cannot_be_written_is_told(bench: Bench, tmp_path: Path, kind: str) -> None:
    console = tmp_path / ("missing/console.log" if kind == "no folder" else "console")
    if kind == "pipe":
        os.mkfifo(console)
    elif kind == "folder":
        console.mkdir()
    done = bench.run("--daemon", "--console-log", str(console), "--log", str(bench.log))
    assert done.returncode == 5
    assert done.stderr.startswith(f"autopyfactory: cannot write the console log {console}: ")


def test_a_second_one_is_refused(bench: Bench) -> None:
    detached(bench)
    done = detached(bench)
    assert done.returncode == 3
    assert done.stderr.startswith("autopyfactory: already running: process ")
    assert bench.pidfile.read_text().strip() in done.stderr
    assert len(set(bench.pids())) == 1


def test_two_with_one_state_folder_are_refused_whatever_their_pid_files(bench: Bench, tmp_path: Path) -> None:
    detached(bench)
    done = bench.run("--oneshot", "--pidfile", str(tmp_path / "other"))
    assert done.returncode == 3
    other = tmp_path / "other"
    assert not other.exists() or not other.read_text(), "root makes it beforehand"


def test_two_with_one_pid_file_are_refused_whatever_their_state(bench: Bench, tmp_path: Path) -> None:
    detached(bench)
    bench.conf.write_text(json.dumps({"state_dir": str(tmp_path / "other")}))
    assert bench.run("--oneshot", "--pidfile", str(bench.pidfile)).returncode == 3
    assert not (tmp_path / "other" / "autopyfactory.pid").exists()


@pytest.mark.parametrize("content", ["{own}", "999999", "", "no number", "1"])
def test_a_stale_pid_file_does_not_matter(bench: Bench, content: str) -> None:
    text = content.format(own=os.getpid())  # a living process that is no factory
    bench.pidfile.write_text(text)
    bench.state.mkdir()
    (bench.state / "autopyfactory.pid").write_text(text)
    assert detached(bench).returncode == 0
    assert alive(int(bench.pidfile.read_text()))


def test_a_killed_one_does_not_stand_in_the_way(bench: Bench) -> None:
    detached(bench)
    pid = int(bench.pidfile.read_text())
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid))
    assert detached(bench).returncode == 0
    assert int(bench.pidfile.read_text()) != pid


def test_children_do_not_hold_the_lock(bench: Bench) -> None:
    bench.configure(do=["child"])
    detached(bench)
    pid = int(bench.pidfile.read_text())
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid))
    assert alive(bench.children()[0])
    assert detached(bench).returncode == 0


@pytest.mark.parametrize(
    ("misdeed", "words"), [("fail build", "cannot be built"), ("fail start", "cannot start")]
)
def test_a_failed_start_is_told_where_it_was_typed(bench: Bench, misdeed: str, words: str) -> None:
    bench.configure(do=[misdeed])
    done = detached(bench)
    assert done.returncode == 7
    assert words in done.stderr
    until(lambda: not bench.pidfile.exists())


def test_a_bad_configuration_is_told_where_it_was_typed(bench: Bench) -> None:
    bench.configure(broken="no")
    assert detached(bench).returncode == 1


def test_many_starts_at_once_make_one_factory(bench: Bench) -> None:
    options = ("--daemon", "--log", str(bench.log), "--pidfile", str(bench.pidfile))
    racers = [
        subprocess.Popen(bench.command(*options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(5)
    ]
    assert sorted(r.wait(PATIENCE) for r in racers) == [0, 3, 3, 3, 3]
