"""What holds a place back, in words."""

from __future__ import annotations

from autopyfactory.accounting.conservation import balance
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.protocol.accounts import Accounts
from autopyfactory.model.text import count


def holds(accounts: Accounts, place: Place) -> tuple[str, ...]:
    """Return why nothing may be sent to `place` now; empty when something may."""
    if place.rival:
        return (
            f"another factory of this host ({place.rival}) with our factoryId sends to {place.name}: stop "
            "it, or give one of the two another factoryId",
        )
    if place.stranger_since is not None:
        return (who_answers(accounts, place),)
    if place.view is None:
        return (f"nobody has counted the pilots at {place.name} yet",)
    if not place.ready:
        return (f"the pilots at {place.name} are being looked up",)
    if place.foreign_since is not None:
        n = sum(n for _, _, n in place.foreign.values())
        return (
            f"{count(n, 'pilot')} with our factory's name at {place.name} are not from this book: does a "
            f"second factory use it? `autopyfactory pilots adopt {place.name}` takes them over",
        )
    unexplained = sum(balance(accounts.book, place, q).foreign for q in place.strange)
    if unexplained:
        return (f"{count(unexplained, 'pilot')} at {place.name} carry another mark and are being looked up",)
    return ()


def who_answers(accounts: Accounts, place: Place) -> str:
    """Say that a place is not the one that it was."""
    n = accounts.book.open(f"schedd:{place.name}")
    return (
        f"{place.name} is not the one it was: {place.stranger or 'one that does not say who it is'} answers "
        f"instead of {place.identity}, where {count(n, 'pilot')} of ours may still run: wait, or "
        f"`autopyfactory pilots forget {place.name}`"
    )
