"""Which rules of a chain undo others, by what the rules declare: told by `check` and `simulate`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autopyfactory.model.decision import Rule, declaration_of
from autopyfactory.model.declaration import Declaration, Part

# Pacing is not holding back: MaxPerCycle is usual before MinPerCycle, and right if it is the larger one.
HOLDS_BACK: frozenset[Part] = frozenset({"holds", "guards", "limits"})
LIFE = ("pending", "running", "ended")


@dataclass(frozen=True, slots=True)
class Undoing:
    """One rule that undoes others before it."""

    rule: str
    undone: tuple[str, ...]  # the rules before it, in the order of the chain
    words: str  # for people, a sentence without its full stop
    hint: str = ""  # what to do


@dataclass(frozen=True, slots=True)
class _Link:
    name: str
    said: Declaration


def undoings(chain: Sequence[Rule]) -> tuple[Undoing, ...]:
    """Return where one rule of `chain` undoes another, in the order of the chain.

    Rules that do nothing for want of a number are passed over, and of rules that declare nothing nothing is
    concluded.
    """
    links = [_Link(r.name, declaration_of(r)) for r in chain if not getattr(r, "idle", False)]
    found: list[Undoing] = []
    before: list[_Link] = []  # from the rule on that gives the number its start
    for link in links:
        found += _by(link, before)
        if link.said.part == "starts":
            before = []
        before.append(link)
    return tuple(found)


def _by(link: _Link, before: Sequence[_Link]) -> Iterator[Undoing]:
    match link.said.part:
        case "starts" if before:
            yield _ignores(link, before)
        case "raises":
            yield from _sends_what_is_held_back(link, before)
        case "targets":
            yield from _subtracts_again(link, before)
        case "scales" if link.said.grows:
            yield from _outgrows(link, before)
        case "divides":
            yield from _divides_too_late(link, before)
        case _:
            pass
    if link.said.never_negative:
        held_back = HOLDS_BACK if link.said.part == "raises" else frozenset[Part]()  # told already
        yield from _never_takes_back(link, [b for b in before if b.said.part not in held_back])


def _ignores(link: _Link, before: Sequence[_Link]) -> Undoing:
    names = _names(before)
    words = f"{link.name} ignores the number so far: what comes before it ({', '.join(names)}) has no effect"
    return Undoing(link.name, names, words, f"let {link.name} begin the chain")


def _sends_what_is_held_back(link: _Link, before: Sequence[_Link]) -> Iterator[Undoing]:
    if names := _names(b for b in before if b.said.part in HOLDS_BACK):
        words = f"{link.name} after {', '.join(names)} sends pilots that {_these(names)} back"
        yield Undoing(link.name, names, words, f"put {link.name} before {names[0]}")


def _never_takes_back(link: _Link, before: Sequence[_Link]) -> Iterator[Undoing]:
    if names := _names(b for b in before if b.said.retires):
        words = f"{link.name} after {', '.join(names)}: pilots that are too many are never taken back, since "
        words += "no negative number passes it"
        yield Undoing(link.name, names, words, f"put {link.name} before {names[0]}, or leave it out")


def _subtracts_again(link: _Link, before: Sequence[_Link]) -> Iterator[Undoing]:
    guilty = [b for b in before if b.said.subtracts & link.said.subtracts]
    if not guilty:
        return
    twice = frozenset[str]().union(*(b.said.subtracts & link.said.subtracts for b in guilty))
    which = " and ".join(p for p in LIFE if p in twice)
    names = _names(guilty)
    words = (
        f"{link.name} after {', '.join(names)}: {which} pilots are subtracted twice, since {link.name} takes "
    )
    words += "the number so far as the pilots wanted in all"
    hint = (
        f"give {link.name} a number of its own and let it begin the chain, or limit the pilots in another way"
    )
    yield Undoing(link.name, names, words, hint)


def _outgrows(link: _Link, before: Sequence[_Link]) -> Iterator[Undoing]:
    if names := _names(b for b in before if b.said.part in HOLDS_BACK - {"holds"} or b.said.part == "paces"):
        words = f"{link.name} after {', '.join(names)} multiplies what was limited"
        yield Undoing(link.name, names, words, f"put {link.name} before {names[0]}")


def _divides_too_late(link: _Link, before: Sequence[_Link]) -> Iterator[Undoing]:
    last = before[-1].said if before else None
    if last is not None and (
        last.part == "other" or (last.part == "starts" and "running" not in last.subtracts)
    ):
        return
    words = f"{link.name} belongs right after the rule that looks at the work, such as Ready: it divides the "
    words += "demand, not what other rules have left of it"
    yield Undoing(link.name, _names(before), words)


def _names(links: Iterable[_Link]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(link.name for link in links))


def _these(names: Sequence[str]) -> str:
    return "this holds" if len(names) == 1 else "these hold"
