"""condor_attributes: commas, backslashes, overriding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.plugins.batchsubmit.attributes import overridden, split_attributes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"a = x\,y,b=2", {"a": "x,y", "b": "2"}),
        (r"a = x\\,b=2", {"a": "x\\", "b": "2"}),
        (r"a=c:\dir\x", {"a": r"c:\dir\x"}),
        (" a=1, b=2 ", {"a": "1", "b": "2"}),
        ("a=1,,b=2,", {"a": "1", "b": "2"}),
        ("a=b=c", {"a": "b=c"}),
        ("", {}),
    ],
)
def test_split(text: str, expected: dict[str, str]) -> None:
    assert split_attributes(text) == expected


def test_an_item_without_equals_is_an_error() -> None:
    with pytest.raises(ValueError, match="not KEY = VALUE: 'b'"):
        split_attributes("a=1,b")


VALUES = st.text(st.characters(blacklist_characters="\\", blacklist_categories=["Cs", "Cc", "Z"]), max_size=9)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), VALUES, max_size=5))
def test_what_is_escaped_comes_back(items: dict[str, str]) -> None:
    text = ",".join(f"{k}={v}".replace(",", "\\,") for k, v in items.items())
    assert split_attributes(text) == items


def test_the_user_wins_however_a_command_is_spelled() -> None:
    ours = {"grid_resource": "x", "+Nonessential": "True", "output": "o"}
    theirs = {"Grid_Resource": "y", "MY.nonessential": "False"}
    assert overridden(ours, theirs) == {"output": "o", "Grid_Resource": "y", "MY.nonessential": "False"}


def test_the_single_form_wins_over_the_list() -> None:
    assert overridden({"a": "1"}, {"A": "2"}, {"a": "3"}) == {"a": "3"}
