"""A schedd or a CE is one, however its name is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.accounting.spelling import ce, schedd


@pytest.mark.parametrize(
    "names",
    [
        ("ce1.example.org", "CE1.Example.org", "ce1.example.org.", "ce1.example.org:9619", "https://CE1.example.org/"),
        ("ce1.example.org:9620", "CE1.example.org:9620"),
        ("localhost", "127.0.0.1", "[::1]"),
        ("https://arc.example.org/rest/1.0", "arc.example.org/rest/1.0/"),
    ],
)  # fmt: skip
def test_one_ce(names: tuple[str, ...]) -> None:
    assert len({ce(n) for n in names}) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("ap@pool.example", "AP@POOL.example", "ap@pool.example.", "ap@pool.example:9618"),
        ("ap@grid.test@127.0.0.1:9618", "AP@grid.test@localhost"),
        ("(local)", " (LOCAL)"),
    ],
)
def test_one_schedd(names: tuple[str, ...]) -> None:
    assert len({schedd(n) for n in names}) == 1


def test_what_differs_stays_different() -> None:
    assert len({ce(n) for n in ("a:1", "a:2", "b", "a/x", "a/y")}) == 5
    assert len({schedd(n) for n in ("a@c", "b@c", "a@d", "a@c:1", "(local)")}) == 5


@given(st.text(max_size=40))
def test_any_text_has_a_spelling_that_stays(text: str) -> None:
    assert ce(ce(text)) == ce(text)
    assert schedd(schedd(text)) == schedd(text)
