"""A pilot's token proves who it is, for a while, and nothing else does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.reporttoken import Bearer, bearer, mint

KEY, TAG = b"k" * 32, "0123456789abcdef0123456789abcdef"


def test_a_token_is_that_pilots_until_it_is_over() -> None:
    token = mint(KEY, TAG, 7, until=1000.0)
    assert bearer(KEY, token, 999.0) == Bearer(TAG, 7)
    assert bearer(KEY, token, 1000.0) is None
    assert bearer(b"j" * 32, token, 0.0) is None
    assert token.isascii() and not set(token) & set(" ,\"'$()\\")  # it stands in a list of HTCondor's


@given(st.integers(0, 200), st.text(max_size=3))
def test_no_change_of_a_token_is_one(at: int, put: str) -> None:
    token = mint(KEY, TAG, 7, until=1000.0)
    changed = token[:at] + put + token[at + 1 :]
    assert changed == token or bearer(KEY, changed, 0.0) is None


@given(st.text(max_size=300))
def test_nothing_is_raised_for_other_texts(text: str) -> None:
    assert bearer(KEY, text, 0.0) is None
