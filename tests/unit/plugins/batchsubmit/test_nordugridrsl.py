"""2.4's xRSL: what still has a meaning is read, what has none is named."""

import pytest

from autopyfactory.plugins.batchsubmit.nordugridrsl import OldRequest, translated
from autopyfactory.plugins.batchsubmit.request import Request


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90", 90), ("90 minutes", 90), ("72 hours", 4320), ("1 week", 10080), ("9 seconds", 1)],
)
def test_times(text: str, minutes: int) -> None:
    assert translated({"walltime": text}).wall_minutes == minutes


def test_cpu_time_is_that_of_all_cores() -> None:
    assert translated({"cputime": "800", "count": "8"}).wall_minutes == 100


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"ftpthreads": "3", "gmlog": "x"}, "ftpthreads, gmlog cannot be translated"),
        ({"nordugridrsl": "&(queue=x)(| (a=b)(c=d))"}, "cannot be read"),
        ({"memory": "lots"}, "not a whole number"),
        ({"count": "0"}, "not a whole number"),
        ({"walltime": "a while"}, "not a time"),
    ],
)
def test_what_cannot_be_is_named(keys: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        translated(keys)


def test_nothing_asks_for_nothing() -> None:
    assert translated({}) == OldRequest()
    assert OldRequest().over(Request(cores=4, memory_mb=10)) == Request(cores=4, memory_mb=10)
