"""The daemon when its surroundings fail it: full disks, files that vanish, pipes and terminals that hang."""

import fcntl
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemonkit.bench import Bench
from patience import PATIENCE, SOON, until


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.end()


@contextmanager
def stopped(process: subprocess.Popen[str]) -> Iterator[None]:
    """Stop the daemon: what is done to its files meanwhile is for it one thing, done at one moment."""
    process.send_signal(signal.SIGSTOP)
    until(lambda: " T " in Path(f"/proc/{process.pid}/stat").read_text(), "the daemon to be stopped")
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def rounds(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"round (\d+)", text)]


def test_a_log_on_a_full_device_does_not_stop_the_cycles(bench: Bench, tmp_path: Path) -> None:
    bench.configure(log_dir=str(tmp_path / "q"))
    process = bench.start("--log", "/dev/full")
    queue = tmp_path / "q" / "queues" / "Q1.log"
    until(lambda: queue.exists() and "cycle 10" in queue.read_text())
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert errors.count("cannot log to /dev/full") == 1, "told once, not with every line"


def test_standard_output_on_a_full_device_does_not_stop_the_cycles(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # most people do not have it
    bench.configure(log_dir=str(tmp_path / "q"))
    queue = tmp_path / "q" / "queues" / "Q1.log"
    with open("/dev/full", "w") as full:
        process = bench.start("--log", "stdout", stdout=full, stderr=full)
        until(lambda: queue.exists() and "cycle 10" in queue.read_text())
        process.terminate()
        assert process.wait(PATIENCE) == 0


@pytest.mark.root
def test_a_disk_that_fills_up_and_is_emptied_again(bench: Bench, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)], check=True)
    try:
        bench.log = disk / "factory.log"
        process = bench.up()
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(b"x" * 1_000_000)
        with pytest.raises(OSError, match="No space"):  # the last page of the logs themselves
            while True:
                with open(bench.log, "ab") as file:
                    file.write(b"filling\n" * 64)
                    file.flush()
        beats = len(rounds(bench.text()))
        time.sleep(0.5)
        assert len(rounds(bench.text())) <= beats + 1
        assert process.poll() is None
        filler.unlink()
        until(lambda: "lines before the last one are missing" in bench.text())
        missing = int(re.findall(r"(\d+) lines before the last one are missing", bench.text())[0])
        assert missing >= 5
        seen = len(rounds(bench.text()))
        until(lambda: len(rounds(bench.text())) > seen + 3)
        process.terminate()
        assert process.wait(PATIENCE) == 0
        written = rounds(bench.text())
        assert written == sorted(set(written)), "nothing twice, nothing out of order"
        assert process.stderr is not None
        assert process.stderr.read().count("cannot log to") == 1
    finally:
        bench.end()
        bench.started.clear()
        subprocess.run(["umount", str(disk)], check=True)


def test_a_reader_that_stops_reading_does_not_stop_the_cycles(bench: Bench) -> None:
    """The log goes to a pipe that nobody empties, as with a stopped pager or terminal."""
    bench.configure(period=0.001, do=["count"])
    process = bench.start("--log", "stdout")
    assert process.stdout is not None
    fcntl.fcntl(process.stdout.fileno(), fcntl.F_SETPIPE_SZ, 4096)  # full after some 90 lines
    beats = bench.state / "beats"
    until(lambda: beats.exists() and int(beats.read_text() or 0) > 150)
    began = time.monotonic()
    process.terminate()
    assert process.wait(PATIENCE) in (0, 8)
    assert time.monotonic() - began < SOON


def test_a_reader_that_goes_away_does_not_stop_the_cycles(bench: Bench, tmp_path: Path) -> None:
    bench.configure(log_dir=str(tmp_path / "q"))
    process = bench.start("--log", "stdout")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    queue = tmp_path / "q" / "queues" / "Q1.log"
    until(lambda: queue.exists() and "cycle 20" in queue.read_text())
    assert process.poll() is None
    process.terminate()
    assert process.wait(PATIENCE) == 0


def test_log_files_that_vanish_come_back(bench: Bench) -> None:
    process = bench.up()
    queue = bench.log.parent / "queues" / "Q1.log"
    until(queue.exists)
    with stopped(process):
        bench.log.unlink()
        queue.unlink()
        queue.parent.rmdir()
    until(lambda: "round" in bench.text() and queue.exists())
    assert process.poll() is None


def test_a_folder_that_becomes_unwritable_does_not_stop_the_cycles(bench: Bench) -> None:
    process = bench.up()
    queues = bench.log.parent / "queues"
    until((queues / "Q1.log").exists)
    with stopped(process):
        for file in queues.iterdir():
            file.unlink()
        queues.rmdir()
        queues.write_text("a file where the folder was\n")
    seen = len(rounds(bench.text()))
    until(lambda: len(rounds(bench.text())) > seen + 5)
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert errors.count("cannot log to") == 1


def test_stopped_and_continued_it_goes_on(bench: Bench) -> None:
    process = bench.up()
    with stopped(process):
        pass
    seen = len(rounds(bench.text()))
    until(lambda: len(rounds(bench.text())) > seen + 3)


def test_closed_standard_descriptors(bench: Bench) -> None:
    script = 'exec "$@" <&- >&- 2>&-'
    command = bench.command("--info", "--log", str(bench.log), "--cycles", "5")
    done = subprocess.run(
        ["sh", "-c", script, "sh", *command], timeout=PATIENCE, env={**os.environ, **bench.env}
    )
    assert done.returncode == 0
    assert rounds(bench.text()) == [1, 2, 3, 4, 5]
