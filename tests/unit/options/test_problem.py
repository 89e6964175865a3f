"""A problem says where it is, what is wrong and what to do: in a line, in short, and as data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.config.registry import PluginError
from autopyfactory.options.problem import ConfigError, Problem, Unreadable, Where
from configkit import REGISTRY

FULL = Problem(
    "error", "is too small", Where("q.conf", 12), "BNL", "apfqueue.sleep", "-1", "write more", "number"
)


def test_every_part_is_told() -> None:
    assert str(FULL) == (
        "q.conf:12: error: [BNL] apfqueue.sleep: is too small (it says '-1'); allowed: number; write more"
    )
    assert FULL.brief == "apfqueue.sleep: is too small; allowed: number; write more (q.conf:12)"


@pytest.mark.parametrize(
    ("without", "line"),
    [
        ("where", "error: [BNL] apfqueue.sleep: is too small (it says '-1'); allowed: number; write more"),
        (
            "section",
            "q.conf:12: error: apfqueue.sleep: is too small (it says '-1'); allowed: number; write more",
        ),
        ("key", "q.conf:12: error: [BNL] is too small (it says '-1'); allowed: number; write more"),
        ("value", "q.conf:12: error: [BNL] apfqueue.sleep: is too small; allowed: number; write more"),
        ("hint", "q.conf:12: error: [BNL] apfqueue.sleep: is too small (it says '-1'); allowed: number"),
        ("allowed", "q.conf:12: error: [BNL] apfqueue.sleep: is too small (it says '-1'); write more"),
    ],
)
def test_what_is_not_known_leaves_no_trace(without: str, line: str) -> None:
    assert str(replace(FULL, **{without: None})) == line  # type: ignore[arg-type]


def test_empty_texts_are_told_since_they_are_what_the_file_says() -> None:
    told = str(replace(FULL, value="", section="", key=""))
    assert "[] : is too small (it says '')" in told


def test_a_source_as_a_whole_has_no_line() -> None:
    assert str(Where("q.conf")) == "q.conf"
    assert str(Where("q.conf", 1)) == "q.conf:1"


def test_problems_are_sorted_by_file_and_line_as_numbers() -> None:
    places = [Where("b", 1), Where("a", 10), Where("a", 9), Where("a")]
    assert sorted(places) == [Where("a"), Where("a", 9), Where("a", 10), Where("b", 1)]


@pytest.mark.parametrize(
    ("source", "remote"),
    [
        ("http://x/q.conf", True),
        ("https://x/q.conf", True),
        ("HTTPS://X/q.conf", True),
        ("/etc/http://x", False),
        ("file:///etc/q.conf", False),
        ("https.conf", False),
        ("", False),
    ],
)
def test_what_others_decide(source: str, remote: bool) -> None:
    assert Where(source, 3).remote is remote


def test_an_error_tells_all_of_its_problems() -> None:
    err = ConfigError([FULL, replace(FULL, key="other")])
    assert str(err).splitlines() == [str(p) for p in err.problems]
    assert isinstance(Unreadable([]), ConfigError)


texts = st.none() | st.text(max_size=10)


@given(st.builds(Problem, st.just("error"), st.text(max_size=20), st.none(), *[texts] * 5))
def test_as_data_nothing_is_lost(problem: Problem) -> None:
    data = json.loads(json.dumps(problem.as_dict()))
    assert Problem(**data) == problem


def test_a_place_is_data_too() -> None:
    assert FULL.as_dict()["where"] == {"source": "q.conf", "line": 12}


@given(st.text(max_size=40))
def test_a_value_cannot_begin_a_line_of_its_own(value: str) -> None:
    assert "\n" not in str(replace(FULL, value=value))


@pytest.mark.parametrize(("value", "times"), [("Limt", 1), ("Floor, Limt", 2)])
def test_a_misspelt_plugin_is_named_once(value: str, times: int) -> None:
    """Unless the value says more than the message does."""
    with pytest.raises(PluginError) as caught:
        REGISTRY.find("sched", "Limt")
    told = str(Problem("error", str(caught.value), None, "Q", "schedplugin", value, caught.value.hint))
    assert told.count("Limt") == times
    assert told.startswith("error: [Q] schedplugin: there is no sched plugin 'Limt'")
