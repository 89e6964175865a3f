"""Queue sections become queues: plugins are looked up, options bound, and everything wrong is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autopyfactory.config import queuepaths
from autopyfactory.config.alternatives import CES, SCHEDDS, Alternative, alternatives
from autopyfactory.config.children import adopted
from autopyfactory.config.ini import DEFAULT
from autopyfactory.config.keys import KeyJudge, referred, vocabulary
from autopyfactory.config.legacy import FILES, PROXY, QUEUE_KEYS, of_another_time
from autopyfactory.config.loader import RawConfig
from autopyfactory.config.lookup import Lookup, as_text
from autopyfactory.config.model import MonitorConfig, PluginChoice, QueueConfig, Route
from autopyfactory.model.decision import Need
from autopyfactory.model.queuefolder import queue_folder
from autopyfactory.options import remote
from autopyfactory.options.binding import Binder
from autopyfactory.options.common import QueueOptions
from autopyfactory.options.declare import Options
from autopyfactory.options.interpolate import Values
from autopyfactory.options.problem import ConfigError, Problem
from autopyfactory.options.section import Section

QUEUE_KINDS = ("sched", "wmsstatus", "batchstatus", "batchsubmit")
_KEYS = {
    "sched": "schedplugin",
    "wmsstatus": "wmsstatusplugin",
    "batchstatus": "batchstatusplugin",
    "batchsubmit": "batchsubmitplugin",
}
_NEEDS: Mapping[Need, tuple[str, str]] = {
    "wms": ("wmsstatus", "how much work there is"),
    "site": ("wmsstatus", "the state of the site"),
    "batch": ("batchstatus", "how many pilots there are"),
    "factory": ("batchstatus", "how many pilots the factory has"),
}
FORMAT_KEYS = ("batchsubmitplugin", "klass", "childlist", "nickname", "queue")  # tell one format from others
_OFF = ("", "false", "no", "off", "0", "f", "n")


@dataclass(slots=True)
class BuiltQueues:
    """What became of all queue sections."""

    queues: dict[str, QueueConfig] = field(default_factory=dict)
    broken: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    classes: dict[type[Options], None] = field(default_factory=dict)  # whose options are read


class QueueBuilder:
    """Builds all queues of one configuration."""

    def __init__(
        self,
        lookup: Lookup,
        binder: Binder,
        factory: Section,
        monitors: Mapping[str, MonitorConfig],
        known_monitors: Iterable[str],
    ):
        self.lookup = lookup
        self.binder = binder
        self.factory = factory
        self.monitors = monitors
        self.known_monitors = set(known_monitors)
        self.judge = KeyJudge(lookup.registry, "queue", QUEUE_KINDS, QUEUE_KEYS)
        self._choices: dict[tuple[Any, ...], PluginChoice] = {}
        self._beside: dict[tuple[Any, ...], Options] = {}

    def choice(self, made: PluginChoice) -> PluginChoice:
        """Return one that is equal to `made`, the same for all queues: thousands choose alike."""
        # options are shared already, and comparing them takes longer than telling which they are
        return self._choices.setdefault((made.kind, made.name, made.cls, id(made.options)), made)

    def beside(self, options: Options, section: Section) -> Options:
        """Return `options` with whole paths; of those that are equal, and read alike, the same object."""
        update = queuepaths.of_plugin(options, section, self.factory)
        if not update:
            return options
        key = (id(options), *update.values())  # the binder keeps `options`, so its identity stays
        return self._beside.setdefault(key, options.model_copy(update=update))

    def build(self, raw: RawConfig) -> BuiltQueues:
        """Build every section of `raw`. A queue with an error is in `broken`, with all its problems."""
        result = BuiltQueues(problems=[p for p in raw.problems if p.section not in raw.sections])
        parsed: dict[str, list[Problem]] = {}
        for problem in raw.problems:
            if problem.section in raw.sections:
                parsed.setdefault(str(problem.section), []).append(problem)
        shared = self._defaults(raw)
        sections, astray = adopted(raw.sections, self.lookup)
        for name, section in sections.items():
            taint = [*raw.tainted.get(name, ()), *shared.get(_defaults_id(section), ())]
            draft = _Draft(self, section)
            queue = draft.queue(astray.get(name, ()))
            result.classes.update(dict.fromkeys(draft.classes))
            own = [*parsed.get(name, ()), *draft.problems]
            self._settle(result, name, queue, own, taint, draft.enabled)
        result.problems.extend(p for name, own in parsed.items() if name not in sections for p in own)
        self._distinct(result)
        result.problems.extend(p for problems in shared.values() for p in problems)
        return result

    @staticmethod
    def _distinct(result: BuiltQueues) -> None:
        """Refuse queues whose files would lie in the folder of another one."""
        taken: dict[str, str] = {}
        for name, queue in list(result.queues.items()):
            other = taken.setdefault(queue_folder(name), name)
            if other != name:
                message = f"its files would lie in the same folder as those of {other}: {queue_folder(name)}"
                problem = Problem("error", message, queue.section.where, name, hint="rename one of them")
                del result.queues[name]
                result.broken[name] = (problem,)
                result.problems.append(problem)

    def _settle(
        self,
        result: BuiltQueues,
        name: str,
        queue: QueueConfig | None,
        own: list[Problem],
        taint: list[Problem],
        enabled: bool,
    ) -> None:
        """Decide whether the queue can run; a mistake in one that is switched off is only a warning."""
        if not enabled:
            own = [_milder(p) for p in own]
        result.problems.extend(own)
        errors = [p for p in (*own, *taint) if p.severity == "error" and p.key != "monitorsection"]
        if queue is None or errors:
            result.broken[name] = (*own, *taint)
        else:
            result.queues[name] = queue

    def _defaults(self, raw: RawConfig) -> dict[int, list[Problem]]:
        """Judge the keys of each `[DEFAULT]` once, not once per queue."""
        used: set[str] | None = None
        verdicts: dict[int, list[Problem]] = {}
        for section in raw.sections.values():
            values = section.values
            if not isinstance(values, Values) or id(values.defaults) in verdicts:
                continue
            if used is None:
                used = {name for s in raw.sections.values() for name in referred(s)}
            common = Section(DEFAULT, Values({}, values.defaults))
            helpers = used.union(QueueOptions.interpolation_only)
            found = self.judge.unknown(common, (QueueOptions,), values.defaults, helpers)
            verdicts[id(values.defaults)] = list(found)
        return verdicts


def _defaults_id(section: Section) -> int:
    return id(section.values.defaults) if isinstance(section.values, Values) else 0


def _milder(problem: Problem) -> Problem:
    if problem.severity == "warning":
        return problem
    return replace(problem, severity="warning", message=f"{problem.message} (the queue is not enabled)")


def _enabled(section: Section) -> bool:
    """Whether the queue shall run; a text that means neither counts, so that it stays an error."""
    try:
        return (section.text("enabled") or "").lower() not in _OFF
    except ConfigError:
        return True


class _Draft:
    """One queue in the making."""

    def __init__(self, builder: QueueBuilder, section: Section):
        self.b = builder
        self.section = section
        self.problems: list[Problem] = []
        self.classes: list[type[Options]] = [QueueOptions]
        self.gone: list[Problem] = []  # plugins whose technology is gone: that says it all
        self.enabled = _enabled(section)
        self.alternatives = [Alternative(section)]

    def queue(self, astray: Sequence[Problem] = ()) -> QueueConfig | None:
        """Return the queue, or None; `problems` has everything found.

        astray: what is wrong with what it names as its children.
        """
        if astray:
            self.problems = list(astray)
            return None
        if other := of_another_time(_texts(self.section)):
            place = self.section.where
            self.problems = [Problem("error", other[0], place, self.section.name, hint=other[1])]
            return None
        core, problems = self.b.binder.bind(QueueOptions, self.section)
        if CES in self.section.values or SCHEDDS in self.section.values:
            self.alternatives, wrong = alternatives(self.section, self._submit_class())
            problems = [*problems, *wrong]
        chosen = {kind: self._choose_all(kind) for kind in QUEUE_KINDS}
        if self.gone:
            self.problems = self.gone
            return None
        self.problems.extend(problems)
        self._unknown_keys()
        self._credentials(chosen["batchsubmit"])
        self._needs(chosen)
        monitors = self._monitors()
        others = tuple(self._route(one) for one in self.alternatives[1:])
        if "enabled" not in self.section.values:
            self._tell("enabled", "not set: the queue does not run", "say enabled = True or False")
        if core is None or any(p.severity == "error" and p.key != "monitorsection" for p in self.problems):
            return None
        return QueueConfig(
            self.section.name,
            self.section,
            queuepaths.resolved(core, self.section),
            sched=tuple(chosen["sched"]),
            batchsubmit=chosen["batchsubmit"][0],
            wmsstatus=next(iter(chosen["wmsstatus"]), None),
            batchstatus=next(iter(chosen["batchstatus"]), None),
            monitors=monitors,
            weight=self.alternatives[0].weight,
            others=tuple(route for route in others if route is not None),
        )

    def _submit_class(self) -> type[Any] | None:
        """Return the class of the submit plugin; None: there is none, which is told elsewhere."""
        key = _KEYS["batchsubmit"]
        name = as_text(self.section, key)
        return self.b.lookup.find("batchsubmit", name, self.section, key)[0] if name else None

    def _route(self, one: Alternative) -> Route | None:
        """Return one more way of the queue's pilots."""
        found = {kind: self._choose_all(kind, one) for kind in ("batchsubmit", "batchstatus")}
        if not found["batchsubmit"]:
            return None
        return Route(found["batchsubmit"][0], next(iter(found["batchstatus"]), None), one.weight)

    def _choose_all(self, kind: str, which: Alternative | None = None) -> list[PluginChoice]:
        key = _KEYS[kind]
        text = as_text(self.section, key)
        names = [n.strip() for n in text.split(",")] if kind == "sched" else [text]
        which = which or self.alternatives[0]
        found = (self._choose(kind, key, name, which) for name in names if name)
        return [choice for choice in found if choice is not None]

    def _choose(self, kind: str, key: str, name: str, which: Alternative) -> PluginChoice | None:
        cls, problem, gone = self.b.lookup.find(kind, name, self.section, key)
        if cls is None:
            assert problem is not None
            (self.gone if gone else self.problems).append(problem)
            return None
        self.classes.append(cls.Options)
        value = self.section.values[key]
        if value.where.remote and not (self.b.binder.trust_urls or getattr(cls, "from_url", False)):
            message = f"{name} cannot be chosen from a URL: it runs programs or reads files of this host"
            where = value.where
            self.problems.append(
                Problem("error", message, where, self.section.name, key, value.text, remote.HINT)
            )
            return None
        options, problems = self.b.binder.bind(
            cls.Options, which.section, self.b.factory, f"{kind}.{name.lower()}"
        )
        problems = [which.told(p) for p in problems]
        self.problems.extend(p for p in problems if p not in self.problems)
        if options is None:
            return None
        return self.b.choice(PluginChoice(kind, name, cls, self.b.beside(options, which.section)))

    def _unknown_keys(self) -> None:
        values = self.section.values
        own: Iterable[str] = values.own if isinstance(values, Values) else values
        classes = tuple(dict.fromkeys(self.classes))
        self.problems.extend(
            self.b.judge.unknown(self.section, classes, own, QueueOptions.interpolation_only)
        )

    def _credentials(self, chosen: list[PluginChoice]) -> None:
        """Refuse a queue that asks for a credential profile where its plugin takes none.

        Its pilots would go out all the same, under whatever identity the access point has.
        """
        for choice in chosen:
            for key in self.section.values:
                family, _, name = key.rpartition(".")
                if (
                    name != "proxy"
                    or not re.fullmatch(PROXY, key)
                    or family not in choice.cls.Options.prefixes
                ):
                    continue
                profile = as_text(self.section, key)
                if profile and not vocabulary((choice.cls.Options,), "queue").knows(key):
                    value = self.section.values[key]
                    message = "asks for a credential that cannot be had here: no installed plugin makes it"
                    self.problems.append(
                        Problem("error", message, value.where, self.section.name, key, value.text, FILES)
                    )

    def _needs(self, chosen: Mapping[str, list[PluginChoice]]) -> None:
        """Complain about a chain that can never decide, since nothing tells it what it needs to know."""
        missing: dict[str, tuple[str, str]] = {}
        for rule in chosen["sched"]:
            for need in sorted(_needs_of(rule.cls)):
                kind, what = _NEEDS.get(need, ("", ""))
                if kind and not as_text(self.section, _KEYS[kind]):
                    missing.setdefault(kind, (rule.name, what))
        for kind, (rule_name, what) in missing.items():
            message = f"not set, but {rule_name} needs to know {what}"
            names = ", ".join(self.b.lookup.registry.names(kind))
            where = self.section.where
            self.problems.append(
                Problem("error", message, where, self.section.name, _KEYS[kind], hint=f"one of {names}")
            )

    def _monitors(self) -> tuple[MonitorConfig, ...]:
        """Return the monitors; one that is missing is told, but never stops a queue."""
        names = [n.strip() for n in as_text(self.section, "monitorsection").split(",")]
        for name in names:
            if name and name not in self.b.known_monitors:
                known = ", ".join(sorted(self.b.known_monitors)) or "it has none"
                value = self.section.values["monitorsection"]
                self.problems.append(
                    Problem(
                        "error",
                        f"there is no section [{name}] in monitorConf; the queue runs without it",
                        value.where,
                        self.section.name,
                        "monitorsection",
                        value.text,
                        f"sections there: {known}",
                    )
                )
        return tuple(self.b.monitors[n] for n in names if n in self.b.monitors)

    def _tell(self, key: str, message: str, hint: str) -> None:
        place = self.section.where
        self.problems.append(Problem("warning", message, place, self.section.name, key, hint=hint))


def _texts(section: Section) -> dict[str, str]:
    return {key: as_text(section, key) for key in FORMAT_KEYS if key in section.values}


def _needs_of(cls: type[Any]) -> frozenset[Need]:
    return getattr(cls, "needs", frozenset())
