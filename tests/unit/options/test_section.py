"""Sections as options see them: final texts, the word None, and where each was written."""

from __future__ import annotations

import pytest

from autopyfactory.options.problem import Where
from autopyfactory.options.section import Section


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x", "x"),
        ("", ""),  # set, and empty
        ("None", None),
        ("none", None),
        ("NONE", "NONE"),  # 2.4 knew two spellings
        (" None", " None"),
        ("0", "0"),
    ],
)
def test_the_word_none_is_not_set(text: str, found: str | None) -> None:
    assert Section.from_texts("S", {"k": text}).text("k") == found


def test_a_key_that_is_not_there_is_not_set() -> None:
    assert Section("S").text("k") is None


def test_plain_texts_say_where_they_come_from() -> None:
    section = Section.from_texts("S", {"a.b": "1"}, Where("f", 3))
    assert section.values["a.b"].where == section.where == Where("f", 3)
    assert Section.of("S", a__b="1").text("a.b") == "1"
    assert str(Section.of("S", a="1").values["a"].where) == "<given>"
