"""Tokens, proxies and profiles for tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt

from autopyfactory.credentials.credential import Credential, CredentialError, Presented
from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import AuthContext

KEY = "a key of the tests, which is long enough for HS256"


def token(lifetime: float = 3600, **claims: Any) -> str:
    """Return a signed token that ends in `lifetime` seconds."""
    now = int(time.time())
    said = {"sub": "pilot", "iss": "https://issuer.test", "iat": now, "exp": int(now + lifetime), **claims}
    return jwt.encode({k: v for k, v in said.items() if v is not None}, KEY, "HS256")


def private_file(path: Path, data: str | bytes) -> Path:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def profile(
    cls: type[Any], folder: Path, others: Callable[[str], str | None] = lambda _: None, **keys: str
) -> Any:
    """Return the plugin `cls` for a profile `p` with these keys, `__` for a dot."""
    section = Section.from_texts("p", {k.replace("__", "."): v for k, v in keys.items()})
    options, wrong = bind(cls.Options, section)
    assert options is not None, [str(p) for p in wrong]
    factory = FactoryOptions(factory_id="f", base_log_dir="/logs", state_dir=str(folder))
    return cls(options, AuthContext("p", factory, folder / "credentials", others))


def complaint(cls: type[Any], **keys: str) -> str:
    """Return what is said against a profile with these keys."""
    section = Section.from_texts("p", {k.replace("__", "."): v for k, v in keys.items()})
    options, problems = bind(cls.Options, section)
    assert options is None
    return "\n".join(str(p) for p in problems)


class FakeProfile:
    """A profile in memory; `life` is how many seconds its next credential holds."""

    def __init__(self, now: Callable[[], datetime], life: float = 3600, per_ce: bool = False) -> None:
        self.now, self.life, self.per_ce = now, life, per_ce
        self.renews, self.checktime, self.least = True, 60.0, 600.0
        self.travels = False
        self.there: dict[str, Credential] = {}
        self.fail: Exception | None = None
        self.renewed: list[str] = []

    def variant(self, place: str) -> str:
        return place if self.per_ce else ""

    def file(self, variant: str) -> str:
        return f"/nowhere/{variant}"

    def presented(self, variant: str) -> Presented:
        return Presented({"scitokens_file": self.file(variant)})

    def minlife(self, credential: Credential) -> float:
        return self.least

    def look(self, variant: str) -> Credential:
        if variant not in self.there:
            raise CredentialError("there is none")
        return self.there[variant]

    def renew(self, variant: str) -> None:
        if self.fail:
            raise self.fail
        self.renewed.append(variant)
        self.put(variant, self.life)

    def put(self, variant: str, life: float) -> None:
        end = self.now() + timedelta(seconds=life)
        self.there[variant] = Credential("token", self.file(variant), "me", end, travels=self.travels)
