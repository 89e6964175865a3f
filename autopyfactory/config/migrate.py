"""A configuration tree of 2.4 becomes a clean one, with a report of everything that was changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autopyfactory.config import fetch
from autopyfactory.config.factory import FactoryPart, read_factory
from autopyfactory.config.ini import parse
from autopyfactory.config.keys import Vocabulary, vocabulary
from autopyfactory.config.legacy import AUTH_KEYS, FACTORY_KEYS, QUEUE_KEYS, LegacyKey, gone, retired
from autopyfactory.config.registry import KINDS, Registry
from autopyfactory.config.rewrite import Entry, Note, Rule, Verdict, rewrite
from autopyfactory.options.binding import Binder
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import Options, Scope, specs
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


def migrate(source: Path, target: Path, registry: Registry) -> Migration:
    """Write the tree that `source` (autopyfactory.conf, or the folder with it) leads to into `target`.

    `target` must be empty or absent. Raises ConfigError when there is nothing to start from.
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
        self.dead: dict[str, str] = {}  # queues of the file at hand that cannot run any more -> why

    def run(self) -> Migration:
        """Write the files that [Factory] names, then [Factory] itself with their new names."""
        for key, scope in SOURCES.items():
            value = self.factory.section.text(key)
            if value:
                self.renamed[key] = self._sources(key, value, scope)
        self._write(self.conf, self.result.target / "autopyfactory.conf", "factory")
        return self.result

    def _sources(self, key: str, value: str, scope: str) -> str:
        names: list[str] = []
        for source in (s.strip() for s in value.split(",")):
            if not source or fetch.is_url(source):
                names += [source] if source else []
                continue
            found = self._locate(source)
            if found is None:
                self.result.missing.append(f"{key}: {source}")
                names.append(source)
            elif key == "queueDirConf":
                names.append(self._folder(found))
            else:
                new = "auth.conf" if key == "proxyConf" else found.name
                self._write(found, self.result.target / new, scope)
                names.append(new)
        return ", ".join(names)

    def _locate(self, source: str) -> Path | None:
        """Find a source where it says, or beside autopyfactory.conf: trees are copied for migration."""
        there = Path(fetch.resolve(source, self.conf.parent))
        candidates = (there, self.conf.parent / there.name)
        return next((p for p in candidates if p.exists()), None)

    def _folder(self, folder: Path) -> str:
        target = self.result.target / "queues.d"
        target.mkdir(exist_ok=True)
        for file in sorted(folder.glob("*.conf")):
            self._write(file, target / file.name, "queue")
        return "queues.d"

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
            return None if row is None else Verdict(_removed(row), drop=True)

        return rule

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
    return "\n".join(lines) + "\n"
