"""Keeps a long-running process small: what starting or reloading took goes back to the operating system."""

from __future__ import annotations

import contextlib
import ctypes
import gc

# Objects more than there were, after which Python looks for those that only refer to each other. What cycles
# leave behind is no such garbage: with Python's own 700 a tenth of their time went into looking for it.
OFTEN = 20_000


def settle() -> None:
    """Collect garbage and return free memory; what is left lives as long as the configuration.

    It is set aside from later collections, which would look at a million objects that do not change, and
    which are rarer from now on. Call this again when much has been replaced. It takes some tenths of a second
    with a thousand queues.
    """
    gc.set_threshold(OFTEN, *gc.get_threshold()[1:])
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
