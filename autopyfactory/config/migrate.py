"""A configuration tree of 2.4 becomes a clean one, with a report of everything that was changed."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autopyfactory.config import fetch
from autopyfactory.config.factory import NAME, FactoryPart, read_factory
from autopyfactory.config.ini import parse
from autopyfactory.config.keys import KeyJudge, Vocabulary, vocabulary
from autopyfactory.config.legacy import AUTH_KEYS, FACTORY_KEYS, QUEUE_KEYS, LegacyKey, gone, retired
from autopyfactory.config.profiles import clashes
from autopyfactory.config.queues import QUEUE_KINDS
from autopyfactory.config.registry import KINDS, Registry
from autopyfactory.config.rewrite import Entry, Note, Rule, Verdict, rewrite
from autopyfactory.options.binding import Binder
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import Options, Scope, specs
from autopyfactory.options.interpolate import references
from autopyfactory.options.problem import ConfigError, Problem
from autopyfactory.options.section import Value

SOURCES = {  # key of [Factory]: (scope of the keys in those files, name of a single file in the new tree)
    "queueConf": "queue",
    "queueDirConf": "queue",
    "authConf": "auth",
    "proxyConf": "auth",
    "monitorConf": "monitor",
    "mappingsConf": "mappings",
}
FACTORY_FILE, FOLDER = "autopyfactory.conf", "queues.d"
_TABLES: dict[str, tuple[LegacyKey, ...]] = {"factory": FACTORY_KEYS, "queue": QUEUE_KEYS, "auth": AUTH_KEYS}
_PLUGIN_KEYS = {
    "batchsubmitplugin": "batchsubmit",
    "batchstatusplugin": "batchstatus",
    "wmsstatusplugin": "wmsstatus",
    "schedplugin": "sched",
}


@dataclass(slots=True)
class Migration:
    """What was written, and what was done to it."""

    target: Path
    written: dict[Path, list[Note]] = field(default_factory=dict)  # new file -> notes
    origins: dict[Path, Path] = field(default_factory=dict)  # new file -> old file
    missing: list[str] = field(default_factory=list)  # sources that could not be read
    left: list[Path] = field(default_factory=list)  # files beside the others that no key names


def migrate(source: Path, target: Path, registry: Registry) -> Migration:
    """Write the tree that `source` (autopyfactory.conf, or the folder with it) leads to into `target`.

    `target` must be empty or absent. Raises ConfigError when there is nothing to start from, and when
    profiles of authConf and proxyConf contradict each other.
    """
    conf = source / "autopyfactory.conf" if source.is_dir() else source
    factory = read_factory([str(conf)], {}, Binder())
    if target.exists() and any(target.iterdir()):
        raise ConfigError([Problem("error", f"{target} is not empty")])
    target.mkdir(parents=True, exist_ok=True)
    return _Migrator(conf, factory, Migration(target), registry).run()


class _Migrator:
    def __init__(self, conf: Path, factory: FactoryPart, result: Migration, registry: Registry):
        self.conf, self.factory, self.result, self.registry = conf, factory, result, registry
        self.renamed: dict[str, str] = {}  # key of [Factory] -> its new text
        self.taken: dict[Path, str] = {}  # old file or folder -> its name in the new tree
        self.judges = {"queue": _judge(registry, "queue"), "factory": _judge(registry, "factory")}
        self.referred: set[str] = set()  # names that values of the files of one key refer to
        self.others: list[Path] = []  # in folders of queues, but not read: 2.4 does not either
        self.dead: dict[str, str] = {}  # queues of the file at hand that cannot run any more -> why

    def run(self) -> Migration:
        """Write the files that [Factory] names, then [Factory] itself with their new names."""
        self.taken[self.conf.resolve()] = FACTORY_FILE
        values = {key: text for key in SOURCES if (text := self.factory.section.text(key))}
        self._compare_profiles(values)
        self.referred = self._references(values)
        for key, text in values.items():
            self.renamed[key] = self._sources(key, text, SOURCES[key])
        if {"authConf", "proxyConf"} <= self.renamed.keys():  # the first is read last, and wins
            self.renamed["authConf"] = f"{self.renamed['proxyConf']}, {self.renamed['authConf']}"
        self._write(self.conf, self.result.target / FACTORY_FILE, "factory")
        self._look_for_others()
        return self.result

    def _sources(self, key: str, value: str, scope: str) -> str:
        names: list[str] = []
        for source in _split(value):
            found = None if fetch.is_url(source) else self._locate(source)
            if found is None:
                if not fetch.is_url(source):
                    self.result.missing.append(f"{key}: {source}")
                names.append(source)
            elif key == "queueDirConf":
                names.append(self._folder(found))
            elif found.resolve() in self.taken:
                names.append(self.taken[found.resolve()])
            else:
                names.append(self._new_name(found, "auth.conf" if key == "proxyConf" else found.name))
                self._write(found, self.result.target / names[-1], scope)
        return ", ".join(names)

    def _new_name(self, old: Path, wanted: str) -> str:
        """Return a name in the new tree that no other file has: `wanted`, its own, or one with a number."""
        numbered = (f"{old.stem}-{n}{old.suffix}" for n in itertools.count(2))
        names = itertools.chain((wanted, old.name), numbered)
        name = next(n for n in names if n not in self.taken.values() and n != FOLDER)
        self.taken[old.resolve()] = name
        return name

    def _references(self, values: Mapping[str, str]) -> set[str]:
        """Return every name that a value in a file of queues, or in [Factory], refers to."""
        texts = [f.read_bytes() for key in ("queueConf", "queueDirConf") for f in self._files(key, values)]
        parsed = [parse(data, "") for data in (*texts, self.conf.read_bytes())]
        every = (part for ini in parsed for part in (ini.defaults, *ini.sections.values()))
        return {name for part in every for value in part.values() for name in references(value.text)}

    def _files(self, key: str, values: Mapping[str, str]) -> Iterator[Path]:
        """Yield the files on this host that `key` leads to."""
        for source in _split(values.get(key, "")):
            found = None if fetch.is_url(source) else self._locate(source)
            if found is not None:
                yield from sorted(found.glob("*.conf")) if found.is_dir() else (found,)

    def _compare_profiles(self, values: Mapping[str, str]) -> None:
        """Raise ConfigError where authConf and proxyConf say different things of one profile."""
        found = clashes(self._files("authConf", values), self._files("proxyConf", values))
        if found:
            raise ConfigError(found)

    def _look_for_others(self) -> None:
        """Note the files beside autopyfactory.conf that nothing names: perhaps somebody misses them."""
        known = {*self.result.origins.values(), self.conf}
        known = {path.resolve() for path in known}
        beside = [*self.conf.parent.glob("*.conf*"), *self.others]
        self.result.left = sorted(p for p in beside if p.is_file() and p.resolve() not in known)

    def _locate(self, source: str) -> Path | None:
        """Find a source where it says, or beside autopyfactory.conf: trees are copied for migration."""
        there = Path(fetch.resolve(source, self.conf.parent))
        candidates = (there, self.conf.parent / there.name)
        return next((p for p in candidates if p.exists()), None)

    def _folder(self, folder: Path) -> str:
        target = self.result.target / FOLDER
        target.mkdir(exist_ok=True)
        for file in sorted(folder.glob("*.conf")):
            self._write(file, target / file.name, "queue")
        self.others += [p for p in folder.iterdir() if not p.name.endswith(".conf")]
        return FOLDER

    def _write(self, old: Path, new: Path, scope: str) -> None:
        data = old.read_bytes()
        additions = self._additions(data, scope)
        done = rewrite(data, str(old), self._rule(scope), additions)
        new.write_text(done.text, encoding="utf-8")
        shutil.copymode(old, new)  # some hold secrets
        self.result.written[new] = done.notes
        self.result.origins[new] = old

    # --- what becomes of each key -----------------------------------------------------------------

    def _rule(self, scope: str) -> Rule:
        known, names = self._known(scope), self._new_names(scope)
        table = _TABLES.get(scope, ())

        def rule(entry: Entry) -> Verdict | None:
            if scope == "factory" and entry.key == "proxyConf" and "authConf" in self.renamed:
                return Verdict("its files are named by authConf now", drop=True)
            if scope == "factory" and entry.key in self.renamed:
                new = names.get(entry.key, entry.key)
                if new != entry.key or self.renamed[entry.key] != entry.text:
                    return Verdict("files are beside this one now", key=new, text=self.renamed[entry.key])
                return None
            if scope == "queue" and entry.key == "enabled" and entry.section in self.dead:
                return Verdict(self.dead[entry.section], text="False")
            if entry.key in names:
                return Verdict(f"is called {names[entry.key]} now", key=names[entry.key])
            row = None if known.knows(entry.key) else retired(table, entry.key)
            if row is not None:
                return None if row.keep else Verdict(_removed(row), drop=True)
            return self._unread(entry, scope)

        return rule

    def _unread(self, entry: Entry, scope: str) -> Verdict | None:
        """Comment out what nothing reads, for instance what is read at another level."""
        judge = self.judges.get(scope)
        helper = entry.key in self.referred or entry.key in QueueOptions.interpolation_only
        if judge is None or helper or (scope == "factory" and entry.section not in (NAME, "DEFAULT")):
            return None
        found = judge.verdict(entry.key)
        if found is None or found.severity == "error":
            return None
        return Verdict(f"{found.message}{f'; {found.hint}' if found.hint else ''}", drop=True)

    def _known(self, scope: str) -> Vocabulary:
        return vocabulary(tuple(dict.fromkeys(self._classes())), scope) if scope in _SCOPES else Vocabulary()

    def _classes(self) -> Iterable[type[Options]]:
        yield from (FactoryOptions, QueueOptions)
        yield from (f.cls.Options for kind in KINDS for f in self.registry.all_of(kind) if f.cls)

    def _new_names(self, scope: str) -> dict[str, str]:
        """Return the keys that got another name: old -> new."""
        found: dict[str, str] = {}
        for cls in self._classes():
            for spec in specs(cls):
                if spec.scope == scope and not spec.family:
                    found.update(zip(spec.legacy, spec.keys, strict=False))
        if scope == "auth":
            bare = {k.removeprefix("x509."): k for k in self._known("auth").exact if k.startswith("x509.")}
            found.update(bare)
        return found

    # --- what sections get ------------------------------------------------------------------------

    def _additions(self, data: bytes, scope: str) -> Callable[[str], list[str]]:
        ini = parse(data, "")
        if scope == "queue":
            self.dead = dict(self._gone_queues(ini.sections, ini.defaults))
            return lambda name: _dead_lines(self.dead.get(name), "enabled" in ini.sections.get(name, {}))
        if scope == "auth":
            old_style = {n for n, own in ini.sections.items() if "proxyfile" in own and "plugin" not in own}
            return lambda name: ["plugin = X509"] if name in old_style else []
        return lambda _: []

    def _gone_queues(
        self, sections: dict[str, dict[str, Value]], defaults: dict[str, Value]
    ) -> Iterable[tuple[str, str]]:
        for name, own in sections.items():
            for key, kind in _PLUGIN_KEYS.items():
                value = own.get(key) or defaults.get(key)
                for plugin in value.text.split(",") if value else ():
                    former = gone(kind, plugin.strip())
                    if former and plugin.strip() not in self.registry.names(kind):
                        yield name, f"switched off: {former.why}"


_SCOPES: tuple[Scope, ...] = ("factory", "queue", "auth", "monitor")


def _judge(registry: Registry, scope: Scope) -> KeyJudge:
    return KeyJudge(registry, scope, QUEUE_KINDS if scope == "queue" else KINDS, _TABLES[scope])


def _split(text: str) -> Iterator[str]:
    yield from (source for part in text.split(",") if (source := part.strip()))


def _removed(row: LegacyKey) -> str:
    advice = row.hint.removeprefix("remove it").lstrip("; ")
    return f"removed: {row.message}" + (f"; {advice}" if advice else "")


def _dead_lines(why: str | None, has_enabled: bool) -> list[str]:
    if why is None:
        return []
    return [f"# {why}"] + ([] if has_enabled else ["enabled = False"])


def report(done: Migration) -> str:
    """Return what was done as text, file by file."""
    lines: list[str] = []
    for new, notes in done.written.items():
        lines.append(f"{done.origins[new]} -> {new}" + ("" if notes else "  (as it was)"))
        for note in notes:
            section = f"[{note.section}] " if note.section else ""
            lines.append(f"  line {note.line}: {section}{note.what}")
    lines += [f"not found, left as it is: {what}" for what in done.missing]
    lines += [f"{path}: no key names it, not taken over" for path in done.left]
    return "\n".join(lines) + "\n"
