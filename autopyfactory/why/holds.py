"""What the reasons mean for which schedds hold pilots or refuse them: cause, what to do, and who has to.

The texts are those of HTCondor 23 to 25 as an access point sees them, for CEs behind tokens, batch systems
and ARC. The first pattern that fits counts. What fits none is shown as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from autopyfactory.model.declaration import Who


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of trouble with pilots."""

    code: str
    words: str
    next: str
    who: Who
    pattern: str = ""
    codes: tuple[int, ...] = ()  # HoldReasonCodes that mean this, whatever the text


RENEW = "renew the credential, then release (condor_release) or remove the held pilots"

KINDS: tuple[Kind, ...] = (
    Kind(
        "credential-expired",
        "the credential has expired",
        RENEW,
        "credentials",
        r"(proxy|token|credential|certificate)\b.{0,60}\b(has )?expired|expired (proxy|token|credential)"
        r"|(proxy|credential|token) lifetime too short",
        codes=(4,),
    ),
    Kind(
        "credential-refused",
        "the CE knows our identity and does not let it submit",
        "ask the site to authorise the identity in this text, or use the credential that the site expects",
        "credentials",
        r'Received "DENIED"|not authorized|PERMISSION_DENIED|AUTHORIZATION'
        r"|\bforbidden\b|(HTTP|status|code)\W{0,3}403\b",
    ),
    Kind(
        "credential-refused",
        "the CE does not accept our credential (expired, of another issuer or audience, or none)",
        "check lifetime, issuer and audience of the token or proxy; the CE's log has the exact reason",
        "credentials",
        r"SECMAN:2007|post-auth ClassAd|AUTHENTICATE:\d+|Failed to authenticate|authentication fail"
        r"|\bunauthori[sz]ed\b|(HTTP|status|code)\W{0,3}401\b|Permission denied \(publickey|AuthFailure",
    ),
    Kind(
        "batch-refused",
        "the batch system refuses the request",
        "correct queue, partition, account or limits in the queue's options",
        "us",
        r"invalid partition|Invalid account|Unknown queue"
        r"|submission command failed.*(invalid|illegal|unknown)"
        r"|PartitionTimeLimit|QOS\w*Limit|Requested node configuration is not available",
    ),
    Kind(
        "batch-down",
        "the CE cannot reach its batch system",
        "tell the site",
        "site",
        r"Unable to contact slurm|slurm_load_jobs|Communication connection failure|pbs_connect"
        r"|cannot connect to (the )?(batch|server)",
    ),
    Kind(
        "wrapper-cannot-start",
        "the wrapper cannot be started on the worker node",
        "look at `executable`: it must exist, be executable and name an interpreter that the site has",
        "us",
        r"Failed to execute|invalid interpreter|Exec format error|errno=8\b|executable.*(not found|missing)",
        codes=(6,),
    ),
    Kind(
        "files-not-sent",
        "the pilot's files cannot be sent to the CE (one is missing or unreadable)",
        "check that `executable`, the proxy and the log folder exist on this host, readable for the schedd",
        "us",
        r"Error sending files|Transfer input files failure|Failed to (initiate|stage|spool)"
        r"|No such file or directory|cannot (open|access|read)",
        codes=(7, 8, 13, 14),
    ),
    Kind(
        "files-not-returned",
        "the pilot's output cannot be brought back",
        "check room and permissions of the log folder on this host, and the output's size",
        "us",
        r"Transfer output files failure|Error receiving files|No space left|Disk quota",
        codes=(12, 32, 33),
    ),
    Kind(
        "resource-limit",
        "the pilot took more than it may (memory, disk or time)",
        "ask for more in the queue's options, or have the work looked at",
        "us",
        r"memory (usage )?exceed|exceed\w* (the )?(memory|disk|time|wall)|out of memory|OOM"
        r"|allowed (execute|job) duration",
        codes=(34, 46, 47),
    ),
    Kind(
        "vanished-at-ce",
        "the pilots disappeared at the CE",
        "somebody removed them there, or the CE lost them: ask the site",
        "site",
        r"disappeared from remote|not found on the remote|job not found",
    ),
    Kind(
        "held-by-person",
        "somebody held the pilots",
        "ask who did, and release them (condor_release) or remove them (`autopyfactory pilots kill`)",
        "us",
        r"via condor_hold|held by user",
        codes=(1,),
    ),
    Kind(
        "ce-policy",
        "the CE's own rules hold the pilots",
        "ask the site which rule it is, with this text",
        "site",
        r"periodic_hold|SYSTEM_PERIODIC_HOLD|polic(y|ies)",
        codes=(3, 26),
    ),
    Kind(
        "schedd-full",
        "the schedd takes no more jobs",
        "raise MAX_JOBS_PER_OWNER or MAX_JOBS_SUBMITTED there, or remove what is not needed",
        "us",
        r"MAX_JOBS_(PER_OWNER|SUBMITTED|PER_SUBMISSION)|would exceed",
    ),
)

OTHER = Kind(
    "held-other", "the pilots are held", "read the reason; `condor_q -hold` on the schedd shows all", "us"
)


def kind_of(text: str, code: int = 0) -> Kind:
    """Return what `text` (a hold reason or a submission's error) with HoldReasonCode `code` means."""
    for kind in KINDS:
        if kind.pattern and re.search(kind.pattern, text, re.IGNORECASE | re.DOTALL):
            return kind
    for kind in KINDS:
        if code in kind.codes:
            return kind
    return OTHER


def stripped(text: str) -> str:
    """Return `text` without what differs from pilot to pilot: numbers and the names made of them."""
    text = re.sub(r"\S*/\S+", "/...", text)  # paths and URLs
    text = re.sub(r"\b[0-9a-f]{8,}\b", "#", text)
    return re.sub(r"\d+", "#", text)
