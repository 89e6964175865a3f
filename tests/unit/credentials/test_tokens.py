"""What tokens say of themselves, however oddly."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authkit import token
from autopyfactory.credentials.credential import CredentialError
from autopyfactory.credentials.tokens import described, words


def raw(payload: object) -> bytes:
    parts = [json.dumps(p).encode() for p in ({"alg": "none"}, payload)]
    return b".".join(base64.urlsafe_b64encode(p).rstrip(b"=") for p in (*parts, b"x"))


def test_one_that_ends_and_one_that_does_not() -> None:
    end = datetime.fromtimestamp(2_000_000_000, UTC)
    found = described(raw({"exp": 2_000_000_000, "sub": "me", "aud": "a", "scope": "x y"}), "/t")
    assert (found.expires, found.owner, found.audience, found.roles) == (end, "me", ("a",), ("x", "y"))
    assert described(token(exp=None, iat=None).encode(), "/t").expires is None


@pytest.mark.parametrize("exp", ["soon", [], {}, 1e300])
def test_an_end_that_is_no_time(exp: object) -> None:
    with pytest.raises(CredentialError):
        described(raw({"exp": exp}), "/t")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_token_or_told(data: bytes) -> None:
    try:
        described(data, "/t")
    except CredentialError as err:
        assert len(str(err)) < 100


def test_words() -> None:
    assert words(["a", 1]) == ("a", "1")
    assert words(None) == words(5) == ()
