"""Tells from the bindings' texts what went wrong.

The bindings raise one class of exception for everything; only the text differs, and for some calls it says
nothing and the reason appears on standard error alone. Texts seen with bindings 25 against daemons 23.9.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from autopyfactory.condor import limits
from autopyfactory.condor.errors import CondorError, LimitReached, NotBegun, Refused, Unreachable
from autopyfactory.condor.target import Target

# Said by a daemon that we reached. For submissions a text must be here only if it is certain that one which
# failed with it left no job behind.
_REFUSALS = (
    "Failed to create job ad",
    "Failed to create a cluster ad",
    "Failed to create new cluster",
    "Failed to create new proc",
    "expected next ProcId",
    "invalid Queue statement",
    "SCHEDD:",
)
# The same, but also if only standard error says it.
_DENIALS = ('Received "DENIED"', "not permitted")
# How errors begin that came before anything was asked.
NOT_BEGUN = ("Failed to connect to schedd", "Failed communication with collector")
_CODE = re.compile(r"\b[A-Z]+:\d+:")
_REASON = re.compile(r"\b[A-Z]+:\d+:|\b(FAILED|failed|[Cc]an't|Failed to)\b")
_VALUE = re.compile(r"\blimit is (\d+)$")  # as `Operations.submit` adds it
_STAMP = re.compile(r"^\d\d/\d\d/\d\d \d\d:\d\d:\d\d (\(\S+\) )*")


def reasons(said: Sequence[str]) -> list[str]:
    """The lines of the child's standard error that give a reason, without their time stamps, each once."""
    lines = (_STAMP.sub("", line).strip() for line in said)
    return list(dict.fromkeys(line for line in lines if _REASON.search(line)))


def diagnose(kind: str, text: str, said: Sequence[str], target: Target) -> Exception:
    """The exception to raise for an error that the child reported.

    kind, text: type and text of the exception in the child; said: its standard error during the call.
    """
    text = " ".join(text.split())
    if kind == "BadRequest":
        return ValueError(text)
    if kind == "AnotherSchedd":
        return Refused(text, target)
    if kind == "NotFound":
        return NotBegun(text, target)
    if kind == "LimitReached" and (found := limits.reached(text)):
        value = _VALUE.search(text)
        return LimitReached(target, found[0], int(value[1]) if value else None, found[1])
    if kind in ("ValueError", "TypeError"):
        return Refused(f"the bindings rejected the request: {text}", target)
    if kind not in ("HTCondorException", "ClassAdException"):
        return CondorError(f"{kind} in the child process: {text}", target)
    if "Unable to determine collector host" in text:  # the bindings' words for "not configured here"
        text += " HTCondor is not configured on this host: name the collector, or set CONDOR_CONFIG"
    full = text if _CODE.search(text) else "; ".join([text, *reasons(said)])
    refused = any(sign in text for sign in _REFUSALS) or any(sign in full for sign in _DENIALS)
    if refused:
        return Refused(full, target)
    return NotBegun(full, target) if text.startswith(NOT_BEGUN) else Unreachable(full, target)
