"""What a pilot shows with its reports: a text that proves which pilot of which submission it is.

`<expiry>.<proc>.<tag>.<proof>`; the proof is an HMAC-SHA256 of the rest with the factory's key. Whoever has
the text can tell the factory something about this one pilot, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

LONGEST = 200  # characters
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a token was made for."""

    tag: str  # of its submission
    proc: int  # its number in it


def mint(key: bytes, tag: str, proc: int, until: float) -> str:
    """Return the token of a pilot, good until a Unix time. `tag` is made of letters, digits and `-`."""
    said = f"{int(until)}.{proc}.{tag}"
    return f"{said}.{_proof(key, said)}"


def bearer(key: bytes, token: str, now: float) -> Bearer | None:
    """Return whom `token` was made for with `key`; None when it was not, or is over."""
    said, _, proof = token.rpartition(".")
    # compared as bytes: texts with other letters than ASCII cannot be compared in constant time
    if len(token) > LONGEST or not hmac.compare_digest(_proof(key, said).encode(), proof.encode()):
        return None
    until, proc, tag = said.split(".", 2)  # we have written it
    return Bearer(tag, int(proc)) if int(until) > now else None


def _proof(key: bytes, said: str) -> str:
    digest = hmac.new(key, said.encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
