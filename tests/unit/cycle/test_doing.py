"""Calls of plugins: what they raise names them, what does not return is known, and can be left behind."""

from __future__ import annotations

import pytest

from autopyfactory.cycle.doing import AT_ONCE, Doing, LeftBehind, PluginError
from autopyfactory.plugins.base import SubmitError
from fakes import FakeClock


def test_what_a_plugin_raises_names_it_unless_it_may_raise_that() -> None:
    doing = Doing(FakeClock())
    with pytest.raises(PluginError, match=r"^the rule X failed: KeyError: 'q'$"), doing.call("the rule X"):
        raise KeyError("q")
    with pytest.raises(SubmitError), doing.call("the plugin Y"):
        raise SubmitError("no")
    assert doing.overdue == ""


def test_only_what_takes_longer_than_it_may_can_be_left_behind() -> None:
    clock = FakeClock()
    doing = Doing(clock)
    with doing.call("the plugin Y", 100):
        clock.advance(99)
        assert doing.overdue == "" and not doing.leave()
    with pytest.raises(LeftBehind), doing.call("the rule X"):
        clock.advance(AT_ONCE + 1)
        assert doing.overdue == "the rule X has not returned for 31 s"
        assert doing.leave() and doing.left
    with pytest.raises(LeftBehind), doing.call("the next one"):
        raise AssertionError("a thread that was left behind calls nothing more")
