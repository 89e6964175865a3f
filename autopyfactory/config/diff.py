"""What is different between two configurations, in terms of what queues do.

Two queues are equal when all options that their plugins read are equal, however they are written; keys
that nothing reads make no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from autopyfactory.config.effective import Effective, of_choice, of_factory, of_queue, parts_of
from autopyfactory.config.model import Configuration, QueueConfig
from autopyfactory.model.redact import MASK
from autopyfactory.options.describe import as_text
from autopyfactory.options.problem import Problem

Change = tuple[str | None, str | None]
Changes = Mapping[str, Change]
SECRET_CHANGED = ("*** (old)", "*** (new)")


@dataclass(frozen=True, slots=True)
class Diff:
    """The way from one configuration to another. Values are texts, secrets masked."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: Mapping[str, Changes] = field(default_factory=dict)  # queue -> key -> (old, new)
    equal: tuple[str, ...] = ()
    broken: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)  # queues that cannot run
    factory: Changes = field(default_factory=dict)  # keys of [Factory]
    monitors: Mapping[str, Changes] = field(default_factory=dict)  # section -> key -> (old, new)
    auth: Mapping[str, Changes] = field(default_factory=dict)
    mappings: tuple[str, ...] = ()  # sections of mappings.conf
    starts: frozenset[str] = frozenset()  # queues that did not run and shall
    stops: frozenset[str] = frozenset()  # queues that ran and shall not
    restarts: frozenset[str] = frozenset()  # queues that run on, with other options

    @property
    def empty(self) -> bool:
        """Whether nothing is different."""
        parts = (
            self.added,
            self.removed,
            self.changed,
            self.factory,
            self.monitors,
            self.auth,
            self.mappings,
        )
        return not any(parts)

    def summary(self) -> str:
        """Return one line for logs: how many queues are added, removed, changed, unchanged."""
        counts = {
            "added": self.added,
            "removed": self.removed,
            "changed": tuple(self.changed),
            "cannot run": tuple(self.broken),
        }
        words = [f"{len(names)} {what} ({_few(names)})" for what, names in counts.items() if names]
        return ", ".join([*words, f"{len(self.equal)} unchanged"])


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def diff(old: Configuration, new: Configuration) -> Diff:
    """Return what going from `old` to `new` means; broken queues of `new` are neither removed nor changed."""
    both = [n for n in old.queues if n in new.queues]
    different = {n: None for n in both if not same(old.queues[n], new.queues[n])}
    stays = set(new.queues) | set(new.broken)
    before, after = _running(old), _running(new)
    return Diff(
        added=tuple(n for n in new.queues if n not in old.queues),
        removed=tuple(n for n in old.queues if n not in stays),
        changed={n: _queue_changes(old, new, n) for n in different},
        equal=tuple(n for n in both if n not in different),
        broken={n: p for n, p in new.broken.items() if n in old.queues or n not in old.broken},
        factory=_changes(of_factory(old), of_factory(new)),
        monitors=_sections(_monitors(old), _monitors(new)),
        auth=_sections(_auth(old), _auth(new)),
        mappings=_mappings(old, new),
        starts=frozenset(after - before),
        stops=frozenset(before - after),
        restarts=frozenset(n for n in different if n in before and n in after),
    )


def same(old: QueueConfig, new: QueueConfig) -> bool:
    """Whether two queues do the same: equal options, plugins, options of plugins, and monitors."""
    return old is new or _identity(old) == _identity(new)


def _identity(queue: QueueConfig) -> tuple[object, ...]:
    single = (queue.batchsubmit, queue.wmsstatus, queue.batchstatus)
    monitors = tuple((m.section.name, m.choice) for m in queue.monitors)
    return (queue.options, queue.sched, single, monitors, queue.weight, queue.others)


def _running(configuration: Configuration) -> set[str]:
    if not configuration.factory.enable_queues:
        return set()
    return {n for n, q in configuration.queues.items() if q.options.enabled}


def _queue_changes(old: Configuration, new: Configuration, name: str) -> Changes:
    before, after = dict(parts_of(old.queues[name])), dict(parts_of(new.queues[name]))
    equal = {part for part, options in before.items() if after.get(part) == options}
    return _changes(_queue_items(old, name, equal), _queue_items(new, name, equal))


def _queue_items(configuration: Configuration, name: str, without: set[str]) -> Iterator[Effective]:
    queue, factory = configuration.queues[name], configuration.factory_section
    yield from of_queue(queue, factory, without)
    for monitor in queue.monitors:
        yield from of_choice(monitor.choice, monitor.section, factory)


def _monitors(configuration: Configuration) -> dict[str, list[Effective]]:
    factory = configuration.factory_section
    return {n: list(of_choice(m.choice, m.section, factory)) for n, m in configuration.monitors.items()}


def _auth(configuration: Configuration) -> dict[str, list[Effective]]:
    factory, sections = configuration.factory_section, configuration.auth
    return {n: list(of_choice(c, sections[n], factory)) for n, c in configuration.auth_choices.items()}


def _changes(old: Iterable[Effective], new: Iterable[Effective]) -> dict[str, Change]:
    """Compare by meaning (`True` is `yes`), show as written."""
    before = {(item.part, item.name): item for item in old}
    after = {(item.part, item.name): item for item in new}
    found: dict[str, Change] = {}
    for at in dict.fromkeys((*before, *after)):
        was, now = before.get(at), after.get(at)
        if was is None or now is None or was.bound != now.bound:
            one = now if was is None or (now is not None and now.is_set) else was
            assert one is not None
            found[one.key] = _change(was, now)
    return found


def _change(was: Effective | None, now: Effective | None) -> Change:
    """Return how a change is shown; what looks the same is a secret, or a text that means another file."""
    if was is None or now is None or was.value != now.value:
        return was.value if was else None, now.value if now else None
    return SECRET_CHANGED if MASK in (was.value or "") else (as_text(was.bound), as_text(now.bound))


def _sections(old: Mapping[str, list[Effective]], new: Mapping[str, list[Effective]]) -> dict[str, Changes]:
    names = dict.fromkeys((*old, *new))
    found = {n: _changes(old.get(n, ()), new.get(n, ())) for n in names}
    return {name: changes for name, changes in found.items() if changes}


def _mappings(old: Configuration, new: Configuration) -> tuple[str, ...]:
    names = dict.fromkeys((*old.mappings, *new.mappings))
    return tuple(n for n in names if old.mappings.get(n) != new.mappings.get(n))
