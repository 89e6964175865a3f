"""A queue that sends to several CEs, or through several schedds: its section, once for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from autopyfactory.config.lookup import as_text
from autopyfactory.options.declare import specs
from autopyfactory.options.interpolate import Values, escape
from autopyfactory.options.problem import Problem
from autopyfactory.options.section import Section, Value

CES = "batchsubmit.ces"
SCHEDDS = "batchstatus.condor.schedds"
SCHEDD, POOL = "batchstatus.condor.schedd", "batchstatus.condor.collector"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of them. `stands_for`: keys that the user did not write, and the one written in their place."""

    section: Section
    weight: float = 1.0
    stands_for: Mapping[str, str] | None = None

    def told(self, problem: Problem) -> Problem:
        """Return `problem` about the key that the user wrote."""
        written = (self.stands_for or {}).get(problem.key or "")
        return replace(problem, key=written) if written else problem


def alternatives(section: Section, submit: type[Any] | None) -> tuple[list[Alternative], list[Problem]]:
    """Return `section` once for each CE and each schedd that it names; itself where it names one of each.

    submit: the class of its submit plugin. The problems are those of the lists themselves.
    """
    found = [Alternative(section)]
    problems: list[Problem] = []
    if CES in section.values:
        found = _with_ces(found[0], submit, problems)
    if SCHEDDS in section.values and hasattr(getattr(submit, "Options", None), "schedds_of"):
        found = [one for each in found for one in _with_schedds(each, submit)]
    return found, problems


def _with_ces(one: Alternative, submit: type[Any] | None, problems: list[Problem]) -> list[Alternative]:
    """Return `one` for each CE in `NAME [OPTION=VALUE ...], ...`, its options those of the submit plugin."""
    section, plugin = one.section, as_text(one.section, "batchsubmitplugin")
    items = [words for words in (item.split() for item in as_text(section, CES).split(",")) if words]
    if not items or submit is None:
        return [one]

    def wrong(message: str) -> None:
        value = section.values[CES]
        problems.append(Problem("error", message, value.where, section.name, CES, value.text))

    known = {spec.keys[0].rpartition(".")[2]: spec.keys[0] for spec in specs(submit.Options)}
    field = getattr(submit, "ce_option", "")
    key = next((s.keys[0] for s in specs(submit.Options) if s.field == field), "")
    if not key:  # keys[0] wins over all others that may be set
        wrong(f"{plugin} sends to one place only")
        return [one]
    if len({words[0].lower() for words in items}) < len(items):
        wrong("names a CE twice")
    found = []
    for name, *words in items:
        texts = {key: (name, CES)}
        for word in words:
            option, equals, text = word.partition("=")
            if not equals or option not in known:
                wrong(f"{word!r} is no OPTION=VALUE of {plugin} for the CE {name}")
                continue
            texts[known[option]] = (text, CES)
        found.append(_said(one, texts))
    return found


def _with_schedds(one: Alternative, submit: type[Any] | None) -> list[Alternative]:
    assert submit is not None
    try:
        schedds = submit.Options.schedds_of(as_text(one.section, SCHEDDS))
    except ValueError:  # told where the option is bound
        return [one]
    if not schedds:
        return [one]
    found = []
    for schedd in schedds:
        texts = {SCHEDD: (schedd.name, SCHEDDS)}
        if schedd.collector is not None:
            texts[POOL] = (schedd.collector, SCHEDDS)
        found.append(replace(_said(one, texts), weight=schedd.weight))
    return found


def _said(one: Alternative, texts: Mapping[str, tuple[str, str]]) -> Alternative:
    """Return `one` with these texts: by key, the text and the key that the user wrote."""
    section, values = one.section, one.section.values
    new = {key: Value(escape(text), values[written].where) for key, (text, written) in texts.items()}
    made = Values({**values.own, **new}, values.defaults) if isinstance(values, Values) else {**values, **new}
    stands = {**(one.stands_for or {}), **{key: written for key, (_, written) in texts.items()}}
    inherited = section.inherited - new.keys()
    return Alternative(Section(section.name, made, section.where, inherited), one.weight, stands)
