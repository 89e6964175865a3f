"""A span of whole numbers as users write it: `8`, `2-8`, `2-` (two or more)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator

_SPAN = re.compile(r"(\d+)(-(\d*))?")


@dataclass(frozen=True, slots=True)
class Span:
    """From `low` to `high`, both included; no `high`: no end."""

    low: int
    high: int | None

    def __contains__(self, n: int) -> bool:
        return self.low <= n and (self.high is None or n <= self.high)


def parse(value: Any) -> Any:
    """Return the span that a text means. Raises ValueError."""
    if not isinstance(value, str):
        return value
    hit = _SPAN.fullmatch(value.strip())
    if hit is None:
        raise ValueError("write 8, 2-8, or 2- for two or more")
    low = int(hit[1])
    high = low if hit[2] is None else int(hit[3]) if hit[3] else None
    if high is not None and high < low:
        raise ValueError(f"{high} is less than {low}")
    return Span(low, high)


SpanOption = Annotated[Span | None, BeforeValidator(parse)]
