"""Which records a factory serves: a section `[CRIC <name>]` of autopyfactory.conf."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Self

from pydantic import model_validator

from autopyfactory.cric.records import CE, Record
from autopyfactory.options.declare import NameList, Options, option


class Selection(Options):
    """One selection: a record must fit all that is set. Letter case never matters."""

    url: str | None = option(
        None,
        key="url",
        pattern=r"^https?://[^/\s]+",
        description="CRIC's pandaqueue JSON; unset: config.queues.cric.url",
    )
    file: str | None = option(
        None,
        key="file",
        description="A file with the same content, instead of a URL; with or without file://",
    )
    vo: NameList = option((), key="vo", description="Virtual organisations (vo_name); unset: any")
    cloud: NameList = option((), key="cloud", description="Clouds; unset: any")
    type: NameList = option(
        (),
        key="type",
        legacy=("activity",),
        description="Activities: production, analysis, unified, special; unset: any",
    )
    pilot_manager: NameList = option(
        (),
        key="pilot_manager",
        description="Who sends the pilots according to CRIC, for instance APF; unset: any",
    )
    resource_type: NameList = option(("grid",), key="resource_type", description="Kinds of resources")
    states: NameList = option(("ACTIVE",), key="states", description="States of the PanDA queue")
    regions: NameList = option((), key="regions", description="Regions; unset: any")
    names: NameList = option(
        (),
        key="names",
        description="Names of PanDA queues, as shell patterns; !pattern leaves out; unset: any",
    )
    defaults_file: str | None = option(
        None,
        key="defaultsfile",
        legacy=("defaultsfiles",),
        description="File whose [DEFAULT] holds under every queue of this selection",
    )
    jobs_per_pilot: float = option(
        1.0,
        key="jobsperpilot",
        gt=0,
        allow_inf_nan=False,
        description="Jobs that one pilot runs on average: so many times fewer pilots are sent",
    )
    factories: int = option(
        1, key="numfactories", ge=1, description="Number of factories that serve the same PanDA queues"
    )
    factory: int | None = option(
        None, key="factorynumber", ge=1, description="Which of these factories this one is, from 1"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.url and self.file:
            raise ValueError("url and file: only one of them can be set")
        if self.factory is not None and self.factory > self.factories:
            raise ValueError("factorynumber is beyond numfactories")
        return self

    @property
    def selects(self) -> bool:
        """Whether anything but the defaults narrows the choice: nobody wants all queues of the world."""
        return bool(
            self.vo
            or self.cloud
            or self.type
            or self.pilot_manager
            or self.regions
            or self.names
            or self.file
        )


def _among(value: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or value.lower() in {w.lower() for w in wanted}


def why_not(record: Record, s: Selection) -> str | None:
    """Return why `record` does not fit the selection; None when it does."""
    named = _named(record.name, s.names)
    if named is not None:
        return named
    told = (
        ("vo", record.vo, s.vo),
        ("cloud", record.cloud, s.cloud),
        ("type", record.type, s.type),
        ("pilot_manager", record.pilot_manager, s.pilot_manager),
        ("resource_type", record.resource_type, s.resource_type),
        ("state", record.state, s.states),
        ("region", record.region, s.regions),
    )
    for what, value, wanted in told:
        if not _among(value, wanted):
            return f"{what} is {value or 'not set'}"
    if record.site_state and not _among(record.site_state, s.states):
        return f"site_state is {record.site_state}"
    return "it is virtual" if record.virtual else None


def _named(name: str, patterns: tuple[str, ...]) -> str | None:
    lower = name.lower()
    barred = [p for p in patterns if p.startswith("!")]
    wanted = [p for p in patterns if not p.startswith("!")]
    for pattern in barred:
        if fnmatchcase(lower, pattern[1:].lower()):
            return f"names leaves out {pattern[1:]}"
    if wanted and not any(fnmatchcase(lower, p.lower()) for p in wanted):
        return "names does not have it"
    return None


def ce_why_not(ce: CE) -> str | None:
    """Return why pilots may not be sent to `ce` now; None when they may. What is not told is fine."""
    if ce.state not in ("", "active"):
        return f"ce_state is {ce.state}"
    if ce.status not in ("", "production"):
        return f"ce_status is {ce.status}"
    if ce.queue_status not in ("", "production"):
        return f"ce_queue_status is {ce.queue_status}"
    return None
