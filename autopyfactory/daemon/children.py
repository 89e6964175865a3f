"""The processes that descend from this one: what must not outlive a factory whose end was not orderly."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from autopyfactory.plugins.processes import TAG


def _parent(pid: int) -> int | None:
    """Return the parent of a living process; None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    state, parent = text.rpartition(")")[2].split()[:2]
    return None if state in "ZX" else int(parent)


def _is_pilot(pid: int) -> bool:
    try:
        return TAG.encode() + b"=" in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # gone, or another user's: not ours to end either way
        return True


def descendants() -> list[int]:
    """Return the living processes that descend from this one, pilots and what they started left out.

    Pilots that run as processes of this machine outlive the factory, as they do on any batch system.
    """
    parents = {pid: p for name in os.listdir("/proc") if name.isdigit() and (p := _parent(pid := int(name)))}
    family, newest = set[int](), {os.getpid()}
    while newest:
        newest = {p for p, parent in parents.items() if parent in newest and not _is_pilot(p)} - family
        family |= newest
    return sorted(family)


def end_descendants(grace: float) -> list[int]:
    """TERM, and after `grace` seconds KILL, every descendant; return those that there were."""
    first = descendants()
    _signal(first, signal.SIGTERM)
    deadline = time.monotonic() + grace
    left = first
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = descendants()
    _signal(left, signal.SIGKILL)
    return first


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):  # it ended, or is another user's
            continue
