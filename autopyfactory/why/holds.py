"""What the reasons mean for which schedds hold pilots or refuse them: cause, what to do, and who has to.

The code says more than the text where it says one thing only; texts decide the rest. A transfer's text names
the side that failed: STARTER, or the execution point, is the worker node; SHADOW, or the access point, is
here. A pilot in the grid universe that is held at its CE brings the CE's reason and code along: "here" is the
CE then. The texts are those of HTCondor 8 to 25, batch systems and ARC; what fits nothing is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from autopyfactory.model.declaration import Who


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of trouble with pilots."""

    code: str
    words: str
    next: str
    who: Who


RENEW = "renew the credential; pilots that are held for it are released by themselves then"
LOWER = "keep the queue's limits (MaxToRun, MaxPending) below the site's, or ask the site to raise it"
RENAMED = (
    "see whether the CE's schedd has another name (`condor_status -schedd -pool` with that collector) and "
    "if so set `batchsubmit.condorce.schedd`; otherwise tell the site that it is down"
)

NO_ANSWER = r"\bdid not respond in a reasonable time\b|: no answer within \S+ s\b"
"""What HTCondor says, and we do, of a daemon that takes a connection and is silent."""

START_SCHEDD = (
    "start that schedd, or correct `{}status.condor.schedd`: `condor_status -schedd -pool` with the "
    "collector lists those it knows"
)
LOOK_AT_SCHEDD = "see that the schedd and its collector run and let the factory in"

EXPIRED = Kind("credential-expired", "the credential has expired", RENEW, "credentials")
MISSING = Kind(
    "credential-missing",
    "the credential is not there, or cannot be read",
    "see that the file which the queue names (`tokenfile`, `proxyfile`) is there and readable for the schedd",
    "credentials",
)
NOT_ALLOWED = Kind(
    "credential-refused",
    "the CE knows our identity and does not let it submit",
    "ask the site to authorise the identity in this text, or use the credential that the site expects",
    "credentials",
)
NOT_ACCEPTED = Kind(
    "credential-refused",
    "the CE does not accept our credential (expired, of another issuer or audience, or none)",
    "check lifetime, issuer and audience of the token or proxy; the CE's log has the exact reason. Pilots "
    "keep the file they were sent with: once the queue names another, `autopyfactory pilots kill` those held",
    "credentials",
)
BATCH_REFUSED = Kind(
    "batch-refused",
    "the batch system refuses the request",
    "correct queue, partition, account or limits in the queue's options",
    "us",
)
BATCH_DOWN = Kind("batch-down", "the CE cannot reach its batch system", "tell the site", "site")
CLOSED = Kind("ce-closed", "the CE takes no new pilots now", "wait, or ask the site until when", "site")
NOT_FOUND = Kind("ce-not-found", "the CE's schedd cannot be located", RENAMED, "site")
SITE_LIMIT = Kind(
    "ce-policy", "the CE or its batch system takes no more pilots of this user or account", LOWER, "site"
)
CE_POLICY = Kind(
    "ce-policy", "the CE's own rules hold the pilots", "ask the site which rule it is, with this text", "site"
)
CE_RULE = Kind(
    "ce-policy",
    "a rule at the CE holds the pilots",
    "ask the site which rule it is, unless the queue sends one of its own (+remote_PeriodicHold)",
    "site",
)
OWN_POLICY = Kind(
    "own-policy",
    "a rule of their own (periodic_hold or on_exit_hold) holds the pilots",
    "see the rule in the queue's `condor_attributes`; it says what the pilots did",
    "us",
)
SCHEDD_POLICY = Kind(
    "schedd-policy",
    "a rule of our schedd (SYSTEM_PERIODIC_HOLD) holds the pilots",
    "ask who runs the schedd which rule it is",
    "us",
)
UNDEFINED = Kind(
    "policy-undefined",
    "a rule in the pilots' ads is neither true nor false: an attribute in it does not exist",
    "correct periodic_hold, periodic_remove or on_exit_... in the queue's `condor_attributes`",
    "us",
)
PERSON = Kind(
    "held-by-person",
    "somebody held the pilots",
    "ask who did, and release them (condor_release) or remove them (`autopyfactory pilots kill`)",
    "us",
)
PERSON_THERE = Kind(
    "held-by-person", "somebody held the pilots at the CE", "ask the site who did, and why", "site"
)
ON_HOLD = Kind(
    "submitted-on-hold",
    "the pilots were submitted on hold",
    "take `hold` out of the queue's `condor_attributes`, and release the pilots (condor_release)",
    "us",
)
CANNOT_START = Kind(
    "wrapper-cannot-start",
    "the wrapper cannot be started on the worker node",
    "look at `executable`: it must exist, be executable and name an interpreter that the site has",
    "us",
)
NODE_DISK = Kind(
    "node-disk-full",
    "no space is left on the worker node's disk",
    "tell the site, with the node's name; or ask for more disk (request_disk)",
    "site",
)
NODE_FILE = Kind(
    "node-file-missing",
    "a file is missing on the worker node",
    "see whether the pilot leaves every file that it is to bring back; if it does, tell the site",
    "site",
)
NODE = Kind(
    "node-trouble",
    "the worker node cannot handle the pilot's files",
    "tell the site, with the node's name",
    "site",
)
NODE_POLICY = Kind(
    "node-policy", "the worker node's own rules hold the pilots", "ask the site, with this text", "site"
)
NOT_SENT = Kind(
    "files-not-sent",
    "the pilot's files cannot be sent to the CE (one is missing or unreadable)",
    "check that `executable`, the proxy and the log folder exist on this host, readable for the schedd",
    "us",
)
NOT_RETURNED = Kind(
    "files-not-returned",
    "the pilot's output cannot be brought back",
    "check room and permissions of the log folder on this host, and the output's size",
    "us",
)
CE_FILES = Kind(
    "ce-files", "the CE cannot handle the pilot's files", "tell the site: its spool is full or broken", "site"
)
RESOURCES = Kind(
    "resource-limit",
    "the pilot took more than it may (memory, disk or time)",
    "ask for more in the queue's options, or have the work looked at",
    "us",
)
BATCH_LOST = Kind(
    "batch-lost", "the site's batch system lost or ended the pilots", "ask the site, with this text", "site"
)
VANISHED = Kind(
    "vanished-at-ce",
    "the pilots disappeared at the CE",
    "somebody removed them there, or the CE lost them: ask the site",
    "site",
)
GRIDMANAGER = Kind(
    "gridmanager-fails",
    "our schedd cannot start what talks to the CE (gridmanager or GAHP)",
    "see GridmanagerLog.* on the schedd's host",
    "us",
)
SCHEDD_REFUSES = Kind(
    "schedd-refuses",
    "our schedd does not let the factory in",
    "check the factory's token for it (`batchstatus.condor.tokendir`) and the schedd's ALLOW_WRITE",
    "us",
)
SCHEDD_FULL = Kind(
    "schedd-full",
    "the schedd takes no more jobs",
    "raise MAX_JOBS_PER_OWNER or MAX_JOBS_SUBMITTED there, or remove what is not needed",
    "us",
)
SILENT = Kind(
    "ce-down",
    "the CE does not answer in time",
    "tell the site, if it lasts: its CE is overloaded, or hangs",
    "site",
)
SCHEDD_UNKNOWN = Kind(
    "submission-failed", "the collector knows no such schedd", START_SCHEDD.format("batch"), "us"
)
SCHEDD_SILENT = Kind("submission-failed", "the schedd does not answer", LOOK_AT_SCHEDD, "us")
NOT_SUBMITTED = Kind(
    "submission-failed",
    "the submission failed",
    "correct what the text says; it is tried again within five minutes",
    "us",
)
OTHER = Kind(
    "held-other", "the pilots are held", "read the reason; `condor_q -hold` on the schedd shows all", "us"
)

# HoldReasonCode, from HTCondor's manual ("Job ClassAd Attributes"), where it alone says what it is
CODES: Mapping[int, Kind] = {
    1: PERSON, 3: OWN_POLICY, 5: UNDEFINED, 6: CANNOT_START, 7: NOT_SENT, 8: NOT_SENT, 9: NOT_SENT,
    10: NOT_SENT, 14: NOT_SENT, 15: ON_HOLD, 22: NOT_RETURNED, 26: SCHEDD_POLICY, 27: UNDEFINED, 32: NOT_SENT,
    33: NOT_RETURNED, 34: RESOURCES, 45: NODE, 46: RESOURCES, 47: RESOURCES,
}  # fmt: skip
# the same of a pilot that is held at its CE, where that is another matter
CODES_THERE: Mapping[int, Kind] = {
    1: PERSON_THERE, 3: CE_RULE, 7: CE_FILES, 8: CE_FILES, 14: CE_FILES, 22: CE_FILES, 26: CE_POLICY,
    27: CE_POLICY,
}  # fmt: skip
# codes whose text says more, and what they are if it does not
VAGUE: Mapping[int, Kind] = {
    4: NOT_ACCEPTED,
    12: NOT_RETURNED,
    13: NOT_SENT,
    19: NODE,
    21: NODE_POLICY,
    48: NOT_SENT,
}

_TRANSFERS = (12, 13)
_MOVING = re.compile(
    r"\bTransfer (in|out)put files failure\b|\bError (sending|receiving) files\b|\bDCSchedd::\w*Sandbox\b"
    r"|\bDCSchedd::spoolJobFiles\b|\bfailed to (send|receive) file"
    r"|\b(STARTER|SHADOW) at \S+ failed to write\b",
    re.IGNORECASE,
)
_BACK = re.compile(r"\boutput files failure\b|\breceiving files\b|\breceiveJobSandbox\b", re.IGNORECASE)
_FULL = re.compile(r"\berrno[ =]28\b|\bNo space left on device\b|\bDisk quota exceeded\b", re.IGNORECASE)
_NO_FILE = re.compile(r"\berrno[ =]2\b|\bNo such file or directory\b", re.IGNORECASE)

_TEXTS: tuple[tuple[Kind, str], ...] = (
    (
        EXPIRED,
        r"\b(proxy|token|credential|certificate)\b.{0,60}\b(has )?expired\b"
        r"|\bexpired (proxy|token|credential)|\b(proxy|credential|token) lifetime too short",
    ),
    (
        MISSING,
        r"\bhas no credentials\b|\bFailed to provide GAHP with (token|proxy)\b"
        r"|\bunable to read (proxy|token|credential)|\bFailed to get (expiration time|identity) of proxy\b"
        r"|\b(proxy|token)( file)? \S+ (does not exist|not found)\b",
    ),
    (
        RESOURCES,
        r"\bjob killed: (vmem|mem|cput|wall)|\bmemory (usage )?exceed|\bpeak memory usage exceeded\b"
        r"|\bexceed\w* (the )?(requested )?(memory|disk|time|wall)|\bout of memory\b|\bOOM\b|\boom-kill"
        r"|\bover cgroup memory limit\b|\bexceeded allowed (execute|job) duration\b|\bDUE TO TIME LIMIT\b",
    ),
    (
        SITE_LIMIT,
        r"\b(QOS|Assoc)\w*(Submit|Jobs)\w*Limit\b|\bviolates accounting/QOS policy\b"
        r"|\bMaximum number of jobs already in queue\b|\bexceeds the queue limit\b|\bMaxIdleJobs\b",
    ),
    (CLOSED, r"\bjob submission is not allowed\b|\bPartition\w* (is )?(down|drained|inactive)\b"),
    (
        BATCH_REFUSED,
        r"\binvalid partition\b|\bInvalid account\b|\bInvalid qos\b|\bUnknown queue\b|\bPartitionTimeLimit\b"
        r"|\bsubmission command failed.*\b(invalid|illegal|unknown)\b|\bRequested time limit is invalid\b"
        r"|\bRequested node configuration is not available\b|\bMemory specification can ?not be satisfied\b"
        r"|\bRequested queue \S+ (is not allowed|does not match)\b",
    ),
    (
        BATCH_DOWN,
        r"\bUnable to contact slurm\b|\bslurm_load_jobs\b|\bCommunication connection failure\b"
        r"|\bpbs_connect\b"
        r"|\bSocket timed out on send/recv\b|\bcannot connect to (the )?(batch|server)\b",
    ),
    (BATCH_LOST, r"\bLRMS error\b"),
    (NOT_FOUND, r"\bError locating schedd\b"),
    # SECMAN:2007 too, as of one who does not want us: it took the connection, and then said nothing
    (SILENT, NO_ANSWER),
    (
        NOT_ALLOWED,
        r'Received "DENIED"|\bnot authorized\b|\bPERMISSION_DENIED\b|\bAUTHORIZATION\b'
        r"|\bforbidden\b|\b(HTTP|status|code)\W{0,3}403\b",
    ),
    (
        NOT_ACCEPTED,
        r"\bSECMAN:2007\b|\bpost-auth ClassAd\b|\bAUTHENTICATE:\d+|\bFailed to authenticate\b"
        r"|\bauthentication fail|\bunauthori[sz]ed\b|\b(HTTP|status|code)\W{0,3}401\b"
        r"|\bPermission denied \(publickey|\bAuthFailure\b",
    ),
    (CE_POLICY, r"\bSCHEDD:2:"),
    (GRIDMANAGER, r"\bFailed to start (gridmanager|GAHP)\b"),
    (VANISHED, r"\bdisappeared from remote\b|\bnot found on the remote\b|\bjob not found\b"),
    (CANNOT_START, r"\bFailed to execute\b|\binvalid interpreter\b|\bExec format error\b"),
    (OWN_POLICY, r"\bThe job attribute \w+ expression\b.*\bevaluated to TRUE\b"),
    (UNDEFINED, r"\bThe job attribute \w+ expression\b.*\bevaluated to UNDEFINED\b"),
    (SCHEDD_POLICY, r"\bSYSTEM_PERIODIC_HOLD\b"),
    (PERSON, r"\bvia condor_hold\b"),
    (NOT_SENT, r"\bCannot access initial working directory\b|\bFailed to (initiate|stage|spool)\b"),
)
_LIMIT = re.compile(r"\bMAX_JOBS_(PER_OWNER|SUBMITTED|PER_SUBMISSION)\b", re.IGNORECASE)
_OF_SUBMISSIONS = (
    (re.compile(r"\bcollector knows no schedd\b"), SCHEDD_UNKNOWN),
    (re.compile(NO_ANSWER), SCHEDD_SILENT),
)
_KINDS = tuple((kind, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for kind, pattern in _TEXTS)

_MOVED = (NODE_DISK, NODE_FILE, NODE, CE_FILES, SCHEDD_FULL, SCHEDD_REFUSES)
_NAMED = (kind for kind, _ in _TEXTS)
KINDS: tuple[Kind, ...] = tuple(
    dict.fromkeys((*_NAMED, *CODES.values(), *CODES_THERE.values(), *VAGUE.values(), *_MOVED))
)
"""Every kind but `OTHER`, and those of submissions alone."""

Place = Literal["here", "there", "submission"]
"""Where the text comes from: a hold of our schedd, one at the CE, or a submission that our schedd refused."""


def kind_of(text: str, code: int = 0, place: Place = "here") -> Kind:
    """Return what `text`, a hold reason or a submission's error, with HoldReasonCode `code` means."""
    if place == "there" and code in CODES_THERE:
        return CODES_THERE[code]
    if code in CODES:
        return CODES[code]
    if _LIMIT.search(text):
        return SCHEDD_FULL if place == "submission" else SITE_LIMIT  # ours refuses, a CE's holds
    if place == "submission":
        for pattern, kind in _OF_SUBMISSIONS:
            if pattern.search(text):
                return kind
    if code in _TRANSFERS or (code not in VAGUE and _MOVING.search(text)):
        return _moving(text, code, place)
    for kind, pattern in _KINDS:
        if pattern.search(text):
            return SCHEDD_REFUSES if place == "submission" and kind in (NOT_ALLOWED, NOT_ACCEPTED) else kind
    return VAGUE.get(code, NOT_SUBMITTED if place == "submission" else OTHER)


def _moving(text: str, code: int, place: Place) -> Kind:
    """Return what kept files from being moved: the side that failed decides."""
    side = _failing(text)
    if side == "node":
        return NODE_DISK if _FULL.search(text) else NODE_FILE if _NO_FILE.search(text) else NODE
    if place == "there":
        return CE_FILES
    return NOT_RETURNED if code == 12 or (code == 0 and _BACK.search(text)) else NOT_SENT


def _failing(text: str) -> Literal["node", "here"] | None:
    """Return which side of a transfer failed, by the words of both forms that HTCondor has used."""
    named = re.search(r"\bfailure at (execution|access) point\b", text, re.IGNORECASE)
    if named is not None:
        return "node" if named[1].lower() == "execution" else "here"
    for clause in re.split(r"[;|]", text):  # `STARTER at ... failed to ...; SHADOW failed to ...`
        if re.search(r"\berrno\b|\berror (reading|writing)", clause, re.IGNORECASE):
            if re.search(r"\bSTARTER\b", clause):
                return "node"
            if re.search(r"\bSHADOW\b", clause):
                return "here"
    return None


def stripped(text: str) -> str:
    """Return `text` without what differs from pilot to pilot: numbers and the names made of them."""
    text = re.sub(r"\S*/\S+", "/...", text)  # paths and URLs
    text = re.sub(r"\b[0-9a-f]{8,}\b", "#", text)
    return re.sub(r"\d+", "#", text)
