"""Waiting: what is half made is no answer yet, what never comes is told with its reason."""

from __future__ import annotations

import pytest

from patience import until
from testbed.errors import TestbedError


def test_a_look_at_what_is_half_made_is_no_answer_yet() -> None:
    looks = iter([KeyError("STATUS"), FileNotFoundError("log"), AttributeError("last"), None, 7])

    def look() -> int | None:
        found = next(looks)
        if isinstance(found, Exception):
            raise found
        return found

    assert until(look, "the number", 0.0) == 7


def test_what_never_comes_is_told_with_what_the_last_look_raised() -> None:
    with pytest.raises(TestbedError, match=r"the key: not within 0 s; the last look raised KeyError\('k'\)"):
        until(lambda: {}["k"], "the key", 0.0, limit=0.0)  # type: ignore[misc]
    with pytest.raises(TestbedError, match=r"the end: not within 0 s$"):
        until(lambda: False, "the end", 0.0, limit=0.0)


def test_what_cannot_become_true_ends_the_waiting() -> None:
    def look() -> bool:
        raise AssertionError("the process has ended")

    with pytest.raises(AssertionError, match="has ended"):
        until(look)
