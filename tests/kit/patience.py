"""How long tests wait: for a condition, never for a number of seconds."""

from collections.abc import Callable
from typing import TypeVar

from testbed import waiting
from testbed.errors import TestbedError

T = TypeVar("T")

# Seconds after which what a test waits for will not come any more. Nothing that works takes so long, however
# busy the machine is.
PATIENCE = 120.0

# Seconds that stand for "at once", also on a busy machine; what hangs in tests hangs for ever.
SOON = 30.0


def until(
    condition: Callable[[], T | None],
    what: str = "what the test waits for",
    every: float = 0.02,
    *,
    limit: float = PATIENCE,
) -> T:
    """Poll `condition` until it returns something true, and return that; tell `what` if it never does.

    A condition looks at what others are still making: a file that is not there yet or half written, a record
    without its key, a process that has just gone. What such a look raises is no answer yet; if none comes it
    is told. An AssertionError ends the waiting: by it a condition says that it cannot become true any more.
    """
    raised: list[Exception] = []

    def look() -> T | None:
        raised.clear()
        try:
            return condition()
        except AssertionError:
            raise
        except Exception as err:  # noqa: BLE001 - whatever half-made things make a look raise
            raised.append(err)
            return None

    try:
        return waiting.until(look, limit, what, every)
    except TestbedError as error:
        if raised:
            raise TestbedError(f"{error}; the last look raised {raised[0]!r}") from raised[0]
        raise
