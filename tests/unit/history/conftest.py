"""A history in a file, written while its records are young."""

from datetime import datetime
from pathlib import Path

import pytest

from autopyfactory.history import writer
from autopyfactory.history.store import default_url
from autopyfactory.model.clock import SystemClock
from contracts.records import T0


class AtThatTime(SystemClock):
    """The clock of a factory that writes the records of the tests: a week later it would thin them."""

    def now(self) -> datetime:
        return T0


@pytest.fixture(autouse=True)
def young(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SystemClock", AtThatTime)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state" / "history.db"


@pytest.fixture
def url(path: Path) -> str:
    return default_url(path.parent)
