"""Has HTCondor itself read submit descriptions without sending anything, in a process of its own.

`condor_submit -dry-run` is the authority where it is installed; else the expressions are parsed by the
bindings' ClassAd library. Files that a description names are not looked at: that is somebody else's check.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from autopyfactory.external import program

SECONDS = 120.0  # for all descriptions together
EACH = 20.0  # for one of them
EXPRESSIONS = frozenset(
    {
        *("requirements", "rank", "periodic_hold", "periodic_release", "periodic_remove"),
        *("on_exit_hold", "on_exit_remove", "noop_job_exit_signal", "leave_in_queue"),
    }
)
_FILES = frozenset({"x509userproxy", "scitokens_file", "transfer_input_files", "ec2_access_key_id"})
_NOISE = re.compile(r"^(Dry-Run job\(s\)\.?|WARNING:.*|\.+|-?\s*)$")


def refusals(descriptions: Sequence[Mapping[str, str]]) -> list[str | None]:
    """Return for each description why HTCondor refuses it; None for one that it takes.

    Raises program.ProgramError when that cannot be found out.
    """
    if not descriptions:
        return []
    with tempfile.TemporaryDirectory(prefix="autopyfactory-check-") as folder:
        asked = Path(folder, "asked.json")
        asked.write_text(json.dumps([dict(d) for d in descriptions]))
        done = program.run([sys.executable, "-P", "-m", __name__, str(asked)], SECONDS)
    found: list[str | None] = json.loads(done.stdout)
    return found


def _by_condor_submit(submit: str, description: Mapping[str, str], folder: Path) -> str | None:
    kept = {k: v for k, v in description.items() if k.lower() not in _FILES}
    kept["executable"] = "/bin/true"
    text = "".join(f"{k} = {v}\n" for k, v in kept.items())
    (folder / "description").write_text(f"{text}queue 1\n")
    environment = dict(os.environ)
    if "CONDOR_CONFIG" not in environment and not os.path.exists("/etc/condor/condor_config"):
        environment["CONDOR_CONFIG"] = "/dev/null"
    command = [submit, "-disable", "-dry-run", str(folder / "ad"), str(folder / "description")]
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=EACH,
        check=False,
    )
    if done.returncode == 0:
        return None
    lines = [" ".join(line.split()) for line in (done.stderr + done.stdout).splitlines()]
    said = [line.removeprefix("ERROR: ") for line in lines if line and not _NOISE.match(line)]
    return " ".join(said)[:300] or f"condor_submit ended with code {done.returncode}"


def _by_the_library(description: Mapping[str, str]) -> str | None:
    import classad2

    for key, value in description.items():
        expression = key.lower() in EXPRESSIONS or key.startswith("+") or key.lower().startswith("my.")
        if not expression or "$" in value or "\\" in value:  # macros and the old syntax's backslashes
            continue
        try:
            classad2.ExprTree(value)
        except (classad2.ClassAdException, SyntaxError, ValueError):
            return f"{key}: not a ClassAd expression: {value}"
    return None


def main() -> None:
    """Print what HTCondor says about the descriptions in the file that is named, as JSON."""
    descriptions = json.loads(Path(sys.argv[1]).read_text())
    submit = shutil.which("condor_submit")
    folder = Path(sys.argv[1]).parent
    found = [_by_condor_submit(submit, d, folder) if submit else _by_the_library(d) for d in descriptions]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
