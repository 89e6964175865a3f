"""The processes that descend from this one: what must not outlive a factory whose end was not orderly."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterable

import psutil

from autopyfactory.plugins.processes import TAG

_ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def _is_pilot(process: psutil.Process) -> bool:
    try:
        return TAG in process.environ()
    except psutil.Error:  # gone, or another user's: not ours to end either way
        return True


def descendants() -> list[psutil.Process]:
    """Return the living processes that descend from this one, pilots and what they started left out.

    Pilots that run as processes of this machine outlive the factory, as they do on any batch system.
    """
    me = psutil.Process()
    family: dict[int, psutil.Process] = {me.pid: me}
    for process in me.children(recursive=True):  # parents come before their children
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            if process.ppid() in family and process.status() not in _ENDED and not _is_pilot(process):
                family[process.pid] = process
    return [process for pid, process in sorted(family.items()) if pid != me.pid]


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
    return [process.pid for process in first]


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(
            psutil.Error
        ):  # it ended, its number is another's now, or it is another user's
            process.send_signal(number)
