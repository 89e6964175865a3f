"""Counting and sending places, compared."""

from __future__ import annotations

from autopyfactory.plugins.places import uncounted
from fakes import FakeBatch, FakeSubmit


def test_a_count_of_another_place_is_none() -> None:
    submit, batch = FakeSubmit(), FakeBatch()
    assert uncounted(submit, batch) is None
    assert uncounted(submit, None) is None
    batch.target = "elsewhere"  # type: ignore[misc]
    assert uncounted(submit, batch) == (
        "pilots are sent to schedd, but counted in elsewhere: none would ever be seen"
    )
