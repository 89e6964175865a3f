"""A history in a file."""

from pathlib import Path

import pytest

from autopyfactory.history.store import default_url


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state" / "history.db"


@pytest.fixture
def url(path: Path) -> str:
    return default_url(path.parent)
