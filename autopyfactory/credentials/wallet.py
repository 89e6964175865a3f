"""Which credential pilots are sent with: the first of a queue's profiles that is valid for long enough.

From memory alone: the keepers' threads read and renew, a cycle never waits for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from autopyfactory.credentials.credential import Credential, Presented
from autopyfactory.credentials.keeper import STALE, Profile, Standing
from autopyfactory.model.clock import Clock, SystemClock
from autopyfactory.model.text import span


class Kept(Protocol):
    """A keeper, as far as it matters here."""

    @property
    def plugin(self) -> Profile:
        """Return the profile's plugin."""

    @property
    def standings(self) -> Mapping[str, Standing]:
        """Return what is known, by variant."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a queue asks for."""

    profiles: tuple[str, ...]  # in order of preference
    place: str  # the CE
    pilot_life: float  # seconds that a credential which travels with the pilot must hold
    token_life: float  # seconds that one which only the CE looks at must hold
    anyway: bool = False  # whether pilots are sent with the first profile though none is valid


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and why the profiles before it were not."""

    profile: str | None = None  # None: none is valid
    presented: Presented | None = None  # None: nothing may be sent
    credential: Credential | None = None
    passed: tuple[str, ...] = ()  # `profile: why not`
    shut: tuple[str, ...] = ()  # of a queue with several CEs: to which nothing can be sent, and why

    @property
    def words(self) -> str | None:
        """Say what is wrong, and what is used instead; None: the first profile is fine."""
        told = (*((self._words,) if self.passed else ()), *self.shut)
        return "; ".join(told) or None

    @property
    def _words(self) -> str:
        use = f"; {self.profile} is used" if self.profile else ""
        use = "; pilots are sent with it anyway" if self.presented and not self.profile else use
        return "; ".join(self.passed) + use

    @property
    def closed(self) -> tuple[str, ...]:
        """Return why nothing may be sent, for the gate."""
        return (f"{NONE_VALID}: {'; '.join(self.passed)}",) if self.presented is None else ()


def of_several(choices: Sequence[tuple[str, Choice | None]]) -> Choice | None:
    """Return what a queue with several CEs sends with: the first choice that is good; which CEs get nothing.

    choices: for each CE; None: its pilots go without one. Where no choice is good it is the first.
    """
    known = [choice for _, choice in choices if choice is not None]
    good = [choice for _, choice in choices if choice is None or not choice.closed]
    if not known or not good:
        return known[0] if known else None
    shut = {ce: choice for ce, choice in choices if choice is not None and choice.closed}
    told = tuple(f"nothing is sent to {ce}: {'; '.join(choice.passed)}" for ce, choice in shut.items())
    first = next((choice for choice in good if choice is not None), Choice("", Presented()))
    return replace(first, shut=told) if told else first


NONE_VALID = "no valid credential"  # so begins what the gate says then


class Wallet:
    """The credentials of one factory."""

    def __init__(self, clock: Clock | None = None):
        self._clock = clock or SystemClock()
        self.keepers: Mapping[str, Kept] = {}  # by profile; replaced as a whole

    def choose(self, wish: Wish, now: datetime) -> Choice:
        """Return the credential to send with at `now`. Returns at once."""
        passed: list[str] = []
        for name in wish.profiles:
            keeper = self.keepers.get(name)
            if keeper is None:
                passed.append(f"{name}: no such profile is looked after")
                continue
            variant = keeper.plugin.variant(wish.place)
            standing = keeper.standings.get(variant)
            if why := self._unfit(standing, wish, now):
                passed.append(f"{name}: {why}")
                continue
            assert standing is not None
            return Choice(name, keeper.plugin.presented(variant), standing.credential, tuple(passed))
        return Choice(None, self._anyway(wish), None, tuple(passed))

    def _unfit(self, standing: Standing | None, wish: Wish, now: datetime) -> str:
        """Return why a credential may not be used; empty: it may."""
        if standing is None or standing.looked is None:
            return "nobody has looked at it yet"
        if (age := self._clock.monotonic() - standing.looked) > STALE:
            return f"nobody has looked at it for {span(age)}"
        credential = standing.credential
        if credential is None:
            return standing.words
        least = wish.pilot_life if credential.travels else wish.token_life
        if credential.left(now) >= least:
            return ""
        trouble = f" ({standing.trouble})" if standing.trouble else ""
        if credential.left(now) <= 0:
            return f"the {credential.kind} {credential.until(now)}{trouble}"
        return f"the {credential.kind} {credential.until(now)}, pilots need {span(least)}{trouble}"

    def _anyway(self, wish: Wish) -> Presented | None:
        if not wish.anyway:
            return None
        first = next((k for name in wish.profiles if (k := self.keepers.get(name))), None)
        return first.plugin.presented(first.plugin.variant(wish.place)) if first else Presented()
