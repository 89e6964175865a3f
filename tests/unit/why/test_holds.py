"""What schedds say, as they really said it, and what it means."""

from __future__ import annotations

from typing import get_args

import pytest

from autopyfactory.model.declaration import Who
from autopyfactory.why.holds import KINDS, kind_of, stripped

# Where a text was seen:
TESTBED = "HTCondor 23.9 of misc/testbed, November 2026"  # made to happen: names and paths are shortened
SLURM = "Slurm 22.05 of misc/testbed, as blahp brings it"
MANUAL = "HTCondor's manual, Job ClassAd Attributes, HoldReasonCode"
HARVESTER = (
    "HSF/harvester, pandaharvester/harvestercore/worker_errors.py: patterns of messages at ATLAS's sites"
)

NODE_IN = (
    "Transfer input files failure at execution point slot1@ce2 while receiving files from access point ap. "
    "Details: writing to file /execute/dir_12163/big: (errno 28) No space left on device"
)
NODE_OUT = (
    "Transfer output files failure at execution point slot2@ce while sending files to access point ap. "
    "Details: reading from file /execute/dir_12176/result.tar: (errno 2) No such file or directory"
)
HERE_IN = (
    "Transfer input files failure at access point ap while sending files to execution point slot6@ce. "
    "Details: reading from file /home/p/wrapper.sh: (errno 2) No such file or directory"
)
HERE_OUT = (
    "Transfer output files failure at access point ap while receiving files from execution point slot8@ce. "
    "Details: writing to file /logs/x.out: (errno 28) No space left on device"
)
BACK = (
    "Error receiving files from schedd ce1@grid.test: DCSchedd::receiveJobSandbox:7003:File transfer failed "
    "for target job 5.0: C_GAHP_WORKER_THREAD at 127.0.0.1 - |Error: writing to file /home/p/nolog/o: (errno "
    "2) No such file or directory"
)
STARTER_FULL = (  # cms-sw/genproductions#1554
    "Error from glidein_27986_94860774@se1wn29.pi.infn.it: STARTER at 10.1.5.29 failed to write to file "
    "/home/grid/execute/dir_5025/madevent: (errno 28) No space left on device"
)
STARTER_NO_FILE = (  # radical-cybertools/radical.pilot#1032
    "Error from glidein_542261_602348192@CRUSH-OSG-10-5-17-5: STARTER at 10.5.17.5 failed to send file(s) to "
    "<129.79.53.198:9615>: error reading from /execute/dir_549597/pilot.0000.log.tgz: (errno 2) No such file "
    "or directory; SHADOW failed to receive file(s) from <128.230.171.105:6894>"
)
BAD_INTERPRETER = (
    "Error from slot1_1@ce1.grid.test: Failed to execute '/execute/dir_1/bad.sh': invalid interpreter "
    "(/no/such/sh) specified on first line of script (errno=2: 'No such file or directory')"
)
QOS = (  # rwth-i6/sisyphus#241
    "submission command failed (exit code = 1) (stdout:) (stderr:sbatch: error: AssocMaxSubmitJobLimit-"
    "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, "
    "user's size and/or time limits)-)"
)
SBATCH = "submission command failed (exit code = 1) (stdout:) (stderr:sbatch: error: "
BATCH = f"{SBATCH}Batch job submission failed: "

MUTE = (  # a daemon that was stopped with SIGSTOP, after 60 s
    "Failed communication with collector.; IO: Failed to read packet header; ERROR: SECMAN:2007:This service "
    "is running, but did not respond in a reasonable time. It may be overloaded. Please try again in a few "
    "minutes.  If the problem persists, contact your administrator."
)
HERE = [
    # of our own schedd and its gridmanager
    (
        TESTBED,
        3,
        "The job attribute PeriodicHold expression '(time() - QDate) > 1' evaluated to TRUE",
        "own-policy",
    ),
    (TESTBED, 3, "The job attribute OnExitHold expression 'true' evaluated to TRUE", "own-policy"),
    (TESTBED, 3, "Ran longer than the site's wall time", "own-policy"),  # periodic_hold_reason of ours
    (TESTBED, 26, "The system macro SYSTEM_PERIODIC_HOLD expression 'x' evaluated to TRUE", "schedd-policy"),
    (MANUAL, 5, "The job attribute PeriodicHold expression 'a' evaluated to UNDEFINED", "policy-undefined"),
    (TESTBED, 1, "via condor_hold (by user alice)", "held-by-person"),
    (TESTBED, 1, "no space left in my head (by user nobody)", "held-by-person"),
    (TESTBED, 15, "submitted on hold at user's request", "submitted-on-hold"),
    (TESTBED, 6, BAD_INTERPRETER, "wrapper-cannot-start"),
    (
        TESTBED,
        6,
        "Error from slot6@ce: Failed to execute '/no/such/file.sh': (errno=2: 'No such file or directory')",
        "wrapper-cannot-start",
    ),
    (TESTBED, 21, "Error from slot8@ce: memory usage exceeded request_memory", "resource-limit"),
    (TESTBED, 21, "Error from slot8@ce: the node is kept for others", "node-policy"),
    (TESTBED, 13, HERE_IN, "files-not-sent"),
    (
        TESTBED,
        14,
        "Cannot access initial working directory /home/p/gone: No such file or directory",
        "files-not-sent",
    ),
    (TESTBED, 12, HERE_OUT, "files-not-returned"),
    (TESTBED, 13, NODE_IN, "node-disk-full"),
    (TESTBED, 12, NODE_OUT, "node-file-missing"),
    ("cms-sw/genproductions#1554", 13, STARTER_FULL, "node-disk-full"),
    ("cms-sw/genproductions#1554", 0, STARTER_FULL, "node-disk-full"),  # without its code
    ("radical-cybertools/radical.pilot#1032", 12, STARTER_NO_FILE, "node-file-missing"),
    (TESTBED, 46, "The job exceeded allowed job duration of 00:03", "resource-limit"),
    (TESTBED, 47, "The job exceeded allowed execute duration of 00:03", "resource-limit"),
    (TESTBED, 0, BACK, "files-not-returned"),
    (
        TESTBED,
        0,
        "Error sending files to schedd ce1@grid.test: DCSchedd::spoolJobFiles:7002:File transfer failed for "
        "target job 5.0: Failed to receive GoAhead message from 127.0.0.1.",
        "files-not-sent",
    ),
    (TESTBED, 0, "Job disappeared from remote schedd", "vanished-at-ce"),
    (TESTBED, 0, "ARC job has no credentials", "credential-missing"),
    (HARVESTER, 0, "Failed to provide GAHP with token", "credential-missing"),
    (
        "opensciencegrid's release notes of HTCondor 9.0.17",
        0,
        "Failed to get expiration time of proxy: unable to read proxy file",
        "credential-missing",
    ),
    (TESTBED, 0, "ERROR: proxy lifetime too short", "credential-expired"),
    (
        TESTBED,
        0,
        'Error connecting to schedd ce1.grid.test: SECMAN:2010:Received "DENIED" from server for user '
        "pilot01@ce1.grid.test using method IDTOKENS.",
        "credential-refused",
    ),
    (
        TESTBED,
        0,
        "Error connecting to schedd ce1: SECMAN:2007:Failed to received post-auth ClassAd",
        "credential-refused",
    ),
    (HARVESTER, 0, "Error locating schedd ce1.grid.test", "ce-not-found"),
    (HARVESTER, 0, "Failed to start GAHP", "gridmanager-fails"),
    (
        TESTBED,
        0,
        "ERROR: Failed to submit job.  SCHEDD:2:only jobs of production are taken here",
        "ce-policy",
    ),
    (
        TESTBED,
        0,
        "Number of submitted jobs would exceed MAX_JOBS_PER_OWNER\\n",
        "ce-policy",
    ),  # of the CE's schedd
    (HARVESTER, 0, "ARC job failed: New job submission is not allowed", "ce-closed"),
    (HARVESTER, 0, "LRMS error: (271) job killed: wall", "resource-limit"),
    (HARVESTER, 0, "LRMS error: (271) job killed: vmem", "resource-limit"),
    (HARVESTER, 0, "LRMS error: (-1) Job missing from SLURM", "batch-lost"),
    (HARVESTER, 0, "LRMS error: (-1) Node fail", "batch-lost"),
    (
        HARVESTER,
        34,
        "Job has gone over cgroup memory limit of 2000 megabytes. Peak usage: 2001 megabytes.",
        "resource-limit",
    ),
    (
        SLURM,
        0,
        f"{SBATCH}invalid partition specified: nosuch-sbatch: error: Batch job submission failed: Invalid "
        "partition name specified-)",
        "batch-refused",
    ),
    ("ARC 7", 0, "Requested queue nosuch is not allowed for this user", "batch-refused"),
    (SLURM, 0, f"{BATCH}Requested node configuration is not available-)", "batch-refused"),
    (SLURM, 0, f"{SBATCH}Memory specification can not be satisfied-)", "batch-refused"),
    (SLURM, 0, f"{BATCH}Invalid node name specified-)", "batch-refused"),
    (SLURM, 0, f"{BATCH}Invalid feature specification-)", "batch-refused"),
    (SLURM, 0, f"{BATCH}Unable to contact slurm controller (connect failure)-)", "batch-down"),
    ("facebookincubator/submitit#1659", 0, f"{BATCH}Socket timed out on send/recv operation-)", "batch-down"),
    ("rwth-i6/sisyphus#241", 0, QOS, "ce-policy"),
    (
        "PBS: mlr-org/BatchJobs",
        0,
        "qsub: submit error (Maximum number of jobs already in queue for user MSG=total "
        "number of current user's jobs exceeds the queue limit: user yoo, queue standby)",
        "ce-policy",
    ),
    (TESTBED, 0, f"Error connecting to schedd ce1@grid.test: {MUTE}", "ce-down"),
    # that nobody knows, with words that others begin with
    ("nowhere", 0, "something that nobody has seen yet", "held-other"),
    ("nowhere", 0, "the job 403.401 is held by its moon", "held-other"),
    ("nowhere", 0, "no room in the waiting room of policies", "held-other"),
]

THERE = [
    # of pilots that are held at their CE: reason and code are the CE's
    (TESTBED, 26, "no resource of this site matches", "ce-policy"),
    (TESTBED, 3, "The job attribute PeriodicHold expression 'JobStatus == 2' evaluated to TRUE", "ce-policy"),
    (TESTBED, 3, "site policy says no", "ce-policy"),
    (TESTBED, 1, "operator says no (by user condor)", "held-by-person"),
    (TESTBED, 6, BAD_INTERPRETER, "wrapper-cannot-start"),
    (TESTBED, 13, NODE_IN, "node-disk-full"),
    (TESTBED, 12, NODE_OUT, "node-file-missing"),
    (TESTBED, 13, HERE_IN, "ce-files"),  # the access point in it is the CE
    (TESTBED, 46, "The job exceeded allowed job duration of 00:03", "resource-limit"),
]

SITE_ACTS = (
    "ce-down",
    "ce-policy",
    "ce-closed",
    "ce-not-found",
    "ce-files",
    "node-disk-full",
    "node-file-missing",
    "batch-lost",
)


@pytest.mark.parametrize(("seen", "code", "text", "kind"), HERE)
def test_what_our_schedd_says(seen: str, code: int, text: str, kind: str) -> None:
    assert kind_of(text, code).code == kind, seen


@pytest.mark.parametrize(("seen", "code", "text", "kind"), THERE)
def test_what_the_schedd_of_a_ce_says(seen: str, code: int, text: str, kind: str) -> None:
    assert kind_of(text, code, "there").code == kind, seen


@pytest.mark.parametrize("code", SITE_ACTS)
def test_what_the_site_has_to_mend_is_not_ours(code: str) -> None:
    assert {k.who for k in KINDS if k.code == code} == {"site"}


def test_the_limit_of_our_own_schedd_is_ours_to_raise() -> None:
    text = "Failed to create new proc. Number of submitted jobs would exceed MAX_JOBS_PER_OWNER"
    assert kind_of(text, place="submission").code == "schedd-full"
    assert kind_of(text).code == "ce-policy"


@pytest.mark.parametrize(
    "text",
    [
        "Failed to connect to schedd, errmsg=AUTHENTICATE:1003:Failed to authenticate with any method",
        'Failed to connect to schedd, errmsg=SECMAN:2010:Received "DENIED" from server for user x@y.',
    ],
)
def test_who_is_not_let_in_at_submission_is_not_let_in_by_our_schedd(text: str) -> None:
    kind = kind_of(text, place="submission")
    assert (kind.code, kind.who) == ("schedd-refuses", "us")


def test_a_person_at_the_ce_is_not_one_here() -> None:
    here, there = (
        kind_of("via condor_hold (by user x)", 1),
        kind_of("via condor_hold (by user x)", 1, "there"),
    )
    assert (here.who, there.who) == ("us", "site")


@pytest.mark.parametrize("text", [text for _, code, text, _ in HERE if code])
def test_codes_come_before_texts(text: str) -> None:
    """A person's or a rule's words may speak of anything."""
    assert kind_of(text, 1).code == "held-by-person"
    assert kind_of(text, 3).code == "own-policy"


def test_every_kind_says_what_to_do() -> None:
    for kind in KINDS:
        assert kind.words
        assert kind.next
        assert kind.who in get_args(Who)


def test_texts_of_different_pilots_are_the_same_text() -> None:
    a = "Error from slot1_1@node17.site: cannot open /pool/dir_4711/x 12.0 3fa94c0011"
    b = "Error from slot1_7@node3.site: cannot open /pool/dir_4712/y 13.5 77ffe0012a"
    assert stripped(a) == stripped(b)
    assert stripped(a) != stripped("Error from slot1_1@node17.site: cannot read /pool/x 12.0 3fa94c0011")


@pytest.mark.parametrize(
    ("text", "todo"),
    [
        (f"ap@grid.test: {MUTE}", "see that the schedd and its collector run"),
        ("ap@grid.test: submit: no answer within 20 s", "see that the schedd and its collector run"),
        ("ap@grid.test: the collector knows no schedd named 'ap'", "start that schedd"),
        ("the moon is full", "correct what the text says"),
    ],
)
def test_a_submission_that_our_schedd_did_not_take(text: str, todo: str) -> None:
    kind = kind_of(text, place="submission")
    assert (kind.code, kind.who) == ("submission-failed", "us")
    assert kind.next.startswith(todo)
