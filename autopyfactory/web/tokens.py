"""Bearer tokens: kept as hashes in a private file, each with a name, a scope and an end."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from autopyfactory.external import atomicfile

Scope = Literal["view", "operate"]
SCOPES: tuple[Scope, ...] = ("view", "operate")
PREFIX = "apf_"
BYTES = 32  # of randomness: no dictionary helps against the hash, so a fast one will do


class TokenError(Exception):
    """The file cannot be used, or there is no such token."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token: never the token itself."""

    name: str
    sha256: str
    scope: Scope
    created: str  # ISO 8601
    expires: str

    def over(self, now: datetime) -> bool:
        """Whether it has expired."""
        return datetime.fromisoformat(self.expires) <= now


def token_file(state_dir: Path) -> Path:
    """Return where a factory's tokens are kept."""
    return state_dir / "web-tokens.json"


class Tokens:
    """The tokens in one file; read anew when it has changed."""

    def __init__(self, path: Path):
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._known: tuple[Token, ...] = ()

    def all(self) -> tuple[Token, ...]:
        """Return what is kept. Raises TokenError."""
        with self._lock:
            try:
                found = os.stat(self._path)
            except FileNotFoundError:
                self._stamp, self._known = None, ()
                return ()
            except OSError as err:
                raise TokenError(f"{self._path} cannot be read: {err.strerror}") from err
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            if stamp != self._stamp:
                if found.st_mode & 0o027:
                    raise TokenError(f"{self._path} is open to other users: not used until its mode is 0600")
                self._known, self._stamp = _read(self._path), stamp
            return self._known

    def find(self, text: str, now: datetime) -> Token | None:
        """Return the valid token that `text` is. Raises TokenError."""
        digest = _digest(text)
        found = None
        for token in self.all():  # all of them, so that the time tells nothing
            if hmac.compare_digest(token.sha256, digest) and not token.over(now):
                found = token
        return found

    def add(self, name: str, scope: Scope, now: datetime, expires: datetime) -> str:
        """Make a token and return it: the only time that it can be seen. Raises TokenError."""
        kept = [t for t in self.all() if not t.over(now)]
        if any(t.name == name for t in kept):
            raise TokenError(f"there is a token {name!r} already; revoke it first")
        text = PREFIX + secrets.token_urlsafe(BYTES)
        times = (now.isoformat("T", "seconds"), expires.isoformat("T", "seconds"))
        made = Token(name, _digest(text), scope, *times)
        self._write([*kept, made])
        return text

    def revoke(self, name: str) -> None:
        """Forget a token. Raises TokenError."""
        before = self.all()
        left = [t for t in before if t.name != name]
        if len(left) == len(before):
            raise TokenError(f"there is no token {name!r}")
        self._write(left)

    def _write(self, tokens: list[Token]) -> None:
        try:
            text = json.dumps({"tokens": [asdict(t) for t in tokens]}, indent=1)
            atomicfile.replace(self._path, text.encode(), mode=atomicfile.OWNER)
        except OSError as err:
            raise TokenError(f"{self._path} cannot be written: {err.strerror or err}") from err


def _read(path: Path) -> tuple[Token, ...]:
    try:
        return tuple(_token(t) for t in json.loads(path.read_text())["tokens"])
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise TokenError(f"{path} cannot be read: {err}") from err


def _token(found: Mapping[str, Any]) -> Token:
    """Return what the file has of one token. Raises ValueError, TypeError."""
    token = Token(**found)
    if not all(isinstance(value, str) and value.isascii() for value in (token.sha256, token.expires)):
        raise ValueError("the hash or the end of a token is none")
    if not isinstance(token.name, str) or token.scope not in SCOPES:
        raise ValueError(f"a token has no name, or no scope that is one of {', '.join(SCOPES)}")
    if datetime.fromisoformat(token.expires).tzinfo is None:
        raise ValueError(f"the end of {token.name!r} has no time zone")
    return token


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
