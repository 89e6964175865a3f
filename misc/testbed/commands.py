"""Run a command with a time limit and turn a failure into one readable error."""

import pwd
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from testbed.errors import TestbedError


def run(
    command: Sequence[str | Path],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
    input: str | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run `command` and return its output as text.

    `timeout` is in seconds.  With `user` the command runs as that user and none of our groups (root only).
    Raises TestbedError on a non-zero exit (unless `check` is false), on a time-out, and when it cannot start.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            env=env,
            cwd=cwd,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            **identity(user),
        )
    except subprocess.TimeoutExpired:
        raise TestbedError(f"{words[0]} gave no answer within {timeout:g} s") from None
    except OSError as error:
        raise TestbedError(f"{words[0]} cannot be run: {error}") from error
    if check and done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise TestbedError(f"{shortened(words)} ended with {done.returncode}: {said}")
    return done


def shortened(words: Sequence[str]) -> str:
    """A command as it fits into an error message: the program's name, and the end of its arguments."""
    line = " ".join([Path(words[0]).name, *words[1:]])
    return line if len(line) <= 200 else f"{Path(words[0]).name} ... {line[-160:]}"


def identity(user: str | None) -> dict[str, Any]:
    """The Popen arguments that make the child `user`, with that user's main group alone."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
