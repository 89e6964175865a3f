"""What pilots have in common comes back from the one attribute as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.plugins.pilotgroup import Group, read


@given(st.builds(Group, st.text(), st.text(), st.booleans(), st.text()))
def test_it_is_read_as_it_was_written(group: Group) -> None:
    assert read(str(group)) == group


def test_it_is_short_and_people_can_read_it() -> None:
    assert str(Group("SITE A", "0f3c", True, "ce.example.org")) == "0f3c grid ce.example.org SITE A"
    assert str(Group("q", "", False, "")) == "- here - q"


@pytest.mark.parametrize("text", [None, 7, "", "a", "m grid q", "m elsewhere - q", "error"])
def test_what_we_did_not_write_is_no_group(text: object) -> None:
    assert read(text) is None
