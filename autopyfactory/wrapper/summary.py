"""What a pilot says in the last line of its output, `APF-SUMMARY {...}`; its schema is in docs/wrapper.md."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

TAIL = 32_768  # bytes at the end of the output that are looked at
SCHEMA = 1
LONGEST = 200  # characters of one text
MOST = 200  # checks, or facts
_SUMMARY = re.compile(r"^APF-SUMMARY (\{.*\})\r?$", re.MULTILINE)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Check:
    """What one check of the node found."""

    name: str
    result: str  # ok, limited, fatal, hung, broken
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """A pilot's own account of its life."""

    exit: int
    reason: str
    outcome: str  # ok, empty, failed, cut, refused, node-fault, unfit, stopped, damaged
    host: str = ""
    wrapper: str = ""  # the beginning of its digest
    owner: str = ""  # who must act when it failed: site, vo, us
    wall: int = 0  # seconds
    hold: int = 0  # seconds that it kept the slot of a faulty node after this
    payload: str = ""  # which one ran
    payloads: int | None = None  # how many there were; None: it does not say
    ok: int = 0
    failed: int = 0
    cut: int = 0
    checks: tuple[Check, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether all was well and there was nothing to do."""
        return self.exit in (0, 22) and (self.outcome == "empty" or self.payloads == 0)

    @property
    def culprit(self) -> Check | None:
        """Return the first check that found the node unfit, for a pilot that ran nothing."""
        if self.outcome != "unfit":
            return None
        bad = [check for check in self.checks if check.result in ("fatal", "hung")]
        named = [check for check in bad if check.name == self.reason]
        return next(iter(named or bad), None)


def summary(text: str) -> Summary | None:
    """Return what the last whole summary line in `text` says; None when there is none that can be read.

    A pilot can write anything: what is not as it should be is left out, texts are cut and made printable.
    """
    for line in reversed(_SUMMARY.findall(text)):
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict) and isinstance(said.get("schema"), int) and said["schema"] >= SCHEMA:
            return _summary(said)
    return None


def _summary(said: Mapping[str, Any]) -> Summary:
    payload = _mapping(said.get("payload"))
    checks = said.get("checks")
    rows = [row for row in checks if isinstance(row, dict)] if isinstance(checks, list) else []
    return Summary(
        exit=_number(said.get("exit")) or 0,
        reason=_text(said.get("reason")),
        outcome=_text(said.get("outcome")),
        host=_text(said.get("host")),
        wrapper=_text(said.get("wrapper")),
        owner=_text(said.get("owner")),
        wall=_number(said.get("wall")) or 0,
        hold=_number(said.get("hold")) or 0,
        payload=_text(payload.get("name")),
        payloads=_number(payload.get("total")),
        ok=_number(payload.get("ok")) or 0,
        failed=_number(payload.get("failed")) or 0,
        cut=_number(payload.get("cut")) or 0,
        checks=tuple(_check(row) for row in rows[:MOST]),
        facts={_text(k): _text(v) for k, v in list(_mapping(said.get("facts")).items())[:MOST]},
    )


def _check(row: Mapping[str, Any]) -> Check:
    seconds = (_number(row.get("ms")) or 0) / 1000
    return Check(_text(row.get("name")), _text(row.get("result")), seconds, _text(row.get("reason")))


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}


def _number(value: Any) -> int | None:
    """Return a whole number that can be a count, a time or a code."""
    return value if type(value) is int and 0 <= value < 10**15 else None


def _text(value: Any) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    return _UNPRINTABLE.sub("?", str(value)[:LONGEST])


def read(output: Path) -> str | None:
    """Return the end of a pilot's output; None when it is not there, or no ordinary file."""
    try:
        # Whatever else somebody has put in that place must not keep us waiting, or lead us elsewhere.
        descriptor = os.open(output, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # kept elsewhere, cleaned away, or not ours to read: then it does not say
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        return os.pread(descriptor, TAIL, max(0, status.st_size - TAIL)).decode(errors="replace")
    finally:
        os.close(descriptor)
