"""`check` has HTCondor read what would be submitted: the real condor_submit, and nothing is sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from autopyfactory.cli.main import cli
from autopyfactory.condor import dryrun
from testbed import condor

BAD = {
    'batchsubmit.condorce.condor_attributes.Requirements = regexp("bell",Machine': "HTCondor refuses",
    'batchsubmit.condorce.condor_attributes.+Note = "an "inner" quote"': "HTCondor refuses",
    "batchsubmit.condorce.condor_attributes.periodic_remove = JobStatus ==": "HTCondor refuses",
    "executable.arguments = one\\": "backslash at the end",
    "executable.arguments = \"it's'": "HTCondor refuses",
    'executable.arguments = "a "b" c"': "HTCondor refuses",
    "batchsubmit.condorce.condor_attributes.queue = 5": "not a submit command",
}
GOOD = [
    'batchsubmit.condorce.condor_attributes.Requirements = regexp("bell",Machine)',
    "executable.arguments = -a 'one two' -b",
    'batchsubmit.condorce.condor_attributes.+Note = "an \\"inner\\" quote"',
    "batchsubmit.condorce.environ = A=1 B='x y'",
    "batchsubmit.condorce.tokenfile = /nowhere/token",
]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """Put HTCondor's programs on the path, as they are on an access point."""
    found = condor.find()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{found.bin}:{os.environ['PATH']}")
        yield


def check(tmp_path: Path, line: str, *options: str) -> str:
    (tmp_path / "queues.conf").write_text(
        "[DEFAULT]\nexecutable = /bin/true\nenabled = True\nwmsstatusplugin = Condor\nwmsqueue = W\n"
        "batchstatusplugin = Condor\nbatchsubmitplugin = CondorCE\nschedplugin = Ready, MaxPending\n"
        "sched.maxpending.maximum = 5\nbatchsubmit.condorce.gridresource = ce.example.org\n"
        f"[Fine]\n[Odd]\n{line}\n"
    )
    conf = tmp_path / "autopyfactory.conf"
    conf.write_text(
        f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nstatedir = {tmp_path}/s\n"
        f"queueConf = {tmp_path}/queues.conf\n"
    )
    return CliRunner().invoke(cli, ["check", *options, "--conf", str(conf)]).output


@pytest.mark.parametrize("line", BAD)
def test_what_a_submission_would_refuse_is_told_by_check(tmp_path: Path, line: str) -> None:
    said = check(tmp_path, line)
    assert BAD[line] in said, said
    assert "[Odd]" in said and "error: [Fine]" not in said


@pytest.mark.parametrize("line", GOOD)
def test_what_is_right_is_not_refused(tmp_path: Path, line: str) -> None:
    said = check(tmp_path, line)
    assert "HTCondor refuses" not in said and "could not be asked" not in said, said


def test_like_queues_are_asked_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = dryrun.refusals
    monkeypatch.setattr(dryrun, "refusals", lambda ds: (asked.append(len(ds)), real(ds))[1])
    check(tmp_path, "\n".join(f"[Like_{n}]" for n in range(50)))
    assert len(asked) == 1 and asked[0] <= 4


def test_without_files_of_this_machine_nothing_is_asked(tmp_path: Path) -> None:
    assert "HTCondor refuses" not in check(tmp_path, next(iter(BAD)), "--no-files")


def test_without_condor_submit_the_library_reads_the_expressions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert "not a ClassAd expression" in check(tmp_path, next(iter(BAD)))
