"""Options of what is asked again and again: how often, how old an answer may be, how long to wait."""

from __future__ import annotations

from typing import Any

from autopyfactory.options.declare import Lenient, Options, Scope, option


def sleep_option(
    default: float, description: str = "Time between two polls", *, scope: Scope = "factory", **limits: Any
) -> Any:
    """Declare `<prefix>.sleep`; `limits` are pydantic's, more than 0 unless given. 2.4 took 0."""
    return option(
        default,
        key="{prefix}.sleep",
        scope=scope,
        unit="s",
        description=description,
        lenient=Lenient(0, 1),
        **(limits or {"gt": 0}),
    )


def maxage_option(
    default: float,
    description: str = "Counts older than this cause no submission",
    *,
    scope: Scope = "factory",
    question: bool = False,
) -> Any:
    """Declare `<prefix>.maxage`. Each queue compares it with the age of the shared answer.

    With 2.4 any number meant "however old". That is for nobody to ask for: 0 is the default.
    """
    return option(
        default,
        key="{prefix}.maxage",
        scope=scope,
        unit="s",
        gt=0,
        lenient=Lenient(0, default),
        question=question,
        description=description,
    )


def timeout_option(default: float, description: str, *, scope: Scope = "factory") -> Any:
    """Declare `<prefix>.timeout`, the time limit of one poll."""
    return option(default, key="{prefix}.timeout", scope=scope, unit="s", gt=0, description=description)


class PolledOptions(Options):
    """What every source has; a subclass names its `prefixes`, and declares a field anew to change it."""

    sleep: float = sleep_option(60)
    maxage: float = maxage_option(360)
