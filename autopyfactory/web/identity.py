"""Who asks: nobody, the bearer of a token, or whom a trusted proxy names."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from autopyfactory.daemon.webchild import WebOptions
from autopyfactory.model.text import printable
from autopyfactory.web.tokens import Scope, TokenError, Tokens

PROOF = "x-proxy-secret"
LONGEST = 200  # characters of a user's name


class Refused(Exception):
    """What was shown as an identity is none; the text says why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, and what for."""

    name: str
    scope: Scope | None  # None: nobody in particular
    by: Literal["nobody", "bearer", "basic", "proxy"] = "nobody"

    @property
    def operates(self) -> bool:
        """Whether they may act."""
        return self.scope == "operate"

    @property
    def ambient(self) -> bool:
        """Whether a browser shows this identity by itself, also for a page of somebody else."""
        return self.by in ("basic", "proxy")


NOBODY = Identity("", None)


class Doorman:
    """Tells who asks, by headers and address of a request."""

    def __init__(self, options: WebOptions, tokens: Tokens):
        self._options = options
        self._tokens = tokens
        self._proxies = [ipaddress.ip_network(a) for a in options.proxy_addresses]
        self._key = secrets.token_bytes(32)

    def identify(self, headers: Mapping[str, str], peer: str | None) -> Identity:
        """Return who asks; `headers` have small names. Raises Refused."""
        if authorization := headers.get("authorization"):
            return self._by_token(authorization)
        user = headers.get(self._options.proxy_header.lower())
        if user and self._trusts(headers.get(PROOF, ""), peer):
            name = printable(user, LONGEST)
            return Identity(name, "operate" if user in self._options.operators else "view", "proxy")
        return NOBODY

    def _by_token(self, authorization: str) -> Identity:
        kind, _, rest = authorization.partition(" ")
        by: Literal["bearer", "basic"]
        if kind.lower() == "bearer":
            text, by = rest.strip(), "bearer"
        elif kind.lower() == "basic":  # how browsers can show a token: any user, the token as password
            text, by = _password(rest), "basic"
        else:
            raise Refused("only bearer tokens are taken")
        try:
            token = self._tokens.find(text, datetime.now(UTC))
        except TokenError as err:
            raise Refused(str(err)) from err
        if token is None:
            raise Refused("this token is not known, or it has expired")
        return Identity(token.name, token.scope, by)

    def _trusts(self, proof: str, peer: str | None) -> bool:
        """Whether `peer` is a proxy that is listed, and proves it."""
        if peer is None or not self._options.proxy_secret_file:
            return False
        try:
            address = ipaddress.ip_address(peer)
            secret = Path(self._options.proxy_secret_file).expanduser().read_text().strip()
        except (OSError, ValueError):
            return False
        known = any(address in network for network in self._proxies)
        return known and bool(secret) and hmac.compare_digest(secret.encode(), proof.encode())

    def form_token(self, who: Identity) -> str:
        """Return what a form of `who` carries, to prove that it came from our page."""
        return hmac.new(self._key, f"{who.by}:{who.name}".encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, who: Identity, text: str) -> bool:
        """Whether `text` is what a form of `who` carries."""
        return hmac.compare_digest(self.form_token(who).encode(), text.encode())


def _password(basic: str) -> str:
    try:
        return base64.b64decode(basic, validate=True).decode().partition(":")[2]
    except ValueError as err:  # not base64, not ASCII, not UTF-8
        raise Refused("not a user and a token") from err
