"""Calls to a schedd are counted, whatever becomes of them."""

from __future__ import annotations

import pytest

from autopyfactory.condor.calls import CallCounter
from autopyfactory.condor.errors import Busy, Overrun


def test_each_call_is_counted_by_what_became_of_it() -> None:
    counter = CallCounter()
    with counter.one():
        pass
    for error in (Overrun("late"), Busy("full"), Busy("full")):
        with pytest.raises(type(error)), counter.one():
            raise error
    with pytest.raises(ValueError), counter.one():
        raise ValueError("a defect of ours is none of the schedd's")
    counter.child()
    sums = counter.sums()
    assert (sums.calls, sums.failures, sums.children) == (5, {"overrun": 1, "busy": 2}, 1)
    assert sums.seconds >= 0
