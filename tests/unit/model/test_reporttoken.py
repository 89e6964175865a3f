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


def test_a_token_of_one_pilot_is_not_another_ones() -> None:
    mine, other = mint(KEY, TAG, 7, 1000.0), mint(KEY, TAG, 8, 1000.0)
    until, _, tag, proof = mine.split(".")
    assert bearer(KEY, f"{until}.8.{tag}.{proof}", 0.0) is None
    assert bearer(KEY, f"9999999999.7.{tag}.{proof}", 0.0) is None  # nor does it live longer
    assert bearer(KEY, other, 0.0) == Bearer(TAG, 8)


def test_the_parts_cannot_be_joined_differently() -> None:
    assert mint(KEY, "a-1", 1, 5.0) != mint(KEY, "1-a", 1, 5.0)
    assert bearer(KEY, mint(KEY, "a-1", 12, 5.0), 0.0) == Bearer("a-1", 12)


@given(st.integers(0, 10**6), st.floats(1, 1e10), st.floats(0, 1e10))
def test_it_is_good_until_its_second_and_no_longer(proc: int, until: float, now: float) -> None:
    found = bearer(KEY, mint(KEY, TAG, proc, until), now)
    assert found == (Bearer(TAG, proc) if int(until) > now else None)


def test_what_is_too_long_is_not_even_looked_at() -> None:
    assert bearer(KEY, mint(KEY, "a" * 300, 1, 1e9), 0.0) is None
