"""How long tests wait: for a condition, never for a number of seconds."""

from collections.abc import Callable
from typing import TypeVar

from testbed import waiting

T = TypeVar("T")

# Seconds after which what a test waits for will not come any more. Nothing that works takes so long, however
# busy the machine is.
PATIENCE = 120.0

# Seconds that stand for "at once", also on a busy machine; what hangs in tests hangs for ever.
SOON = 30.0


def until(condition: Callable[[], T | None], what: str = "what the test waits for", every: float = 0.02) -> T:
    """Poll `condition` until it returns something true, and return that; tell `what` if it never does."""
    return waiting.until(condition, PATIENCE, what, every)
