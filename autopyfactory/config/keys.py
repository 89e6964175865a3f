"""Which keys mean something: those of plugins, helpers of interpolation, retired ones - and typing errors."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from autopyfactory.config.legacy import LegacyKey, retired
from autopyfactory.config.registry import KINDS, Registry
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import Options, Scope, specs
from autopyfactory.options.interpolate import Values, references
from autopyfactory.options.problem import Problem, Severity
from autopyfactory.options.section import Section, Value

MAX_SUGGESTIONS = 200  # per load: looking for similar words takes milliseconds each
MAX_KEY = 120  # characters; nobody meant an option by more
SHORT = 3  # characters; what has no more is a part of many keys


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Keys that mean something: whole names, and stems of those that collect what follows."""

    exact: frozenset[str] = frozenset()
    stems: tuple[str, ...] = ()

    def knows(self, key: str) -> bool:
        """Whether `key` means something here."""
        return key in self.exact or (bool(self.stems) and key.startswith(self.stems))

    def words(self) -> set[str]:
        """Return what one may have meant to write."""
        return {*self.exact, *(s.rstrip(".") for s in self.stems)}


@cache
def vocabulary(classes: tuple[type[Options], ...], scope: Scope) -> Vocabulary:
    """Return the keys of scope `scope` that the options of `classes` read."""
    exact: set[str] = set()
    stems: set[str] = set()
    for cls in classes:
        for spec in specs(cls):
            if spec.scope == scope:
                for key in spec.keys + spec.legacy:
                    (stems if key.endswith(".*") else exact).add(key.removesuffix("*"))
    return Vocabulary(frozenset(exact), tuple(sorted(stems)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a key, whatever its value."""

    severity: Severity
    message: str
    hint: str | None = None


_ELSEWHERE: Mapping[Scope, str] = {"factory": "[Factory]", "queue": "the sections of queues"}


class KeyJudge:
    """Tells known keys from unknown ones within one scope (queues, `[Factory]`, monitors, auth)."""

    def __init__(
        self, registry: Registry, scope: Scope, kinds: Collection[str], table: tuple[LegacyKey, ...] = ()
    ):
        self._registry = registry
        self._scope: Scope = scope
        self._kinds = kinds
        self._table = table
        self._everything: dict[Scope, Vocabulary] = {}
        self._verdicts: dict[tuple[str, tuple[type[Options], ...]], Verdict | None] = {}
        self._suggestions = MAX_SUGGESTIONS

    def unknown(
        self,
        section: Section,
        classes: tuple[type[Options], ...],
        keys: Iterable[str],
        helpers: Collection[str] = (),
    ) -> Iterator[Problem]:
        """Yield what is wrong with `keys` of `section`, whose options are read by `classes`.

        `helpers` are names that are fine without being options; so are those that another value of the
        section refers to.
        """
        known = vocabulary(classes, self._scope)
        used: set[str] | None = None
        for key in keys:
            if known.knows(key) or key in helpers:
                continue
            if used is None:
                used = referred(section)
            if key in used:
                continue
            verdict = self._judge(key, classes)
            if verdict is not None:
                # not what it says: who knows whether this was to be the key of a password
                where = _raw(section, key).where
                yield Problem(verdict.severity, verdict.message, where, section.name, key, None, verdict.hint)

    def verdict(self, key: str) -> Verdict | None:
        """Return what is wrong with `key` in a section of which nothing else is known; None: nothing."""
        return self._judge(key, ())

    def _judge(self, key: str, classes: tuple[type[Options], ...]) -> Verdict | None:
        at = (key, classes)
        if at not in self._verdicts:
            self._verdicts[at] = self._fresh(key, classes)
        return self._verdicts[at]

    def _fresh(self, key: str, classes: tuple[type[Options], ...]) -> Verdict | None:
        if self.everything(self._scope).knows(key):
            return None
        row = retired(self._table, key)
        if row is not None:
            return Verdict("warning", row.message, row.hint)
        for scope, place in _ELSEWHERE.items():
            if scope != self._scope and self.everything(scope).knows(key):
                return Verdict("warning", f"has no effect here: it is read in {place}", "move it there")
        if misplaced := self._misplaced(key):
            return Verdict("error", "unknown key", f"did you mean {misplaced}?")
        meant = self._meant(key, classes)
        if meant:
            return Verdict("error", "unknown key", f"did you mean {meant}?")
        if "." in key and self._ours(key.split(".")[0]):
            return Verdict("error", "unknown key", "nothing reads it and no other value refers to it")
        part = self._whose_part(key)
        return Verdict("warning", "nothing reads this key and no other value refers to it", part)

    def _misplaced(self, key: str) -> str | None:
        """Return the key of another level that `key` is with the family of this one before it.

        As `sched.maxperfactory.maximum`: of all rules' numbers this one stands in [Factory], without it.
        """
        family, _, rest = key.partition(".")
        if "." not in rest or not self._ours(family):
            return None
        others = (s for s in _ELSEWHERE if s != self._scope and self.everything(s).knows(rest))
        return next((f"{rest} in {_ELSEWHERE[s]}" for s in others), None)

    def everything(self, scope: Scope) -> Vocabulary:
        """Return the keys of all plugins that are installed; imports them all at the first call."""
        if scope not in self._everything:
            kinds = KINDS if scope == "factory" else self._kinds
            found = (f.cls.Options for kind in kinds for f in self._registry.all_of(kind) if f.cls)
            core: tuple[type[Options], ...] = (FactoryOptions, QueueOptions)
            self._everything[scope] = vocabulary((*core, *dict.fromkeys(found)), scope)
        return self._everything[scope]

    def _meant(self, key: str, classes: tuple[type[Options], ...]) -> str | None:
        if len(key) > MAX_KEY or self._suggestions <= 0:
            return None
        self._suggestions -= 1
        likely = vocabulary(classes, self._scope).words()
        return misspelt(key, likely) or misspelt(key, self.everything(self._scope).words())

    def _ours(self, family: str) -> bool:
        """Whether keys that begin with `family` and a dot are ours: an unknown one is then a mistake.

        Others are what people note for themselves, or what other versions and plugins of theirs read.
        """
        families = _families(self.everything(self._scope))
        return family.lower() in families or bool(difflib.get_close_matches(family.lower(), families, 1, 0.8))

    def _whose_part(self, key: str) -> str | None:
        found = _by_part(self.everything(self._scope)).get(key.lower()) if len(key) > SHORT else None
        return None if found is None else f"if {found} is meant: say so"


def closest(key: str, words: Collection[str]) -> str | None:
    """Return the one of `words` that `key` was probably meant to be: misspelt, or a part of it."""
    return misspelt(key, words) or part_of(key, words)


def misspelt(key: str, words: Collection[str]) -> str | None:
    """Return the one of `words` that `key` is but for its spelling."""
    lower = {w.lower(): w for w in sorted(words)}
    if key.lower() in lower:
        return lower[key.lower()]
    close = difflib.get_close_matches(key, sorted(words), 1, cutoff=0.8)
    return close[0] if close else None


def part_of(key: str, words: Collection[str]) -> str | None:
    """Return the first of `words` that has `key` between its dots, as sched.minpending.minimum."""
    return parts(words).get(key.lower()) if len(key) > SHORT else None


def parts(words: Collection[str]) -> Mapping[str, str]:
    """Return, for all that stands between the dots of `words`, the first of them that has it."""
    return {part: word for word in sorted(words, reverse=True) for part in word.lower().split(".")}


@cache
def _by_part(known: Vocabulary) -> Mapping[str, str]:
    return parts(known.words())


@cache
def _families(known: Vocabulary) -> frozenset[str]:
    return frozenset(word.split(".")[0].lower() for word in known.words() if "." in word)


def referred(section: Section) -> set[str]:
    """Return the names that values of `section` refer to."""
    values = section.values
    if not isinstance(values, Values):
        return set()
    return {
        name for part in (values.own, values.defaults) for v in part.values() for name in references(v.text)
    }


def _raw(section: Section, key: str) -> Value:
    values: Mapping[str, Value] = section.values
    return values.raw(key) if isinstance(values, Values) else values[key]
