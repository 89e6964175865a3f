"""Wait for a condition, not for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

from testbed.errors import TestbedError

T = TypeVar("T")


def until(condition: Callable[[], T | None], timeout: float, what: str, every: float = 0.02) -> T:
    """Poll `condition` until it returns something true; after `timeout` s raise TestbedError with `what`."""
    end = time.monotonic() + timeout
    while True:
        if result := condition():
            return result
        if time.monotonic() > end:
            raise TestbedError(f"{what}: not within {timeout:g} s")
        time.sleep(every)
