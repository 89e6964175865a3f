import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.text import (
    are,
    capital,
    clock,
    count,
    is_one_line,
    printable,
    sentence,
    since,
    some,
    span,
    visible,
)

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


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (0.4, "0 s"),
        (0.6, "1 s"),
        (45, "45 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h"),
        (3601, "1 h"),  # the second unit after hours is minutes
        (7800, "2 h 10 min"),
        (86399, "23 h 59 min"),
        (86400, "1 d"),
        (86400 + 59 * 60, "1 d"),
        (3 * 86400 + 4 * 3600 + 59, "3 d 4 h"),
        (400 * 86400, "400 d"),
    ],
)
def test_durations_in_their_two_largest_units(seconds, words):
    assert span(seconds) == words


SIZES = {"d": 86400, "h": 3600, "min": 60, "s": 1}


@given(st.floats(0, 1e9))
def test_a_duration_in_words_is_right_to_its_second_unit(seconds):
    words = span(seconds).split(" ")
    told = [(int(n), SIZES[unit]) for n, unit in zip(words[::2], words[1::2], strict=True)]
    assert 1 <= len(told) <= 2
    largest = told[0][1]
    next_size = max((s for s in SIZES.values() if s < largest), default=1)
    assert -0.5 <= seconds - sum(n * size for n, size in told) < max(next_size, 0.51)


def test_counts_and_lists():
    assert [count(n, "pilot") for n in (0, 1, 2)] == ["0 pilots", "1 pilot", "2 pilots"]
    assert [are(n) for n in (0, 1, 2)] == ["are", "is", "are"]
    assert some([]) == ""
    assert some("abcde") == "a, b, c, d, e"
    assert some("abcdef") == "a, b, c, d, e and 1 more"
    assert some("abc", most=1) == "a and 2 more"


NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (NOON, "12:00Z"),
        (NOON.replace(hour=0), "00:00Z"),
        (NOON - timedelta(days=1), "2026-11-21 12:00Z"),
        (NOON.replace(year=2025), "2025-11-22 12:00Z"),
        (NOON + timedelta(hours=12), "2026-11-23 00:00Z"),
    ],
)
def test_a_moment_of_another_day_has_its_day(when, words):
    assert clock(when, NOON) == words
    assert since(when, NOON) == f", since {words}"
    assert since(None, NOON) == ""


@pytest.mark.parametrize(
    ("text", "full"), [("a", "a."), (" a. ", "a."), ("why?", "why?"), ("stop!", "stop!"), ("a:", "a:.")]
)
def test_a_sentence_ends(text, full):
    assert sentence(text) == full
    assert sentence(sentence(text)) == full


@pytest.mark.parametrize(
    ("text", "begun"),
    [("no work", "No work"), ("e1.example.org is", "e1.example.org is"), ("iPhone x", "iPhone x"), ("", "")],
)
def test_a_sentence_begins_but_a_name_keeps_its_spelling(text, begun):
    assert capital(text) == begun


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\x1b", "a\\x1b"), ("\u202e", "\\u202e"), ("\U000e0001", "\\U000e0001"), ("\r\n", "\\x0d\n")],
)
def test_how_it_is_written_out(text, shown):
    assert visible(text) == shown


def test_a_line_that_is_cut_says_so():
    assert printable("abcdefghij", 10) == "abcdefghij"
    assert printable("abcdefghijk", 10) == "abcdefg..."
    assert printable(" a \n b\tc ") == "a b c"
