"""What this process holds: threads, descriptors, children; and that no more of them are there than before."""

from __future__ import annotations

import threading
import time

import psutil

from patience import until

Held = tuple[int, int, int]

# What is opened once, by whichever thread first needs it, may come between two looks: a database, the child
# that looks for stuck pilots. What leaks does so in every one of at least ten rounds.
ONCE = 4


def held() -> Held:
    """Return the threads, descriptors and children of this process at this moment."""
    me = psutil.Process()
    return threading.active_count(), me.num_fds(), len(me.children(recursive=True))


def calm() -> Held:
    """Return what is held once it no longer changes."""
    seen: list[Held] = []

    def steady() -> bool:
        seen.append(held())
        time.sleep(0.3)
        return len(seen) > 5 and len(set(seen[-6:])) == 1

    until(steady, "threads, descriptors and children to stay the same")
    return seen[-1]


def as_before(before: Held) -> None:
    """Wait until no more is held than `before`, but for what comes once."""

    def no_more() -> bool:
        return all(now <= then + ONCE for now, then in zip(held(), before, strict=True))

    until(no_more, f"threads, descriptors and children to be as before: {before}", 0.1)
