"""What schedds say, as they really said it, and what it means."""

import pytest

from autopyfactory.why.holds import KINDS, kind_of, stripped

REAL = [
    (
        'Error connecting to schedd ce1.grid.test: SECMAN:2010:Received "DENIED" from server for user '
        "pilot01@ce1.grid.test using method IDTOKENS.",
        0,
        "credential-refused",
    ),
    (
        "Error connecting to schedd ce1.grid.test: SECMAN:2007:Failed to received post-auth ClassAd",
        0,
        "credential-refused",
    ),
    (
        "Error from slot1_1@ce1.grid.test: Failed to execute '/var/lib/condor/execute/dir_1/bad.sh' (errno="
        "2: 'No such file or directory'): invalid interpreter",
        6,
        "wrapper-cannot-start",
    ),
    ("Error sending files to schedd ce1.grid.test: SCHEDD:1|DCSchedd::spoolJobFiles", 0, "files-not-sent"),
    ("ERROR: proxy lifetime too short", 0, "credential-expired"),
    (
        "submission command failed (exit code = 1) (stdout:) (stderr:sbatch: error: invalid partition"
        " specified: nosuch-sbatch: error: Batch job submission failed: Invalid partition name specified-)",
        0,
        "batch-refused",
    ),
    (
        "submission command failed (exit code = 1) (stderr:sbatch: error: Batch job submission failed: Unable"
        " to contact slurm controller (connect failure)-)",
        0,
        "batch-down",
    ),
    ("Job disappeared from remote schedd", 0, "vanished-at-ce"),
    ("site policy says no", 3, "ce-policy"),
    ("via condor_hold (by user alice)", 1, "held-by-person"),
    (
        "Job has gone over cgroup memory limit of 2000 megabytes. Peak usage: 2001 megabytes.",
        34,
        "resource-limit",
    ),
    (
        "Transfer output files failure at access point vm while receiving files: No space left",
        12,
        "files-not-returned",
    ),
    ("something that nobody has seen yet", 0, "held-other"),
    ("the job 403.401 is held by its moon", 0, "held-other"),
]


@pytest.mark.parametrize(("text", "code", "kind"), REAL)
def test_what_it_means(text: str, code: int, kind: str) -> None:
    assert kind_of(text, code).code == kind


def test_every_kind_says_what_to_do() -> None:
    for kind in KINDS:
        assert kind.words
        assert kind.next
        assert kind.pattern or kind.codes


def test_texts_of_different_pilots_are_the_same_text() -> None:
    a = "Error from slot1_1@node17.site: cannot open /pool/dir_4711/x 12.0 3fa94c0011"
    b = "Error from slot1_7@node3.site: cannot open /pool/dir_4712/y 13.5 77ffe0012a"
    assert stripped(a) == stripped(b)
    assert stripped(a) != stripped("Error from slot1_1@node17.site: cannot read /pool/x 12.0 3fa94c0011")
