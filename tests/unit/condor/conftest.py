import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.condor.caller import Caller
from autopyfactory.condor.target import Target

FAKE = [sys.executable, str(Path(__file__).with_name("fake_child.py"))]


@pytest.fixture
def make_caller() -> Iterator[Callable[..., Caller]]:
    """Callers with a fake child, closed at the end."""
    made: list[Caller] = []

    def make(*arguments: str, **options: Any) -> Caller:
        values = {"retry_after": 60.0, "recycle_after": 1000, "recycle_above_kb": 1 << 20} | options
        target = values.pop("target", Target("ap@fake"))
        made.append(Caller(target, command=[*FAKE, *arguments], **values))
        return made[-1]

    yield make
    for caller in made:
        caller.close(0)


@pytest.fixture
def caller(make_caller: Callable[..., Caller]) -> Caller:
    return make_caller()
