"""`childlist`: a queue whose CEs are those of other sections becomes a queue with several CEs.

The branch of 2.4 that could balance load had a parent section over one section per CE. Here the parent is the
queue, and says all that is not said of its first child; the children are no queues of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autopyfactory.config.alternatives import CES
from autopyfactory.config.legacy import ONE_OVER_MANY
from autopyfactory.config.lookup import Lookup, as_text
from autopyfactory.options.declare import OptionSpec, find, specs
from autopyfactory.options.interpolate import Values, escape
from autopyfactory.options.problem import Problem
from autopyfactory.options.section import Section, Value

CHILDREN, PLUGIN = "childlist", "batchsubmitplugin"


def adopted(
    sections: Mapping[str, Section], lookup: Lookup
) -> tuple[Mapping[str, Section], dict[str, list[Problem]]]:
    """Return `sections` with each parent in the place of its children, and what is wrong with parents."""
    parents = {name: children for name, s in sections.items() if (children := _children(s))}
    if not parents:
        return sections, {}
    made, problems = dict(sections), dict[str, list[Problem]]()
    for name, children in parents.items():
        parent = sections[name]
        if wrong := list(_wrong(parent, children, sections, lookup)):
            value = parent.values[CHILDREN]
            problems[name] = [
                Problem("error", w, value.where, name, CHILDREN, value.text, ONE_OVER_MANY) for w in wrong
            ]
            continue
        made[name] = _queue(parent, [sections[c] for c in children], lookup)
        for child in children:
            made.pop(child, None)
    return made, problems


def _children(section: Section) -> list[str]:
    """Return the names in the section's own list; one that only `[DEFAULT]` gives means nothing."""
    if CHILDREN not in _own(section):
        return []
    return [name for name in (n.strip() for n in as_text(section, CHILDREN).split(",")) if name]


def _wrong(
    parent: Section, children: list[str], sections: Mapping[str, Section], lookup: Lookup
) -> Iterator[str]:
    missing = [name for name in children if name not in sections or name == parent.name]
    if missing:
        yield f"is a parent of other queues, and there is no section {', '.join(missing)}"
        return
    plugins = {as_text(sections[name], PLUGIN) for name in children}
    if len(plugins) > 1 or not all(plugins):
        yield "is a parent of other queues, which are not all sent to in the same way"
        return
    spec = _spec(sections[children[0]], lookup)
    for name in children:
        if spec is None or find(spec, sections[name]) is None:
            yield f"is a parent of other queues, and {name} names no CE"


def _queue(parent: Section, children: list[Section], lookup: Lookup) -> Section:
    """Return the queue: its own keys over those of its first child, and the CEs of all."""
    spec = _spec(children[0], lookup)
    assert spec is not None
    found = [find(spec, child) for child in children]
    ces = ", ".join(hit[1].text for hit in found if hit is not None)
    where = parent.values[CHILDREN].where
    own = {**_own(children[0]), **_own(parent), CES: Value(escape(ces), where)}
    for key in (CHILDREN, "klass"):
        own.pop(key, None)
    values = parent.values
    made = Values(own, values.defaults) if isinstance(values, Values) else own
    return Section(parent.name, made, parent.where, parent.inherited - own.keys())


def _spec(child: Section, lookup: Lookup) -> OptionSpec | None:
    """Return the option that names the CE of this child."""
    cls: type[Any] | None = lookup.find("batchsubmit", as_text(child, PLUGIN), child, PLUGIN)[0]
    field = getattr(cls, "ce_option", "")
    return next((s for s in specs(cls.Options) if s.field == field), None) if cls and field else None


def _own(section: Section) -> Mapping[str, Value]:
    values = section.values
    return values.own if isinstance(values, Values) else values
