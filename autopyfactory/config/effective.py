"""The options in effect, one by one: as text, with where each comes from, fit to be shown."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from autopyfactory.config.model import Configuration, PluginChoice, QueueConfig
from autopyfactory.config.secrets import is_secret, masked, secret_name
from autopyfactory.model.redact import MASK
from autopyfactory.options.declare import Applies, Options, OptionSpec, Scope, family, find, homes, specs
from autopyfactory.options.describe import default_text, preferred_key
from autopyfactory.options.problem import ConfigError
from autopyfactory.options.section import Section

DEFAULT_ORIGIN = "default"


@dataclass(frozen=True, slots=True)
class Effective:
    """One option in effect. `value` is None when it is not set and has no default."""

    key: str
    value: str | None
    origin: str  # file:line, or `default`
    part: str  # what reads it: `queue`, `Factory`, or a plugin as `sched MaxPerCycle`
    name: str  # what it is called there; for options that collect keys, with the collected one
    bound: object = field(repr=False)  # what it became; not for showing: it may be secret
    description: str = ""
    unit: str = ""
    scope: Scope = "queue"  # where it is read
    applies: Applies = "reload"  # when a running factory takes up a change

    @property
    def is_set(self) -> bool:
        """Whether somebody wrote it, in the section or in its defaults."""
        return self.origin != DEFAULT_ORIGIN


def of_queue(queue: QueueConfig, factory: Section, without: Collection[str] = ()) -> Iterator[Effective]:
    """Yield every option that this queue and its plugins read, each key once; nothing of parts `without`."""
    seen: set[str] = set()
    plain = {key for _, options in parts_of(queue) for key in _plain_keys(options, queue.section)}
    for part, options in parts_of(queue):
        if part in without:
            continue
        for item in of_options(options, part, queue.section, factory, plain):
            if item.key not in seen:
                seen.add(item.key)
                yield item


def parts_of(queue: QueueConfig) -> Iterator[tuple[str, Options]]:
    """Yield all options of a queue, by the name of what reads them."""
    yield "queue", queue.options
    single = (queue.wmsstatus, queue.batchstatus, queue.batchsubmit)
    for choice in (*queue.sched, *(c for c in single if c is not None)):
        yield f"{choice.kind} {choice.name}", choice.options


def of_factory(configuration: Configuration) -> Iterator[Effective]:
    """Yield the options of `[Factory]` itself and of the parts of the daemon that have some there."""
    section = configuration.factory_section
    yield from of_options(configuration.factory, "Factory", section, section)
    for name, options in configuration.parts.items():
        yield from of_options(options, name, section, section)


def of_choice(choice: PluginChoice, section: Section, factory: Section) -> Iterator[Effective]:
    """Yield the options of one plugin that `section` chose."""
    yield from of_options(choice.options, f"{choice.kind} {choice.name}", section, factory)


def of_options(
    options: Options, part: str, section: Section, factory: Section, plain: Collection[str] = ()
) -> Iterator[Effective]:
    """Yield the fields of `options`, which were bound from `section` and `factory`; secrets are masked.

    `plain` are keys of `section` that hold no secrets by what other parts declare.
    """
    plain = {*plain, *_plain_keys(options, section)}
    secrets = secret_texts(section, plain)
    for spec in specs(type(options)):
        facts = (spec.description, spec.unit, spec.scope, spec.applies)
        try:
            found = list(_set_in(spec, homes(spec, section, factory) or section))
        except ConfigError as err:  # the options are those of a configuration that cannot be used
            why = "it cannot be worked out" if spec.secret else str(err)
            yield Effective(spec.keys[0], None, why, part, spec.field, None, *facts)
            continue
        for name, key, text, origin in found:
            shown = MASK if spec.secret else masked(key, text, secrets, plain=key in plain)
            bound = text if spec.family else getattr(options, spec.field)
            yield Effective(key, shown, origin, part, name, bound, *facts)
        if not found and not spec.family:
            key = preferred_key(spec, part.lower().replace(" ", "."))
            written = default_text(spec) if spec.default is not None else None
            bound = getattr(options, spec.field)
            yield Effective(key, written, DEFAULT_ORIGIN, part, spec.field, bound, *facts)


def _set_in(spec: OptionSpec, home: Section) -> Iterator[tuple[str, str, str, str]]:
    """Yield (field, key, text, origin) of what sets this option."""
    if spec.family:
        for short, key in family(spec, home).items():
            value = home.values[key]
            yield f"{spec.field}.{short}", key, value.text, str(value.where)
        return
    hit = find(spec, home)
    if hit is not None:
        yield spec.field, hit[0], hit[1].text, str(hit[1].where)


def _plain_keys(options: Options, section: Section) -> Iterator[str]:
    """Yield the keys, as written, whose declaration says that they hold no secret."""
    for spec in specs(type(options)):
        if spec.secret is False:
            yield from spec.keys + spec.legacy
        elif spec.files:
            for short, key in family(spec, section).items():
                if short in spec.files:
                    yield key


def secret_texts(section: Section, plain: Collection[str] = ()) -> list[str]:
    """Return the texts of keys of `section` that hold secrets: they may be part of other values.

    `plain` are keys that hold none by their declaration.
    """
    found: list[str] = []
    for key in section.values:
        if key not in plain and secret_name(key):
            try:
                text = section.values[key].text
            except ConfigError:  # cannot be worked out, so no other value can hold it
                continue
            if is_secret(key, text):
                found.append(text)
    return found
