"""Which schedd a queue's pilots are in. Counting and sending read the same options, so they cannot differ."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator

from autopyfactory.condor.target import Target
from autopyfactory.model import hostport
from autopyfactory.options.declare import Options, option

SILENT = "A schedd that takes longer to answer counts as not answering"
LOCAL = (None, "", "localhost", "127.0.0.1")


def _collector(text: str) -> str:
    hostport.checked(_address(text))
    return text.strip()


@dataclass(frozen=True, slots=True)
class OneOfSeveral:
    """One of several schedds that a queue's pilots are divided among."""

    name: str
    collector: str | None = None  # None: the same as without several
    weight: float = 1.0


def several(text: str) -> tuple[OneOfSeveral, ...]:
    """Return the schedds in `NAME [pool=COLLECTOR] [weight=NUMBER], ...`. Raises ValueError."""
    found = tuple(_one(item.split()) for item in text.split(",") if item.strip())
    names = [(one.name.lower(), one.collector) for one in found]
    for name, pool in names:
        if names.count((name, pool)) > 1:
            raise ValueError(f"{name} is named twice")
    return found


def _one(words: list[str]) -> OneOfSeveral:
    name, rest = words[0], [word.partition("=") for word in words[1:]]
    given = {key: value for key, equals, value in rest if equals}
    if "=" in name or given.keys() - {"pool", "weight"} or len(given) < len(rest):
        raise ValueError(f"{' '.join(words)!r} is not NAME [pool=COLLECTOR] [weight=NUMBER]")
    try:
        weight = float(given.get("weight", "1"))
    except ValueError:
        weight = 0.0
    if not 0 < weight < float("inf"):
        raise ValueError(f"the weight of {name} is no number above 0: {given['weight']!r}")
    return OneOfSeveral(name, _collector(given["pool"]) if "pool" in given else None, weight)


def _read(text: str) -> str:
    several(text)
    return text


class ScheddOptions(Options):
    """A schedd, by default the one that holds the pilots; sources call it `schedd_target`."""

    key_names: ClassVar[Mapping[str, str]] = {"schedd": "batchstatus.condor"}

    schedd: str | None = option(
        None,
        key="{schedd}.schedd",
        question="schedd_target",
        legacy=("{schedd}.scheddhost",),
        description="Name of the schedd that pilots are sent to and counted in; unset: the local one",
    )
    schedd_port: int | None = option(
        None,
        key="{schedd}.scheddport",
        question=False,
        description="Accepted; a schedd is found by its name",
    )
    collector: Annotated[str, AfterValidator(_collector)] | None = option(
        None,
        key="{schedd}.collector",
        question="schedd_target",
        legacy=("{schedd}.collectorhost",),
        description="Collector that knows the schedd, as host or host:port; unset: the configured one",
    )
    collector_port: int | None = option(
        None,
        key="{schedd}.collectorport",
        question="schedd_target",
        ge=1,
        le=65535,
        description="Port of that collector",
    )
    queryargs: str | None = option(
        None,
        key="{schedd}.queryargs",
        question="schedd_target",
        description="The same in the words of condor_q: -name SCHEDD -pool COLLECTOR",
    )
    token_directory: str | None = option(
        None,
        key="{schedd}.tokendir",
        path=True,
        question="schedd_target",
        description="Folder with the tokens that authenticate the factory to this schedd",
    )

    def target(self) -> Target:
        """Return the schedd that these options name; explicit ones beat `queryargs`. Raises ValueError."""
        name, pool = _from_queryargs(self.queryargs or "")
        schedd = name if self.schedd in LOCAL else self.schedd
        host = pool if self.collector in LOCAL and self.collector_port is None else self.collector
        if host and _address(host) == host.strip():
            host = str(_with_port(hostport.parse(host), self.collector_port))
        settings: tuple[tuple[str, str], ...] = ()
        if self.token_directory:
            settings = (("SEC_TOKEN_DIRECTORY", str(Path(self.token_directory).expanduser())),)
        return Target(schedd or None, host or None, settings)


class PilotScheddOptions(ScheddOptions):
    """The schedd that pilots are sent to and counted in, or several."""

    schedds_of: ClassVar[Callable[[str], tuple[OneOfSeveral, ...]]] = staticmethod(several)

    schedds: Annotated[str, AfterValidator(_read)] | None = option(
        None,
        key="{schedd}.schedds",
        question=False,
        description="Several schedds instead of one: NAME [pool=COLLECTOR] [weight=NUMBER], separated by"
        " commas. A queue's pilots are divided among them by weight; one that fails is left out meanwhile",
    )


def _with_port(place: hostport.HostPort, port: int | None) -> hostport.HostPort:
    return place.or_port(port) if port else place


def _address(text: str) -> str:
    """Return the host and port in what HTCondor calls an address: `<127.0.0.1:9618?sock=collector>`."""
    return text.strip().removeprefix("<").removesuffix(">").partition("?")[0]


def _from_queryargs(text: str) -> tuple[str | None, str | None]:
    found: dict[str, str] = {}
    words = iter(shlex.split(text))
    for word in words:
        if word in ("-name", "-n", "-pool"):
            found["-pool" if word == "-pool" else "-name"] = next(words, "")
    return found.get("-name"), found.get("-pool")
