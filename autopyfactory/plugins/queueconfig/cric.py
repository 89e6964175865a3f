"""Queues from CRIC: one section for each CE queue of the PanDA queues that are selected."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autopyfactory.config import fetch, ini
from autopyfactory.config.factory import folder_of
from autopyfactory.config.keys import vocabulary
from autopyfactory.config.loader import Defaults, RawConfig, make_section
from autopyfactory.config.registry import installed
from autopyfactory.cric import agis
from autopyfactory.cric.plan import BUILT_IN, Verdict, plan
from autopyfactory.cric.selection import Selection
from autopyfactory.cric.store import Store
from autopyfactory.external.http import Identity
from autopyfactory.model import hostport
from autopyfactory.model.redact import shown
from autopyfactory.model.text import count
from autopyfactory.options.binding import bind
from autopyfactory.options.common import FACTORY, FactoryOptions
from autopyfactory.options.declare import Lenient, Options, find, option, specs
from autopyfactory.options.interpolate import escape
from autopyfactory.options.problem import ConfigError, Problem, Where
from autopyfactory.options.section import Section, Value
from autopyfactory.plugins.base import QueueConfigPlugin

log = logging.getLogger(__name__)

CRIC_URL = "https://atlas-cric.cern.ch/api/atlas/pandaqueue/query/?json"
HERE = ("127.0.0.1", "localhost", "::1")  # to these nobody is on the way
DEAD = "atlas-agis-api.cern.ch"
GRID_CAS = Path("/etc/grid-security/certificates")


def _in_the_clear(url: str) -> bool:
    """Whether what `url` says can be changed on its way here."""
    if not url.lower().startswith("http://"):
        return False
    try:
        return hostport.parse_endpoint(url).host.lower() not in HERE
    except ValueError:  # it is told when it is asked
        return True


def _agis(key: str, what: str) -> Any:
    return option(None, key=agis.PREFIX + key, scope=FACTORY, description=f"As in 2.4: {what}")


class CRICOptions(Options):
    """Options of `CRIC` in `[Factory]`; the selections are sections of their own, `[CRIC <name>]`."""

    url: str = option(
        CRIC_URL,
        key="config.queues.cric.url",
        legacy=("config.queues.agis.baseurl",),
        scope=FACTORY,
        pattern=r"^https?://[^/\s]+",
        description="CRIC's pandaqueue JSON",
    )
    sleep: float = option(
        3600,
        key="config.queues.cric.sleep",
        legacy=("config.queues.agis.sleep",),
        scope=FACTORY,
        unit="s",
        ge=0,
        lenient=Lenient(0, 0),
        description="CRIC is not asked again, at a reload, before this time",
    )
    timeout: float = option(
        60,
        key="config.queues.cric.timeout",
        scope=FACTORY,
        unit="s",
        gt=0,
        description="Time limit for one URL",
    )
    ca: str | None = option(
        None,
        key="config.queues.cric.capath",
        scope=FACTORY,
        description="File or folder of CAs to trust; unset: /etc/grid-security/certificates if that exists",
    )
    cert: str | None = option(
        None, key="config.queues.cric.certfile", scope=FACTORY, description="Client certificate or proxy"
    )
    cert_key: str | None = option(
        None, key="config.queues.cric.keyfile", scope=FACTORY, description="Its key, if in another file"
    )
    vos: str | None = _agis("vos", "list of vo_name, the i-th items of all these lists making one selection")
    clouds: str | None = _agis("clouds", "list of clouds")
    activities: str | None = _agis("activities", "list of types")
    managers: str | None = _agis("pilotmanager", "list of pilot managers")
    defaults_files: str | None = _agis("defaultsfiles", "list of files with a [DEFAULT] section")
    defaults_file: str | None = _agis("defaultsfile", "the same, as its example spelled it")
    jobs_per_pilot: float | None = _agis("jobsperpilot", "jobs that one pilot runs on average")
    factories: float | None = _agis("numfactories", "factories that serve the same queues")


@dataclass(frozen=True)
class Outcome:
    """All that came of the selections: a verdict for each record and CE, and the sections of those taken."""

    verdicts: tuple[Verdict, ...]
    config: RawConfig


class CRIC(QueueConfigPlugin[CRICOptions]):
    """Makes queue sections of CRIC's records."""

    name = "CRIC"
    Options = CRICOptions

    def __init__(self, options: CRICOptions, factory: FactoryOptions):
        super().__init__(options, factory)
        self._problems: list[Problem] = []

    def load(self) -> RawConfig:
        """Return the sections; a record that is broken, or left for a CE's sake, costs itself only."""
        return self.outcome().config

    def outcome(self) -> Outcome:
        """Return the sections and why each record was taken or left. Raises ConfigError without a selection.

        A source that gives nothing is an error among the problems.
        """
        self._problems = []
        selections = dict(self._selections())
        if not selections:
            raise ConfigError(self._problems or [self._nothing_selected()])
        defaults = {n: d for n, s in selections.items() if (d := self._defaults(n, s)) is not None}
        by_source: dict[str, dict[str, Selection]] = {}
        for name in defaults:
            by_source.setdefault(self._source(selections[name]), {})[name] = selections[name]
        plugins = installed().names("batchsubmit")
        store = self._store()
        verdicts: list[Verdict] = []
        sections: dict[str, Section] = {}
        for source, chosen in by_source.items():
            found = self._judged(store, source, chosen, defaults, plugins)
            verdicts += found
            where = Where(f"CRIC {shown(source)}")  # keys that we made of names and numbers
            for v in found:
                if v.section is not None:
                    own = {k: Value(escape(text), where) for k, text in v.keys.items()}
                    sections.setdefault(v.section, make_section(v.section, own, defaults[v.selection], where))
        self._problems += _summary(verdicts)
        return Outcome(tuple(verdicts), RawConfig(sections, tuple(self._problems)))

    def _store(self) -> Store:
        how, o = fetch.reading(), self.options
        folder = how.copies or Path(self.factory.state_dir) / "config-copies"
        ca = o.ca or (str(GRID_CAS) if GRID_CAS.is_dir() else None)
        return Store(how, folder, Identity(ca, o.cert, o.cert_key), o.timeout, o.sleep)

    def _judged(
        self,
        store: Store,
        source: str,
        chosen: Mapping[str, Selection],
        defaults: Mapping[str, Defaults],
        plugins: list[str],
    ) -> list[Verdict]:
        try:
            content = store.load(source)
        except ConfigError as err:
            self._problems += err.problems
            return []
        self._problems += content.problems
        texts = {name: {k: v.text for k, v in defaults[name].items()} for name in chosen}
        return plan(content.raw, chosen, texts, plugins)

    def _selections(self) -> Iterator[tuple[str, Selection]]:
        given = {n: s for n, s in self.sections.items() if n == "CRIC" or n.startswith("CRIC ")}
        listed, problems = agis.selections(self._factory_section())
        self._problems += problems
        for name, section in {**given, **listed}.items():
            selection, wrong = bind(Selection, section)
            self._problems += [*wrong, *_unknown_keys(section)]
            if selection is None:
                continue
            if not selection.selects:
                message = "selects every PanDA queue there is: it is left out"
                hint = "set vo, cloud, type, pilot_manager, regions or names"
                self._problems.append(Problem("error", message, section.where, name, hint=hint))
                continue
            yield name.removeprefix("CRIC").strip() or "CRIC", self._placed(selection, section)

    def _placed(self, selection: Selection, section: Section) -> Selection:
        """Make the files that a selection names absolute: they are meant from the file that names them."""
        update = {}
        for spec in specs(Selection):
            hit = find(spec, section) if spec.field in ("file", "defaults_file") else None
            if hit is not None and (path := getattr(selection, spec.field)):
                listed = section.name not in self.sections  # in [Factory], by the lists of 2.4
                update[spec.field] = fetch.resolve(path, self.folder if listed else folder_of(hit[1].where))
        return selection.model_copy(update=update)

    def _factory_section(self) -> Section:
        o = self.options
        lists = {
            "vos": o.vos,
            "clouds": o.clouds,
            "activities": o.activities,
            "pilotmanager": o.managers,
            "defaultsfiles": o.defaults_files,
            "defaultsfile": o.defaults_file,
            "jobsperpilot": o.jobs_per_pilot,
            "numfactories": o.factories,
        }
        return Section.from_texts(
            "Factory",
            {agis.PREFIX + k: str(v) for k, v in lists.items() if v is not None},
            Where("[Factory]"),
        )

    def _nothing_selected(self) -> Problem:
        hint = "for instance a section [CRIC us] with vo = atlas and cloud = US in autopyfactory.conf"
        return Problem("error", "no section [CRIC <name>] says which PanDA queues to serve", hint=hint)

    def _source(self, selection: Selection) -> str:
        if selection.file:
            return selection.file
        url = selection.url or self.options.url
        if _in_the_clear(url):
            message = f"{shown(url)} is plain http: anybody on the way may change what it says"
            self._problems.append(Problem("warning", message, hint="use https"))
        if DEAD in url:
            message = f"{DEAD} was switched off; CRIC is asked instead"
            self._problems.append(
                Problem("warning", message, hint=f"set config.queues.cric.url = {CRIC_URL}")
            )
            return CRIC_URL
        return url

    def _defaults(self, name: str, selection: Selection) -> Defaults | None:
        """Return what holds under every queue of a selection: its file's [DEFAULT] over what is built in.

        None, and an error, when that file cannot be read: the limits of the queues are not known then.
        """
        built_in = Where("<built-in defaults for CRIC>")
        made = Defaults({k: Value(v, built_in) for k, v in BUILT_IN.items()})
        if selection.defaults_file:
            source = selection.defaults_file
            try:
                data, warnings = fetch.read(source)
            except ConfigError as err:
                self._problems += [replace(p, section=p.section or f"CRIC {name}") for p in err.problems]
                return None
            parsed = ini.parse(data, shown(source))
            self._problems += [*warnings, *parsed.problems]
            if any(p.severity == "error" for p in parsed.problems):
                return None
            made.update(parsed.defaults)
        return made


class Agis(CRIC):
    """The same under the name of 2.4."""

    name = "Agis"


def _unknown_keys(section: Section) -> Iterator[Problem]:
    known = vocabulary((Selection,), "queue")
    for key in section.values:
        if key not in section.inherited and not known.knows(key):
            hint = "one of " + ", ".join(sorted(known.words()))
            where = section.values[key].where
            yield Problem("error", "unknown key", where, section.name, key, hint=hint)


def _summary(verdicts: list[Verdict]) -> Iterator[Problem]:
    """Warn of what was wanted, but is broken; what was not wanted is for `autopyfactory cric --dry-run`."""
    for v in verdicts:
        if v.broken and v.selection:
            what = f"CE {v.ce}: " if v.ce else ""
            yield Problem(
                "warning", f"PanDA queue {v.record}: {what}{v.reason}", section=f"CRIC {v.selection}"
            )
        elif v.warning:
            yield Problem("warning", f"PanDA queue {v.record}: {v.warning}", section=v.section)
    broken = [v for v in verdicts if v.broken and not v.selection]
    if broken:
        first = "; ".join(f"{v.record}: {v.reason}" for v in broken[:3])
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        yield Problem("warning", f"{count(len(broken), 'record')} cannot be read: {first}{more}")
