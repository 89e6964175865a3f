"""ClassAd values as plain JSON values (in the child process only)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import classad2

_PLAIN = frozenset((str, int, bool, float))


def plain(value: Any) -> Any:
    """A ClassAd value as JSON: undefined is None, expressions are text, times ISO 8601, errors "error"."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, classad2.Value):
        return None if value == classad2.Value.Undefined else "error"
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, classad2.ClassAd):
        return {name: attribute(value, name) for name in value}
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def attribute(ad: classad2.ClassAd, name: str) -> Any:
    """One attribute of an ad as JSON; None if it is missing."""
    try:
        return plain(ad[name])
    except KeyError:
        return None
    except UnicodeDecodeError as error:
        # Attributes have whatever encoding their submitter used; one job must not spoil the whole answer.
        return error.object.decode("utf-8", "backslashreplace")


def row(ad: classad2.ClassAd, names: Sequence[str]) -> dict[str, Any]:
    """The named attributes of an ad, or all of them if no name is given."""
    wanted = names or list(ad)
    return dict(zip(wanted, values(ad, wanted), strict=True))


def values(ad: classad2.ClassAd, names: Iterable[str]) -> list[Any]:
    """The named attributes of an ad, without their names."""
    found: list[Any] = []
    for name in names:
        try:
            value = ad[name]
            found.append(value if type(value) in _PLAIN else plain(value))
        except KeyError:
            found.append(None)
        except UnicodeDecodeError:
            found.append(attribute(ad, name))
    return found
