from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sched_building import build

from autopyfactory.plugins.base import SchedPlugin


@pytest.fixture
def make() -> Callable[..., SchedPlugin[Any]]:
    return build
