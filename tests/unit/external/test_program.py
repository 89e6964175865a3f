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


def test_what_is_secret_goes_by_standard_input_and_ends_there() -> None:
    """No word of the command, nothing of the environment: the program reads it, and then the end of it."""
    assert run(["cat"], 30, stdin=b"open sesame\n").stdout == b"open sesame\n"
    assert run(["cat"], 30).stdout == b""
    with pytest.raises(NotStarted):
        run(["/no/such/program"], 30, stdin=b"secret")
    with pytest.raises(ValueError, match="more than a pipe takes"):
        run(["cat"], 30, stdin=b"x" * 70_000)


def test_a_program_that_does_not_read_its_input_is_no_trouble() -> None:
    assert run(["true"], 30, stdin=b"x" * 50_000).stdout == b""
