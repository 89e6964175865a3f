"""Everybody who listens hears of endings, whatever another one does."""

import logging
from collections.abc import Sequence

import pytest

from autopyfactory.accounting.endings import EndingStream
from autopyfactory.model.ending import Ending

ONE = Ending("s@h", "1.0", "tag", "q", 1000.0, "well")


def test_a_listener_that_raises_costs_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    stream, heard = EndingStream(), []

    def broken(_: Sequence[Ending]) -> None:
        raise RuntimeError("mine")

    stream.subscribe(broken)
    stream.subscribe(heard.extend)
    with caplog.at_level(logging.ERROR):
        stream.take([ONE])
    assert heard == [ONE]
    assert "mine" in caplog.text
    stream.take([])
    assert heard == [ONE]
