"""Why an idle job gets no machine: how many of the pool's machines each clause of its Requirements excludes.

Runs in the child process: it needs the bindings' ClassAd library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import classad2

_OPEN, _CLOSE = "([{", ")]}"


def excluded(job: classad2.ClassAd, slots: Sequence[classad2.ClassAd]) -> dict[str, Any]:
    """Return how many machines there are, how many fit, and what excludes the others.

    `machines`, `fit`: numbers; `clauses`: the text of each clause of the job's Requirements, and how many
    machines it excludes, the most first; `refuse`: machines whose own Requirements exclude the job. A machine
    counts as excluded when all of its slots are.
    """
    text = str(job.lookup("Requirements")) if "Requirements" in job else "true"
    machines = by_machine(slots)
    wanted = {clause: _Clause(clause, job) for clause in clauses(text)}
    counted = [
        [text, sum(not any(map(one.holds, its)) for its in machines.values())] for text, one in wanted.items()
    ]
    return {
        "machines": len(machines),
        "fit": sum(
            any(_takes(slot, job) and all(one.holds(slot) for one in wanted.values()) for slot in its)
            for its in machines.values()
        ),
        "clauses": sorted((pair for pair in counted if pair[1]), key=lambda pair: -int(pair[1])),
        "refuse": sum(not any(_takes(slot, job) for slot in its) for its in machines.values()),
    }


class _Clause:
    """A part of a job's Requirements. What the job does not have is the machine's, as HTCondor reads it."""

    def __init__(self, text: str, job: classad2.ClassAd):
        self._expression = classad2.ExprTree(text)
        self._job = job
        self._theirs = [name for name in job.externalRefs(self._expression) if "." not in name]

    def holds(self, slot: classad2.ClassAd) -> bool:
        """Whether a slot fulfils it."""
        scope = self._job
        if self._theirs:
            scope = classad2.ClassAd()
            for name in list(self._job):
                scope[name] = self._job.lookup(name)
            for name in self._theirs:
                if name in slot:
                    scope[name] = slot.lookup(name)
        return _true(self._expression.eval(scope, slot))


def _takes(slot: classad2.ClassAd, job: classad2.ClassAd) -> bool:
    """Whether a slot's own Requirements let the job in."""
    return "Requirements" not in slot or _true(slot.lookup("Requirements").eval(slot, job))


def _true(value: Any) -> bool:
    """Whether HTCondor takes `value` for true; undefined and error are numbers to Python."""
    return value is True or (type(value) in (int, float) and value != 0)


def by_machine(slots: Sequence[classad2.ClassAd]) -> dict[str, list[classad2.ClassAd]]:
    """Return slots by machine, without those that were split off from others for a job."""
    found: dict[str, list[classad2.ClassAd]] = {}
    for slot in slots:
        if slot.get("SlotType") != "Dynamic":
            found.setdefault(str(slot.get("Machine", "")), []).append(slot)
    return found


def clauses(text: str) -> Iterator[str]:
    """Yield the parts of an expression that all have to be true."""
    text = _bare(text.strip())
    cuts = list(_at_top(text, ("&&",)))
    if not cuts or any(_at_top(text, ("||", "?"))):  # these bind less than `&&`
        yield text
        return
    begin = 0
    for cut in cuts:
        yield from clauses(text[begin:cut])
        begin = cut + 2
    yield from clauses(text[begin:])


def _bare(text: str) -> str:
    """Return `text` without parentheses around all of it."""
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _closing(text: str) -> int:
    """Return where the bracket with which `text` begins is closed."""
    return next((at for at, depth in _depths(text) if depth == 0), -1)


def _at_top(text: str, signs: tuple[str, ...]) -> Iterator[int]:
    """Yield where one of `signs` stands outside of all brackets and quotes."""
    for at, depth in _depths(text):
        if depth == 0 and text.startswith(signs, at) and text[at - 1 : at + 2] != "=?=":
            yield at


def _depths(text: str) -> Iterator[tuple[int, int]]:
    """Yield each position outside of quotes, and how many brackets are open after it."""
    depth, quote, escaped = 0, "", False
    for at, char in enumerate(text):
        if quote:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == quote:
                quote = ""
            continue
        if char in "\"'":
            quote = char
            continue
        depth += (char in _OPEN) - (char in _CLOSE)
        yield at, depth
