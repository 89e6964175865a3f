"""Which payload for which node: `gpus >= 1 -> training; cores >= 8 and 5% -> candidate; panda`.

Rules are separated by `;` or new lines and tried in order. A rule's terms, joined by `and`, compare a fact
that the checks found (`== != >= <= > <`, or `~` for a regular expression of awk), or are a share of the
pilots (`5%`). A rule without `->` is a payload that fits every node.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_TERM = re.compile(r"([a-z][a-z0-9_]*)\s*(==|!=|>=|<=|>|<|~)\s*(\S.*)")
_SHARE = re.compile(r"(\d+)\s*%")
_NAMES = re.compile(r"[a-z][a-z0-9_-]*")


class RuleProblem(Exception):
    """The rules cannot be understood."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A payload, and what must hold for it."""

    payload: str
    terms: tuple[str, ...] = ()  # `fact OP value`, or `N%`
    facts: tuple[str, ...] = ()  # that the terms name

    @property
    def line(self) -> str:
        """Return the rule as the wrapper reads it."""
        return "|".join((self.payload, "&".join(self.terms)))


def parse(text: str, payloads: Collection[str]) -> list[Rule]:
    """Return the rules of `text`, which may choose among `payloads`. Raises RuleProblem."""
    return list(_parsed(text, payloads))


def _parsed(text: str, payloads: Collection[str]) -> Iterator[Rule]:
    for piece in re.split(r"[;\n]", text):
        if not piece.strip():
            continue
        condition, arrow, payload = (part.strip() for part in piece.rpartition("->"))
        if payload not in payloads:
            known = ", ".join(payloads)
            what = (
                f"no payload {payload!r}"
                if _NAMES.fullmatch(payload)
                else f"not CONDITION -> PAYLOAD: {piece.strip()!r}"
            )
            raise RuleProblem(f"{what} (payloads: {known})")
        if arrow and not condition:
            raise RuleProblem(f"no condition before -> in {piece.strip()!r}")
        terms = re.split(r"\s+and\s+", condition) if condition else []
        found = [_term(term.strip()) for term in terms]
        yield Rule(payload, tuple(t for t, _ in found), tuple(f for _, f in found if f))


def _term(text: str) -> tuple[str, str | None]:
    share = _SHARE.fullmatch(text)
    if share:
        if not 1 <= int(share[1]) <= 100:
            raise RuleProblem(f"a share is from 1% to 100%, not {text!r}")
        return f"{share[1]}%", None
    hit = _TERM.fullmatch(text)
    if hit is None:
        raise RuleProblem(f"not a condition: {text!r} (write FACT OP VALUE, or N%)")
    fact, operator, value = hit[1], hit[2], hit[3].strip().strip("'\"")
    if not value or re.search(r"[|&\x00-\x1f]", value):
        raise RuleProblem(f"not a value to compare with: {value!r}")
    return f"{fact} {operator} {value}", fact
