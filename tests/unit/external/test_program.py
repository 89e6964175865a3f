"""What a program did for certain, and what may have happened; hangs and floods are in tests/faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopyfactory.external.program import NotStarted, ProgramError, run


def test_output_of_a_program_that_ends_well() -> None:
    assert run(["/bin/echo", "a b"], 30).stdout == b"a b\n"


def test_what_is_not_there_or_not_executable_was_not_started(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    for path in (tmp_path / "none", tmp_path / "plain"):
        with pytest.raises(NotStarted, match="cannot be started"):
            run([str(path)], 30)


def test_a_program_that_only_says_so_was_started(tmp_path: Path) -> None:
    liar = tmp_path / "liar"
    liar.write_text("#!/bin/sh\necho 'the pilot cannot be started' >&2\nexit 1\n")
    liar.chmod(0o755)
    with pytest.raises(ProgramError, match="ended with code 1: the pilot cannot be started") as caught:
        run([str(liar)], 30)
    assert not isinstance(caught.value, NotStarted)
