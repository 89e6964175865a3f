"""An OIDC issuer: discovery, keys, and tokens by client credentials or refresh token (RFC 6749)."""

from __future__ import annotations

import base64
import secrets
import ssl
import time
from typing import Any
from urllib.parse import unquote

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from servers.base import HttpServer, Reply, Request


class Issuer(HttpServer):
    """Gives tokens to `client` with `secret`. `lifetime` is that of tokens, `sub` whom they name."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        super().__init__(tls)
        self.client, self.secret, self.sub = "factory", "s3cret:/+ü", "pilot-1"
        self.lifetime: float = 3600
        self.numbered = False  # whether each token names another subject
        self.name = ""  # the issuer in tokens; default: its URL
        self.refresh: str | None = "refresh-0"
        self.rotate = False
        self.broken: Reply | None = None
        self.given: list[str] = []
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.key_id = "k1"

    @property
    def issuer(self) -> str:
        return self.name or self.url

    @property
    def jwks(self) -> dict[str, Any]:
        own = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**own, "kid": self.key_id, "use": "sig", "alg": "ES256"}]}

    def sign_with(self, pem: bytes, key_id: str) -> None:
        """Take over somebody's key, so that who trusts it trusts our tokens."""
        loaded = serialization.load_pem_private_key(pem, None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        self.key, self.key_id = loaded, key_id

    def made(self, lifetime: float | None = None, **claims: Any) -> str:
        """Return a token with these claims; None leaves one out."""
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "sub": f"{self.sub}-{len(self.given)}" if self.numbered else self.sub,
            "iat": now,
            "nbf": now - 60,
            "jti": secrets.token_hex(8),
            "exp": int(now + (self.lifetime if lifetime is None else lifetime)),
            "wlcg.ver": "1.0",
            **claims,
        }
        said = {k: v for k, v in said.items() if v is not None}
        token = jwt.encode(said, self.key, "ES256", headers={"kid": self.key_id})
        self.given.append(token)
        return token

    def answer(self, request: Request) -> Reply:
        if request.path == "/.well-known/openid-configuration":
            return Reply.of(
                {"issuer": self.issuer, "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/jwks"}
            )
        if request.path == "/jwks":
            return Reply.of(self.jwks)
        if request.path != "/token" or request.method != "POST":
            return Reply.text("nothing here", 404)
        if self.broken is not None:
            return self.broken
        return self._token(request)

    def _token(self, request: Request) -> Reply:
        if not self._knows(request):
            return Reply.of({"error": "invalid_client", "error_description": "who are you"}, 401)
        form = request.form()
        more: dict[str, str] = {}
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") != self.refresh:
                return Reply.of({"error": "invalid_grant", "error_description": "it was used before"}, 400)
            if self.rotate:
                self.refresh = f"refresh-{secrets.token_hex(4)}"
                more = {"refresh_token": self.refresh}
        elif form.get("grant_type") != "client_credentials":
            return Reply.of({"error": "unsupported_grant_type"}, 400)
        audience = form.get("audience")
        token = self.made(scope=form.get("scope"), aud=audience.split() if audience else None)
        given = {"access_token": token, "token_type": "Bearer", "expires_in": int(self.lifetime), **more}
        return Reply.of(given)

    def _knows(self, request: Request) -> bool:
        scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return False
        client, _, secret = base64.b64decode(pair).decode().partition(":")
        return (unquote(client), unquote(secret)) == (self.client, self.secret)
