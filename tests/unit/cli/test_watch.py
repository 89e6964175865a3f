"""`status --watch`: keys choose order and rows, and the terminal is given back as it was."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.api.rows import SORTS
from autopyfactory.cli.link import Link
from autopyfactory.cli.queueview import QueueView
from autopyfactory.cli.watch import Watch
from patience import PATIENCE, until
from place import Place


@pytest.fixture
def state() -> Watch:
    return Watch(QueueView(Link(())))


def test_keys_sort_turn_and_choose(state: Watch) -> None:
    seen = []
    for _ in SORTS:
        state.press("s")
        seen.append(state.view.sort)
    assert sorted(seen) == sorted(SORTS), "every order comes by"
    state.press("rp")
    assert (state.view.backwards, state.view.problems) == (True, True)
    assert "backwards" in state.foot
    state.press("rpq")
    assert (state.view.backwards, state.view.problems, state.over) == (False, False, True)


def test_a_filter_is_typed_corrected_and_given_up(state: Watch) -> None:
    state.press("/")
    state.press("heldx")
    state.press("\x7f")
    state.press(">0\n")
    assert state.view.words == ("held>0",)
    assert "filter: held>0" in state.foot
    state.press("/")
    assert "held>0_" in state.foot, "the old one can be changed"
    state.press(" q")
    assert not state.over, "a letter of the filter is no order"
    state.press("\x1b")
    assert state.view.words == ("held>0",)
    state.press("/ beauty=1\n")
    assert "there is no column" in state.foot
    assert state.view.words == ("held>0",)
    state.press("\x1b[A")
    assert state.typing is None


@given(st.lists(st.text(max_size=5), max_size=20))
def test_no_keys_break_it(pressed: list[str]) -> None:
    state = Watch(QueueView(Link(())))
    for keys in pressed:
        state.press(keys)
        assert state.foot


def test_a_terminal_shows_the_table_takes_keys_and_is_as_before(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.start()
    try:
        ours, theirs = pty.openpty()
        before = termios.tcgetattr(theirs)
        command = [sys.executable, "-m", "autopyfactory", "status", "--conf", str(place.conf), "--watch", "1"]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200", "LINES": "50"}
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        seen = b""

        def shows(words: bytes) -> bool:
            nonlocal seen
            if select.select([ours], [], [], 0.1)[0]:
                with suppress(OSError):  # the other end is closed
                    seen = (seen + os.read(ours, 65536))[-500_000:]
            return words in seen

        until(lambda: shows(b"q: end"))
        assert b"east" in seen
        os.write(ours, b"/ east\n")
        until(lambda: shows(b"filter: east"))
        os.write(ours, b"q")
        until(lambda: shows(b"\x1b[?1049l"), "the screen is left")
        assert process.wait(PATIENCE) == 0
        assert termios.tcgetattr(theirs) == before
    finally:
        place.stop()
        place.kill_pilots()


def test_without_a_terminal_it_only_repeats(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.start()
    try:
        words = ["status", "--conf", str(place.conf), "--watch", "0.5"]
        command = [sys.executable, "-m", "autopyfactory", *words]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(12)]
            process.terminate()
        assert sum(b"queue" in line for line in lines) >= 1
        assert not any(b"q: end" in line for line in lines)
    finally:
        place.stop()
        place.kill_pilots()
