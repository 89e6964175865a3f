"""What a token (JWT) says of itself. Whether its signature is right only its issuer's friends know."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from autopyfactory.credentials.credential import Credential, CredentialError


def claims(data: bytes) -> Mapping[str, Any]:
    """Return the claims of the token that is all of `data`, unverified. Raises CredentialError."""
    import jwt  # which loads cryptography, 8 MB: only where there are tokens

    try:
        text = data.decode("ascii").strip()
        return dict(jwt.decode(text, options={"verify_signature": False, "verify_exp": False}))
    except (jwt.InvalidTokenError, UnicodeDecodeError, ValueError, TypeError):
        raise CredentialError("it holds no token") from None


def moment(said: Mapping[str, Any], name: str) -> datetime | None:
    """Return the time that a claim gives (RFC 7519: seconds since the epoch); None when it is not there.

    Raises CredentialError.
    """
    value = said.get(name)
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise CredentialError(f"its claim {name!r} is no time") from None


def words(value: Any) -> tuple[str, ...]:
    """Return the words of a claim that is a list, or one text with blanks (RFC 8693's `scope`)."""
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def described(data: bytes, file: str) -> Credential:
    """Return what the token in `data`, of `file`, says of itself. Raises CredentialError."""
    said = claims(data)
    return Credential(
        kind="token",
        file=file,
        owner=str(said.get("sub", "")),
        expires=moment(said, "exp"),
        issuer=str(said.get("iss", "")),
        roles=words(said.get("scope")),
        audience=words(said.get("aud")),
        issued=moment(said, "iat"),
    )
