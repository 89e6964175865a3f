"""Issues the tokens (SciTokens) that open the sites of a grid, and makes a site trust them."""

import json
import sqlite3
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

URL = "https://issuer.grid.test"  # nobody answers there: those who trust it have its key beforehand
KEY_ID = "testbed"
TRUSTED = 30 * 86400  # seconds


class Issuer:
    """A key that signs tokens; `key` is an earlier one as PEM."""

    def __init__(self, key: bytes | None = None) -> None:
        if key is None:
            self._key = ec.generate_private_key(ec.SECP256R1())
            return
        loaded = serialization.load_pem_private_key(key, None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        self._key = loaded

    @property
    def pem(self) -> bytes:
        """The key, for another process: a secret."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def token(
        self,
        subject: str,
        audience: str,
        lifetime: float = 86400,
        scope: str = "condor:/READ condor:/WRITE",
    ) -> str:
        """A fresh token that lets `subject` in at `audience` for `lifetime` seconds (below 0: expired)."""
        now = int(time.time())
        claims = {
            "ver": "scitoken:2.0", "iss": URL, "sub": subject, "aud": audience, "scope": scope,
            "jti": str(uuid.uuid4()), "iat": now, "nbf": now - 60, "exp": now + int(lifetime),
        }  # fmt: skip
        return jwt.encode(claims, self._key, "ES256", headers={"kid": KEY_ID})

    def fill_cache(self, folder: Path) -> None:
        """Put the public key where libSciTokens keeps those it has fetched; `folder` is its cache's home.

        The table is that of libscitokens 0.7 to 1.1 (scitokens_cache.cpp).
        """
        file = folder / "scitokens/scitokens_cpp.sqllite"
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file)) as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS keycache "
                "(issuer text UNIQUE PRIMARY KEY NOT NULL, keys text NOT NULL)"
            )
            until = int(time.time()) + TRUSTED
            entry = {"jwks": {"keys": [self._public()]}, "expires": until, "next_update": until}
            database.execute("INSERT OR REPLACE INTO keycache VALUES (?, ?)", (URL, json.dumps(entry)))
            database.commit()

    def fill_arc(self, control: Path) -> None:
        """Put the public key where A-REX looks before it asks an issuer; `control` is its control directory.

        It is what ``arcctl deploy jwt-issuer`` of ARC 7 leaves there.
        """
        there = control / "tokenissuers" / KEY_ID
        there.mkdir(parents=True)
        (there / "issuer").write_text(URL)
        (there / "metadata").write_text(json.dumps({"issuer": URL, "jwks_uri": f"{URL}/jwks"}))
        (there / "keys").write_text(json.dumps({"keys": [self._public()]}))

    def _public(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        return {**made, "kid": KEY_ID, "alg": "ES256", "use": "sig"}
