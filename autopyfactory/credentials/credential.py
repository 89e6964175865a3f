"""What a credential is to those who use it: whose it is, what it allows, how long it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from autopyfactory.model.text import span


class CredentialError(Exception):
    """A credential cannot be used or had; the text says why, and holds nothing secret."""


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential as it lies on this host."""

    kind: str  # token, proxy, ssh key
    file: str
    owner: str = ""  # subject of a token, distinguished name behind a proxy
    expires: datetime | None = None  # the end of its part that ends first; None: it never ends
    issuer: str = ""
    roles: tuple[str, ...] = ()  # scopes of a token, FQANs of a proxy
    audience: tuple[str, ...] = ()
    issued: datetime | None = None
    travels: bool = False  # it goes with the pilot, which needs it to its end; else only the CE looks at it

    def left(self, now: datetime) -> float:
        """Return the seconds until it ends; negative when it has."""
        return float("inf") if self.expires is None else (self.expires - now).total_seconds()

    def until(self, now: datetime) -> str:
        """Say when it ends, or that it has."""
        if self.expires is None:
            return "never ends"
        left = self.left(now)
        return f"ends in {span(left)}" if left > 0 else f"expired {span(-left)} ago"


def usable(new: Credential, now: datetime) -> None:
    """Refuse a new one that has ended: what is there may still be good. Raises CredentialError."""
    if new.left(now) <= 0:
        raise CredentialError(f"the new {new.kind} {new.until(now)}")


@dataclass(frozen=True, slots=True)
class Presented:
    """How pilots are sent with a credential."""

    commands: Mapping[str, str] = field(default_factory=dict)  # submit commands
    key_file: str = ""  # for ssh
    passphrase_file: str = ""
