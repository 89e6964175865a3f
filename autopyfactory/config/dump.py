"""The configuration in effect: every value and where it comes from; secrets are masked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from autopyfactory.config.effective import Effective, of_choice, of_factory, of_queue, secret_texts
from autopyfactory.config.model import Configuration
from autopyfactory.config.problemlist import shown
from autopyfactory.config.secrets import masked
from autopyfactory.options.problem import ConfigError
from autopyfactory.options.section import Section

WIDTH = 60  # column at which the origin begins


@dataclass(frozen=True, slots=True)
class Block:
    """One section in effect. `note` says why it is not in effect, if so."""

    kind: str  # Factory, queue, monitor, auth, mapping
    name: str
    items: tuple[Effective, ...]
    note: str = ""


def blocks(configuration: Configuration, queue: str | None = None) -> Iterator[Block]:
    """Yield what is in effect: of one queue, or of everything. Raises KeyError for a queue unknown."""
    if queue is not None:
        yield _queue(configuration, queue)
        return
    c, factory = configuration, configuration.factory_section
    yield Block("Factory", factory.name, tuple(of_factory(c)))
    for name, monitor in c.monitors.items():
        yield Block("monitor", name, tuple(of_choice(monitor.choice, monitor.section, factory)))
    for name, section in c.auth.items():
        choice = c.auth_choices.get(name)
        items = of_choice(choice, section, factory) if choice else _raw(section, "auth")
        yield Block("auth", name, tuple(items), "" if choice else "cannot be used")
    for name, table in c.mappings.items():
        yield Block("mapping", name, tuple(_plain(table.items())))
    for name in (*c.queues, *c.broken):
        yield _queue(c, name)


def _queue(configuration: Configuration, name: str) -> Block:
    known = configuration.queues.get(name)
    if known is not None:
        note = "" if known.options.enabled else "not enabled"
        return Block("queue", name, tuple(of_queue(known, configuration.factory_section)), note)
    problems = configuration.broken[name]
    errors = [str(p) for p in problems if p.severity == "error"]
    return Block("queue", name, (), "cannot run: " + "; ".join(errors or map(str, problems)))


def _raw(section: Section, part: str) -> Iterator[Effective]:
    secrets = secret_texts(section)
    for key in section.values:
        try:
            value = section.values[key]
        except ConfigError as err:
            yield Effective(key, None, str(err), part, key, None)
            continue
        yield Effective(key, masked(key, value.text, secrets), str(value.where), part, key, None)


def _plain(pairs: Iterable[tuple[str, str]]) -> Iterator[Effective]:
    for key, text in pairs:
        yield Effective(key, text, "", "mapping", key, text)


def render(found: Iterable[Block], *, everything: bool = False) -> str:
    """Return blocks as text in the form of a configuration file, the origins as comments."""
    return "\n".join("\n".join(_lines(block, everything)) + "\n" for block in found)


def _lines(block: Block, everything: bool) -> Iterator[str]:
    if block.note:
        yield f"# {block.note}"
    yield f"[{block.name}]"
    for item in block.items:
        if item.value is None:
            if everything:
                yield f"# {item.key} is not set"
            continue
        value = item.value.replace("%", "%%").replace("\n", "\n    ") or '""'
        elsewhere = "# in [Factory]: " if block.kind != "Factory" and item.scope == "factory" else ""
        text = f"{elsewhere}{item.key} = {value}"
        yield f"{text:<{WIDTH}} ; {shown(item.origin)}" if item.origin else text


def as_data(found: Iterable[Block]) -> list[dict[str, Any]]:
    """Return blocks as plain data, for `--json`."""
    return [
        {
            "kind": block.kind,
            "name": block.name,
            **({"note": block.note} if block.note else {}),
            "options": {i.key: {"value": i.value, "origin": i.origin, "part": i.part} for i in block.items},
        }
        for block in found
    ]
