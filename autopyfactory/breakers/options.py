"""How touchy breakers are, and how patient: options of [Factory]."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import model_validator

from autopyfactory.breakers.machine import Policy
from autopyfactory.options.common import FACTORY
from autopyfactory.options.declare import Options, option


class BreakerOptions(Options):
    """When a breaker opens, and when it lets a probe through."""

    failures: int = option(
        5,
        key="breaker.failures",
        scope=FACTORY,
        ge=2,
        le=20,
        description="Pilots that must have gone wrong before a breaker opens",
    )
    share: float = option(
        80,
        key="breaker.share",
        scope=FACTORY,
        unit="%",
        gt=0,
        le=100,
        description="Part of the last 20 pilots that must have gone wrong before a breaker opens",
    )
    window: float = option(
        7200,
        key="breaker.window",
        scope=FACTORY,
        unit="s",
        ge=60,
        description="What was longer ago does not open a breaker",
    )
    short: float = option(
        10,
        key="breaker.short",
        scope=FACTORY,
        unit="s",
        ge=0,
        description="A pilot that ended well sooner than this, and does not say that it found no work, went"
        " wrong; 0: none did",
    )
    well: float = option(
        60,
        key="breaker.well",
        scope=FACTORY,
        unit="s",
        ge=0,
        description="A pilot has done well when it has run for so long, and twice as long as those that went"
        " wrong",
    )
    down: float = option(
        600,
        key="breaker.down",
        scope=FACTORY,
        unit="s",
        ge=0,
        description="A pilot went wrong when its CE has not answered for so long",
    )
    first: float = option(
        300,
        key="breaker.firstprobe",
        scope=FACTORY,
        unit="s",
        gt=0,
        description="Time from the opening of a breaker to its first probe; each further one takes twice as"
        " long",
    )
    last: float = option(
        3600,
        key="breaker.lastprobe",
        scope=FACTORY,
        unit="s",
        gt=0,
        description="Longest time between two probes",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("breaker.lastprobe is shorter than breaker.firstprobe")
        return self

    @property
    def policy(self) -> Policy:
        """Return the same for the breakers."""
        return Policy(self.failures, self.share / 100, self.window, self.well, self.first, self.last)


class BreakerPart:
    """Declares the options of breakers."""

    name: ClassVar[str] = "breakers"
    Options: ClassVar[type[Options]] = BreakerOptions
