"""What TERM, INT, HUP, USR1 and USR2 do to a real process, whatever hangs in it."""

import os
import re
import signal
import time

import pytest

from daemonkit.bench import Bench, alive
from patience import PATIENCE, SOON, until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order(bench: Bench, number: signal.Signals) -> None:
    process = bench.up()
    process.send_signal(number)
    assert process.wait(PATIENCE) == 0, "not forced to"
    assert f"the factory ends: {number.name} received" in bench.text()
    assert not (bench.state / "autopyfactory.pid").exists()
    assert not (bench.state / "control.sock").exists()


@pytest.mark.parametrize("misdeed", ["hang run", "hang shutdown", "stubborn thread"])
def test_it_ends_within_five_seconds_whatever_hangs(bench: Bench, misdeed: str) -> None:
    bench.configure(do=[misdeed, "child", "pilot"])
    process = bench.up()
    child, pilot = bench.children()
    began = time.monotonic()
    process.terminate()
    assert process.wait(PATIENCE) == 8
    assert time.monotonic() - began < SOON
    assert "did not end within" in bench.text()
    name = {"hang run": "factory", "hang shutdown": "shutdown", "stubborn thread": "stubborn"}[misdeed]
    waiting = re.search(r"leaves without waiting for: (.*)", bench.text())
    assert waiting is not None
    assert name in waiting[1] or misdeed == "hang shutdown"
    assert f"ended child processes {child}" in bench.text()
    until(lambda: not alive(child))
    assert alive(pilot), "a pilot is not the factory's to end"


def test_it_ends_while_the_factory_hangs_at_its_start(bench: Bench) -> None:
    bench.configure(do=["hang start"])
    process = bench.start()
    until(lambda: "starts: process" in bench.text())
    until(lambda: "hangs at its start" in bench.text())
    process.terminate()
    assert process.wait(PATIENCE) == 8


def test_a_second_signal_ends_it_at_once(bench: Bench) -> None:
    bench.configure(do=["hang run", "child"])
    process = bench.up()
    process.terminate()
    until(lambda: "the factory ends" in bench.text())
    process.terminate()
    assert process.wait(PATIENCE) == 8
    assert "SIGTERM received again" in bench.text()
    until(lambda: not alive(bench.children()[0]))


def test_an_error_at_the_end_is_told(bench: Bench) -> None:
    bench.configure(do=["fail shutdown"])
    process = bench.up()
    process.terminate()
    assert process.wait(PATIENCE) == 7
    assert "RuntimeError: bad end" in bench.text()


def test_hup_reloads(bench: Bench) -> None:
    process = bench.up()
    process.send_signal(signal.SIGHUP)
    until(lambda: "WARNING reloaded" in bench.text())
    assert process.poll() is None


def test_many_hups_are_one_or_two_reloads_and_no_end(bench: Bench) -> None:
    process = bench.up()
    gate = bench.folder / "gate"
    bench.configure(gate=str(gate))
    for _ in range(10):
        process.send_signal(signal.SIGHUP)
        time.sleep(0.02)  # two at one moment would be one for the kernel already
    until(lambda: "reads its configuration" in bench.text())
    gate.touch()
    until(lambda: "WARNING reloaded" in bench.text())
    rounds = bench.text().count("round")
    until(lambda: bench.text().count("round") > rounds + 20)
    assert bench.text().count("WARNING reloaded") <= 2
    process.terminate()
    assert process.wait(PATIENCE) == 0


def test_a_bad_configuration_does_not_stop_what_runs(bench: Bench) -> None:
    process = bench.up()
    bench.configure(broken="no such thing as this")
    process.send_signal(signal.SIGHUP)
    until(lambda: "reload failed: the running configuration stays" in bench.text())
    rounds = bench.text().count("round")
    until(lambda: bench.text().count("round") > rounds)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_signals_that_come_too_early_do_no_harm(bench: Bench, number: signal.Signals) -> None:
    gate = bench.folder / "gate"
    bench.configure(gate=str(gate))
    process = bench.start()
    until(lambda: "reads its configuration" in bench.text())
    process.send_signal(number)
    gate.touch()
    until(lambda: "the factory is up" in bench.text())
    assert process.poll() is None


def test_a_terminal_that_closes_ends_it(bench: Bench) -> None:
    pid, master = os.forkpty()
    if pid == 0:
        command = bench.command("--info", "--log", str(bench.log))
        os.execv(command[0], command)
    until(lambda: "the factory is up" in bench.text())
    os.kill(pid, signal.SIGHUP)  # the terminal is there: a reload
    until(lambda: "WARNING reloaded" in bench.text())
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert "the terminal is gone" in bench.text()


def test_usr1_reopens_the_logs(bench: Bench) -> None:
    process = bench.up()
    old = bench.log.rename(bench.log.with_suffix(".1"))
    process.send_signal(signal.SIGUSR1)
    until(lambda: "log files reopened" in bench.text())
    process.terminate()
    process.wait(PATIENCE)
    rounds = [int(n) for n in re.findall(r"round (\d+)", old.read_text() + bench.text())]
    assert rounds == list(range(1, len(rounds) + 1)), "every line is in one of the two"


def test_usr2_shows_where_every_thread_is(bench: Bench) -> None:
    process = bench.up()
    process.send_signal(signal.SIGUSR2)
    rounds = bench.text().count("round")
    until(lambda: bench.text().count("round") > rounds + 5)  # the signal has been taken long before
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE)
    assert "fake_daemon.py" in errors
    assert "Current thread" in errors
