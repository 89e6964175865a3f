import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.text import is_one_line, printable, visible

ANY = st.text(st.characters(exclude_categories=()))
UNFIT = [
    "\x00",
    "\x1b[2J",
    "\x9b31m",
    "\x07",
    "\x7f",
    "\r",
    "\x85",
    "\u202e",
    "\u2028",
    "\u200b",
    "\ud800",
    "\ufeff",
]


@pytest.mark.parametrize("text", UNFIT)
def test_what_is_no_text_is_written_out(text):
    assert visible(f"a{text}b").isprintable() and visible(f"a{text}b").startswith("a\\")
    assert not is_one_line(f"a{text}b")


@given(ANY)
def test_foreign_text_is_text_wherever_it_is_shown(text):
    shown = visible(text)
    shown.encode()
    assert visible(shown) == shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
    assert "\n" not in printable(text) and "\t" not in printable(text)
    assert is_one_line(printable(text))
    assert len(printable(text, 20)) <= 20


def test_what_people_write_stays_as_it_is():
    text = "Zürich: 10 €, 東京, \U0001f600\n\tnext line"
    assert visible(text) == text
