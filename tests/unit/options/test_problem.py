"""A problem in one line: place, section, key, what is wrong, what it says, and what to do, each once."""

from __future__ import annotations

import pytest

from autopyfactory.config.registry import PluginError
from autopyfactory.options.problem import Problem, Where
from configkit import REGISTRY


def test_all_of_it_in_one_line() -> None:
    problem = Problem("error", "is too small", Where("q.conf", 7), "Q", "a.b", "3", "write 5", "5 to 9")
    assert str(problem) == "q.conf:7: error: [Q] a.b: is too small (it says '3'); allowed: 5 to 9; write 5"


@pytest.mark.parametrize(("value", "times"), [("Limt", 1), ("Floor, Limt", 2)])
def test_a_misspelt_plugin_is_named_once(value: str, times: int) -> None:
    """Unless the value says more than the message does."""
    with pytest.raises(PluginError) as caught:
        REGISTRY.find("sched", "Limt")
    told = str(Problem("error", str(caught.value), None, "Q", "schedplugin", value, caught.value.hint))
    assert told.count("Limt") == times
    assert told.startswith("error: [Q] schedplugin: there is no sched plugin 'Limt'")
