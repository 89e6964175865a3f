"""Where a history is by default, and that it is not there: told without the library for databases."""

from __future__ import annotations

from pathlib import Path


class HistoryError(Exception):
    """The history cannot be used; the text says why."""


def default_file(state_dir: str | Path) -> Path:
    """Return the file of the history that lies in `state_dir`."""
    return Path(state_dir).expanduser() / "history.db"


def must_exist(file: Path) -> None:
    """Raise HistoryError unless there is such a history."""
    if not file.exists():
        raise HistoryError(f"there is no history yet: {file} does not exist")
