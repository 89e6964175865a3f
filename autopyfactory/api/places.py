"""The answers to `places`, `adopt` and `forget`: what the book of pilots says of each place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autopyfactory.accounting.standing import Standing
from autopyfactory.control.server import CommandError
from autopyfactory.model.serialize import to_full

if TYPE_CHECKING:
    from autopyfactory.factory.factory import Factory


def places(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `places`: open, shown, not yet visible, missing, foreign and lost pilots of each, with ages."""
    return {"places": [_told(s) for s in factory.book.standings()]}


def adopt(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `adopt`: take over the pilots at `place` that carry our factory's name, with the next answer."""
    name = _named(factory, arguments)
    factory.book.adopt(name)
    _refresh(factory, name)
    factory.announce("problem", f"pilots adopt {name}, by {arguments.get('by') or '?'}")
    return {"place": name}


def forget(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `forget`: count the open pilots at `place` as lost."""
    name = _named(factory, arguments)
    n = factory.book.forget(name, f"says {arguments.get('by') or '?'}")
    _refresh(factory, name)
    return {"place": name, "pilots": n}


def _named(factory: Factory, arguments: dict[str, Any]) -> str:
    asked = str(arguments.get("place") or "")
    known = [s.name for s in factory.book.standings()]
    name = factory.book.resolve(asked)
    if name not in known:
        raise CommandError(f"there is no place {asked!r}; known are: {', '.join(known) or 'none yet'}")
    return name


def _refresh(factory: Factory, name: str) -> None:
    for target in factory.sources.places():
        if factory.book.resolve(target) == name:
            factory.sources.refresh(target)


def _told(s: Standing) -> dict[str, Any]:
    b = s.balance
    return {
        "place": s.name,
        "identity": s.identity,
        "open": b.open,
        "shown": b.shown,
        "unseen": b.unseen,
        "missing": b.missing,
        "foreign": b.foreign + b.surplus,
        "lost": s.lost,
        "unresolved": s.unresolved,
        "holds": list(s.holds),
        "age": s.age,
        "open_age": s.open_age,
        "unseen_age": s.unseen_age,
        "missing_age": s.missing_age,
        "foreign_age": s.foreign_age,
        "lost_age": s.lost_age,
        "stranger_age": s.stranger_age,
        "queues": {q: to_full(one) for q, one in s.queues.items() if one.open or not one.even},
    }


COMMANDS = {"places": places, "adopt": adopt, "forget": forget}
