"""Pilots as plain processes of this machine: the process table is the batch system's memory.

Each pilot carries its names in its environment, so pilots are found again after a restart of the factory and
nothing else has to be remembered. For trying the factory where there is no HTCondor, and for tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TAG = "APF_SUBMISSION"  # environment variable with the submission's tag


@dataclass(frozen=True, slots=True)
class PilotProcess:
    """A process that is a pilot."""

    pid: int
    factory: str
    queue: str
    cid: str  # <cluster>.<proc>
    tag: str


def pilots(proc: Path = Path("/proc")) -> Iterator[PilotProcess]:
    """Yield the pilots that run on this machine, each once, as far as this user may look.

    A pilot leads its session: what it starts inherits its environment, but not that place.
    """
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            raw = (entry / "environ").read_bytes()
            if TAG.encode() + b"=" not in raw or not _leads_its_session(entry):
                continue
        except OSError:  # it ended while we looked, or is another user's
            continue
        env = dict(p.split("=", 1) for p in raw.decode(errors="replace").split("\0") if "=" in p)
        yield PilotProcess(
            int(entry.name),
            env.get("APFFID", ""),
            env.get("FACTORYQUEUE", ""),
            env.get("APFCID", ""),
            env.get(TAG, ""),
        )


def _leads_its_session(entry: Path) -> bool:
    # After the command's name in parentheses (it may hold blanks): state, ppid, pgrp, session.
    state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
    return state not in "ZX" and session == entry.name
