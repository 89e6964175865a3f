"""Small worlds for the tests of the configuration: plugins of their own, and files in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

from autopyfactory.config import build
from autopyfactory.config.loader import RawConfig, parse_text
from autopyfactory.config.model import Configuration
from autopyfactory.config.registry import Registry
from autopyfactory.credentials.credential import CredentialError, Presented
from autopyfactory.model.decision import Cap, CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.options.declare import NameList, Options, option
from autopyfactory.options.problem import Problem
from autopyfactory.plugins.base import AuthPlugin, QueueConfigPlugin, SchedPlugin
from autopyfactory.plugins.queueconfig.file import File


class NoOptions(Options):
    """None."""


class ReadyOptions(Options):
    offset: int = option(0, key="sched.ready.offset", description="Jobs left alone")


class Ready(SchedPlugin[ReadyOptions]):
    name = "Ready"
    Options = ReadyOptions
    needs: ClassVar[frozenset[Need]] = frozenset({"wms", "batch"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        assert inputs.wms is not None and inputs.batch is not None
        return self.step(n, max(0, inputs.wms.ready - inputs.batch.pending), "")


class LimitOptions(Options):
    maximum: int | None = option(None, key="sched.limit.maximum", ge=0, unit="pilots", description="Most")
    by_day: dict[str, int] = option(key="sched.limit.weekday.*", default_factory=dict, description="By day")


class Limit(SchedPlugin[LimitOptions]):
    """At most so many in all."""

    name = "Limit"
    Options = LimitOptions
    declares: ClassVar[Declaration] = Declaration("limits", numbers=("maximum",))

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        there = inputs.batch.active if inputs.batch is not None else 0
        maximum = self.options.maximum
        return self.step(n, n if maximum is None else min(n, max(0, maximum - there)), "")


class FloorOptions(Options):
    minimum: int | None = option(None, key="sched.floor.minimum", ge=0, description="Fewest")


class Floor(SchedPlugin[FloorOptions]):
    name = "Floor"
    Options = FloorOptions

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        return self.step(n, max(n, self.options.minimum or 0), "")


class StatusOffline(SchedPlugin[NoOptions]):
    name = "StatusOffline"
    Options = NoOptions
    declares: ClassVar[Declaration] = Declaration("holds", status="offline")
    needs: ClassVar[frozenset[Need]] = frozenset({"site"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        assert inputs.site is not None
        return self.step(n, 0 if inputs.site.status == "offline" else n, "")


class CappedOptions(Options):
    maximum: int = option(
        key="maxall.maximum", scope="factory", default_factory=lambda: 7, description="Most of the factory"
    )


class Capped(SchedPlugin[CappedOptions]):
    name = "Capped"
    Options = CappedOptions

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        return self.step(n, n, "")

    def caps(self) -> list[Cap]:
        return [Cap("factory", self.options.maximum, self.name)]


class WorkOptions(Options):
    host: str = option(
        "localhost", key="wmsstatus.work.host", legacy=("wmsstatus.work.queryhost",), description=""
    )
    states: dict[str, str] = option(key="wmsstatus.work.state.*", default_factory=dict, description="States")
    sleep: float = option(
        60, key="wmsstatus.work.sleep", scope="factory", gt=0, unit="s", description="Period"
    )


class Work:
    name = "Work"
    Options = WorkOptions

    def __init__(self, options: WorkOptions, context: object):
        self.options = options


class Pilots(Work):
    name = "Pilots"
    Options = NoOptions
    target = "the place"


class SendOptions(Options):
    prefixes: ClassVar[tuple[str, ...]] = ("batchsubmit.send", "batchsubmit.parent")
    ce: str = option(key="{prefix}.ce", min_length=1, description="Where to")
    environ: str | None = option(None, key="{prefix}.environ", description="Environment")
    extra: dict[str, str] = option(key="{prefix}.attributes.*", default_factory=dict, description="More")
    password: str | None = option(None, key="{prefix}.passphrase", secret=True, description="Secret")
    proxy: NameList = option((), key="{prefix}.proxy", description="Profiles")


class Send:
    """Sends."""

    name = "Send"
    Options = SendOptions

    def __init__(self, options: SendOptions, context: object):
        self.options, self.context = options, context

    target = "the place"

    @property
    def ce(self) -> str:
        return str(self.options.ce)

    def describe(self, tag: str) -> Mapping[str, str]:
        if self.options.environ == "bad":
            raise ValueError("quotes do not match")
        return {"executable": self.context.queue_options.executable or ""}  # type: ignore[attr-defined]


class OtherOptions(Options):
    size: int = option(1, key="batchsubmit.other.size", description="Size")


class Other(Send):
    name = "Other"
    Options = OtherOptions


class MonitorOptions(Options):
    url: str = option(key="monitorURL", scope="monitor", description="Where")


class Monitor:
    name = "Mon"
    Options = MonitorOptions


class ProfileOptions(Options):
    file: str = option(key="x509.proxyfile", scope="auth", legacy=("proxyfile",), description="File")
    phrase: str | None = option(None, key="x509.passphrase", scope="auth", secret=True, description="")


class Profile(AuthPlugin):
    name = "X509"
    Options = ProfileOptions
    renews = True

    def file(self, variant):
        return self.options.file

    def presented(self, variant):
        return Presented({"x509userproxy": self.options.file})

    def minlife(self, credential):
        return 60.0

    def look(self, variant):
        raise CredentialError("there is none yet")


class PartOptions(Options):
    port: int = option(8080, key="web.port", scope="factory", ge=1, description="Port")


class Part:
    name = "Web"
    Options = PartOptions


class Generated(QueueConfigPlugin[NoOptions]):
    """Queues that come from elsewhere; class attributes say which."""

    name = "Generated"
    Options = NoOptions
    text: ClassVar[str] = ""
    error: ClassVar[Exception | None] = None

    def load(self) -> RawConfig:
        if self.error:
            raise self.error
        return parse_text(self.text, "<generated>")


class Broken:
    """Not a plugin: it has no Options."""


PLUGINS = {
    "sched": (Ready, Limit, Floor, StatusOffline, Capped),
    "wmsstatus": (Work,),
    "batchstatus": (Pilots,),
    "batchsubmit": (Send, Other),
    "queueconfig": (File, Generated),
    "monitor": (Monitor,),
    "auth": (Profile,),
    "factory": (Part,),
}
MORE = {
    "sched": [("Gone", "no.such.module:Gone"), ("Odd", f"{__name__}:Broken")],
}


def points(group: str) -> Iterable[EntryPoint]:
    kind = group.removeprefix("autopyfactory.")
    found = [(cls.name, f"{cls.__module__}:{cls.__name__}") for cls in PLUGINS.get(kind, ())]
    return [EntryPoint(name, value, group) for name, value in (*found, *MORE.get(kind, ()))]


REGISTRY = Registry(points)

FACTORY = """[Factory]
factoryId = test
baseLogDir = /logs
queueConf = queues.conf
"""
DEFAULTS = """[DEFAULT]
enabled = True
schedplugin = Ready, Limit
sched.limit.maximum = 5
wmsstatusplugin = Work
batchstatusplugin = Pilots
batchsubmitplugin = Send
batchsubmit.send.ce = ce.example.org
wmsqueue = work
"""


@dataclass
class Tree:
    """A folder with configuration files."""

    folder: Path

    def write(self, **files: str | bytes) -> Tree:
        for name, text in files.items():
            path = self.folder / f"{name}.conf"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self

    @property
    def conf(self) -> str:
        return str(self.folder / "factory.conf")

    def load(self, registry: Registry = REGISTRY, **overrides: str) -> Configuration:
        return build.load([self.conf], overrides=overrides, registry=registry)

    def queues(self, text: str, factory: str = FACTORY) -> Configuration:
        """Load a factory with these queues."""
        return self.write(factory=factory, queues=text).load()

    def queue(self, text: str) -> Configuration:
        """Load a factory with one queue Q of these keys over usual defaults."""
        return self.queues(f"{DEFAULTS}\n[Q]\n{text}\n")


def messages(problems: Iterable[Problem]) -> list[str]:
    return [f"{p.severity} {p.key}: {p.message}" for p in problems]
