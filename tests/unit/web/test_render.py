"""Numbers, times, links and texts as pages show them; what others wrote is inert in all of them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

import webkit
from autopyfactory.api.rows import QueueRow
from autopyfactory.web import render
from autopyfactory.web.table import STALE

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.mark.parametrize(
    ("n", "words"), [(None, "?"), (0, "0"), (999, "999"), (1234567, "1\u202f234\u202f567"), (-5, "-5")]
)
def test_a_count_that_is_not_known_is_not_zero(n: int | None, words: str) -> None:
    assert render.number(n) == words


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("site", "the site has to act"),
        ("credentials", "who looks after credentials has to act"),
        ("us", "the factory's operator has to act"),
        ("nobody", "nobody has to act"),
    ],
)
def test_who_has_to_act_is_a_sentence(who: str, words: str) -> None:
    assert render.acts(who) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(1, 3, "33"), (0, 3, "0"), (3, 3, "100"), (0, 0, ""), (None, 3, ""), (1, None, ""), (1, 0, "")],
)
def test_per_cent_of_nothing_is_nothing(part: int | None, whole: int | None, words: str) -> None:
    assert render.percent(part, whole) == words


@pytest.mark.parametrize(
    ("n", "words"), [(None, ""), (0, "0"), (1200, "1\u202f200"), (0.04, "0.0"), (2.25, "2.2")]
)
def test_shares_have_one_digit_behind_the_point(n: float | None, words: str) -> None:
    assert render.share(n) == words


@pytest.mark.parametrize(
    ("ago", "words"), [(0, "0 s ago"), (59, "59 s ago"), (8000, "2 h 13 min ago"), (-600, "0 s ago")]
)
def test_an_age_is_never_below_zero_whatever_the_clocks_say(ago: float, words: str) -> None:
    assert render.age(NOW - timedelta(seconds=ago), NOW) == words
    assert render.age(None, NOW) == "never"


def test_a_decision_is_late_after_a_quarter_of_an_hour_and_when_there_is_none() -> None:
    def row(ago: float) -> QueueRow:
        return QueueRow("q", "running", at=NOW - timedelta(seconds=ago))

    assert STALE == 15 * 60
    assert [render.is_stale(row(s), NOW) for s in (0, 900, 901, -5)] == [False, False, True, False]
    assert render.is_stale(QueueRow("q", "starting"), NOW)


def test_a_cause_that_nobody_has_heard_of_looks_bad() -> None:
    assert [render.tone(c) for c in ("ok", "paused", "broken", "what is that")] == [
        "good",
        "wait",
        "bad",
        "bad",
    ]


@given(st.lists(TEXT, min_size=1, max_size=3))
def test_a_path_leads_to_the_names_it_was_made_of(names: list[str]) -> None:
    made = render.path(*names)
    assert made.isascii() and not set(made) & set(" \"'<>?#\\\n\r")
    assert [unquote(part) for part in made.split("/")[1:]] == names


def test_the_name_of_a_folder_that_is_no_text_has_a_path_too(tmp_path: Path) -> None:
    """A file system gives names that are no UTF-8 as half characters: one of them must not cost the page."""
    assert render.path("logs", "\udcff") == "/logs/%3F"
    access = webkit.FakeAccess(tmp_path)
    os.makedirs(os.fsencode(tmp_path / "pilots" / "2026-11-22") + b"/\xff")
    answer = webkit.client(access).get("/logs/2026-11-22")
    assert (answer.status_code, "\\udcff" in answer.text) == (200, True)


@given(st.dictionaries(st.sampled_from("abc"), TEXT | st.integers(0, 9) | st.booleans()), TEXT)
def test_a_query_says_what_was_given_and_leaves_out_what_is_empty(
    given_: dict[str, object], new: str
) -> None:
    split = urlsplit(render.query("/queues", given_, a=new))
    told = {k: v for k, v in {**given_, "a": new}.items() if v not in ("", False, 0)}
    assert split.path == "/queues"
    assert parse_qs(split.query) == {k: [str(v)] for k, v in told.items()}


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(max_size=40))
def test_what_others_wrote_is_text_in_every_template(text: str) -> None:
    template = render._environment().from_string("<p title='{{ text }}'>{{ text }}</p>")
    page = template.render(text=text)
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.tags == ["p"]
    page.encode()  # no half characters
    assert not [c for c in page if c in "\u202e\u200b\x1b\0\x85\u2028"]


def test_markup_of_ours_stays() -> None:
    template = render._environment().from_string("{{ text }}")
    assert template.render(text=Markup("<b>ours</b>")) == "<b>ours</b>"
    assert template.render(text="a\u202eb") == "a\\u202eb"


@pytest.mark.parametrize("name", ["../app.py", "style.css/../../app.py", "", "nosuch.css"])
def test_only_files_that_are_meant_to_be_served_are(name: str) -> None:
    assert render.static(name) is None
    assert all(render.static(n) for n in render.STATIC)
