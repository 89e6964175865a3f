from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autopyfactory.plugins.base import SchedPlugin
from schedkit import build


@pytest.fixture
def make() -> Callable[..., SchedPlugin[Any]]:
    return build
