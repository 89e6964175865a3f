"""Arguments of commands, checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from autopyfactory.control.server import CommandError


def text(arguments: Mapping[str, Any], name: str) -> str:
    """Return a text that has to be there. Raises CommandError."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip():
        raise CommandError(f"{name} is missing")
    return value


def moment(said: Any) -> datetime | None:
    """Return a time (ISO 8601, with a zone); None for None. Raises CommandError."""
    if said is None:
        return None
    try:
        when = datetime.fromisoformat(str(said))
    except ValueError as err:
        raise CommandError(f"not a time: {said!r}") from err
    if when.tzinfo is None:
        raise CommandError(f"a time without a zone: {said!r}")
    return when
