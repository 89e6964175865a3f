"""Every option of the daemon does what it says; every failure has its exit code and says why in one line."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autopyfactory import __version__
from daemonkit.bench import Bench
from patience import PATIENCE, until


def one_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("autopyfactory:")]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


def test_version(bench: Bench) -> None:
    assert bench.run("--version").stdout == f"autopyfactory {__version__}\n"


def test_version_does_not_load_the_factory() -> None:
    script = (
        "import sys; from autopyfactory.cli.main import cli\n"
        "cli(['--version'], standalone_mode=False)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'pydantic', 'requests', 'htcondor2'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("options", "cycles"), [(["--oneshot"], 1), (["--one-shot"], 1), (["--cycles", "4"], 4)]
)
def test_cycles(bench: Bench, options: list[str], cycles: int) -> None:
    done = bench.run("--log", "stdout", *options)
    assert done.returncode == 0
    assert re.findall(r"round (\d+)", done.stdout) == [str(n + 1) for n in range(cycles)]


def test_no_cycles_at_all_is_passed_on(bench: Bench) -> None:
    bench.up("--cycles", "0")
    assert bench.facts()["options"]["cycles"] == 0


def test_oneshot_and_cycles_must_agree(bench: Bench) -> None:
    assert bench.run("--oneshot", "--cycles", "1").returncode == 0
    assert bench.run("--oneshot", "--cycles", "2").returncode == 2


def test_sleep_reaches_the_factory(bench: Bench) -> None:
    bench.run("--oneshot", "--sleep", "7.5")
    assert bench.facts()["options"]["sleep"] == 7.5


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ([], "WARNING"),
        (["--quiet"], "WARNING"),
        (["-v"], "INFO"),
        (["--info"], "INFO"),
        (["-d"], "DEBUG"),
        (["--debug"], "DEBUG"),
        (["--debug", "--quiet"], "WARNING"),
        (["--quiet", "--info"], "INFO"),
    ],
)
def test_levels(bench: Bench, options: list[str], level: str) -> None:
    done = bench.run("--oneshot", *options)
    assert bench.facts()["options"]["level"] == level
    assert ("INFO  the factory is up" in done.stdout) == (level != "WARNING")
    assert "WARNING round 1" in done.stdout


def test_console_repeats_the_log_file(bench: Bench) -> None:
    done = bench.run("--oneshot", "--log", str(bench.log), "--console")
    assert "round 1" in bench.text()
    assert done.stdout == bench.text()


def test_console_does_not_repeat_stdout(bench: Bench) -> None:
    assert bench.run("--oneshot", "--console").stdout.count("round 1") == 1


def test_relative_paths_mean_where_it_was_started(bench: Bench, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    shutil.copy(bench.conf, here / "c.json")
    done = bench.run("--oneshot", "--conf", "c.json", "--log", "sub/x.log", "--pidfile", "p", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "round 1" in (here / "sub/x.log").read_text()
    assert "cycle 1" in (here / "sub/queues/Q1.log").read_text()


def test_several_configuration_files(bench: Bench) -> None:
    done = bench.run("--oneshot", "--conf", f"{bench.conf}, {bench.conf} ,", "-v")
    assert done.returncode == 0
    assert f", {bench.conf}, {bench.conf}\n" in done.stdout


def test_configuration_from_the_environment(bench: Bench) -> None:
    bench.env["AUTOPYFACTORY_CONF"] = str(bench.conf)
    command = [a for a in bench.command("--oneshot") if a not in ("--conf", str(bench.conf))]
    done = subprocess.run(
        command, env={**os.environ, **bench.env}, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0


def test_a_bad_configuration(bench: Bench) -> None:
    bench.configure(broken="factoryId is missing")
    done = bench.run()
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "autopyfactory: error: factoryId is missing",
        "autopyfactory: the configuration cannot be used",
    ]


@pytest.mark.parametrize(
    "options",
    [
        ["--nonsense"],
        ["nonsense"],
        ["--cycles", "-1"],
        ["--cycles", "x"],
        ["--sleep", "0"],
        ["--conf", ","],
        ["--daemon"],
        ["--daemon", "--log", "x.log", "--console"],
        ["--console-log", "x.log"],
    ],
)
def test_bad_usage(bench: Bench, options: list[str]) -> None:
    done = bench.run(*options)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_no_such_user(bench: Bench) -> None:
    done = bench.run("--runas", "no-such-user")
    assert done.returncode == 4
    assert one_line(done.stderr) == "autopyfactory: no such user: no-such-user"


def test_a_log_that_cannot_be_written(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = bench.run("--log", str(tmp_path / "file" / "x.log"))
    assert done.returncode == 5
    assert "x.log" in one_line(done.stderr)
    assert "File exists" in done.stderr


def test_queue_logs_that_cannot_be_written(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bench.configure(log_dir=str(tmp_path / "file"))
    done = bench.run()
    assert done.returncode == 5
    assert "the queues' logs" in one_line(done.stderr)


def test_a_state_folder_that_cannot_be_made(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bench.configure(state_dir=str(tmp_path / "file" / "state"))
    done = bench.run()
    assert done.returncode == 6
    assert "cannot keep" in one_line(done.stderr)


def test_a_pid_file_that_cannot_be_made(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert bench.run("--pidfile", str(tmp_path / "file" / "pid")).returncode == 6


def test_a_socket_that_cannot_be_made(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bench.configure(socket=str(tmp_path / "file" / "sock"))
    done = bench.run()
    assert done.returncode == 6
    assert "control socket" in one_line(done.stderr)


def test_a_group_that_does_not_exist(bench: Bench) -> None:
    bench.configure(socket_group="no-such-group")
    done = bench.run()
    assert done.returncode == 6
    assert "no-such-group" in one_line(done.stderr)


@pytest.mark.parametrize("misdeed", ["fail build", "fail start", "fail run"])
def test_an_error_in_the_factory(bench: Bench, misdeed: str) -> None:
    bench.configure(do=[misdeed])
    done = bench.run("--log", str(bench.log))
    assert done.returncode == 7
    assert "RuntimeError: bad" in bench.text()
    assert not (bench.state / "autopyfactory.pid").exists()


def test_interrupted_while_it_reads_its_configuration(bench: Bench) -> None:
    bench.configure(gate="/nowhere")
    process = bench.start()
    until(lambda: "reads its configuration" in bench.text())
    process.send_signal(2)
    assert process.wait(PATIENCE) == 130
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
