"""The reference of all options, made from their declarations: those of third parties' plugins included."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field

from autopyfactory.config.registry import Found, Registry
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import Applies, Options, OptionSpec, Scope, specs
from autopyfactory.options.describe import allowed, default_text, preferred_key

_TAKEN_UP: dict[Applies, str] = {
    "reload": "",
    "start": " A change counts from the next start.",
    "never": " It cannot change while the factory runs.",
}
_PLACES: dict[Scope, str] = {
    "queue": "queue section",
    "factory": "[Factory]",
    "monitor": "section of monitor.conf",
    "auth": "section of auth.conf",
}
_KINDS = {
    "sched": ("Scheduler plugins", "Links of the chain named by `schedplugin`, applied in its order."),
    "wmsstatus": ("WMS status plugins", "Named by `wmsstatusplugin`: where the amount of work is read."),
    "batchstatus": ("Batch status plugins", "Named by `batchstatusplugin`: where pilots are counted."),
    "batchsubmit": ("Batch submit plugins", "Named by `batchsubmitplugin`: how pilots are sent."),
    "queueconfig": ("Queue configuration plugins", "Named by `config.queues.plugin` in `[Factory]`."),
    "auth": ("Credential plugins", "Named by `plugin` in a section of auth.conf."),
    "monitor": ("Monitor plugins", "Named by `monitorplugin` in a section of monitor.conf."),
    "factory": ("Other parts of the factory", "What other parts read in `[Factory]`."),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One option."""

    key: str
    takes: str
    default: str
    place: str
    description: str
    aliases: tuple[str, ...] = ()  # names of 2.4 that work too


@dataclass(frozen=True, slots=True)
class Entry:
    """A plugin, or a group of options that belongs to none."""

    title: str
    text: str = ""
    rows: tuple[Row, ...] = ()
    prefixes: tuple[str, ...] = ()  # keys may begin with any of them, the first one winning
    origin: str = ""  # the distribution, if it is not AutoPyFactory itself


@dataclass(frozen=True, slots=True)
class Chapter:
    """Entries of one kind."""

    title: str
    text: str
    entries: list[Entry] = field(default_factory=list)


def chapters(registry: Registry) -> list[Chapter]:
    """Return the whole reference: the factory's and queues' own options, then all plugins by kind."""
    factory = Chapter("[Factory]", "In autopyfactory.conf, the file given with `--conf`.")
    factory.entries.append(Entry("The factory", rows=_rows(FactoryOptions, "")))
    queue = Chapter("Every queue", "In queues.conf, one section per queue; `[DEFAULT]` is shared.")
    queue.entries.append(Entry("A queue", rows=_rows(QueueOptions, "")))
    found = [factory, queue]
    for kind, (title, text) in _KINDS.items():
        entries = list(_entries(kind, registry))
        if entries:
            found.append(Chapter(title, text, entries))
    return found


def _entries(kind: str, registry: Registry) -> Iterator[Entry]:
    by_class: dict[object, list[Found]] = {}
    for found in registry.all_of(kind):
        by_class.setdefault(found.cls or found, []).append(found)
    for group in by_class.values():
        first = next((f for f in group if f.cls and f.name == getattr(f.cls, "name", "")), group[0])
        others = [f.name for f in group if f.name != first.name]
        title = first.name + (f" (also called {', '.join(others)})" if others else "")
        origin = "" if first.origin == "autopyfactory" else first.origin
        if first.cls is None:
            yield Entry(title, f"Cannot be used: {first.error}", origin=origin)
            continue
        options: type[Options] = first.cls.Options
        prefix = f"{kind}.{first.name.lower()}"
        many = options.prefixes if len(options.prefixes) > 1 else ()
        yield Entry(title, _doc(first.cls), _rows(options, prefix), many, origin)


def _doc(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "")


def _rows(cls: type[Options], prefix: str) -> tuple[Row, ...]:
    return tuple(_row(spec, prefix) for spec in specs(cls))


def _row(spec: OptionSpec, prefix: str) -> Row:
    key = preferred_key(spec, prefix)
    default = "required" if spec.required else default_text(spec)
    description = sentence(" ".join(spec.description.split()))
    if spec.path:
        description += " A relative name is meant from the folder of the file that says it."
    if spec.secret:
        description += " Never shown."
    description += _TAKEN_UP[spec.applies]
    aliases = tuple(dict.fromkeys(spec.legacy))
    return Row(key, allowed(spec), default, _PLACES[spec.scope], description, aliases)


def sentence(text: str) -> str:
    """Return `text` with a full stop."""
    return text if not text or text.endswith((".", "!", "?")) else text + "."
