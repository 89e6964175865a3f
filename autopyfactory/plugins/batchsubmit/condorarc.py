"""Pilots to an ARC CE through its REST interface. `CondorNordugrid` is 2.4's name for it.

What a pilot asks for is said in the words of ARC's job description (ADL), as the attribute ArcResources:
memory in bytes per slot, times in seconds.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator

from autopyfactory.condor.quoting import macro
from autopyfactory.model import hostport
from autopyfactory.options.declare import NameList, option
from autopyfactory.plugins.base import QueueContext
from autopyfactory.plugins.batchsubmit import nordugridrsl
from autopyfactory.plugins.batchsubmit.condorbase import CondorBase
from autopyfactory.plugins.batchsubmit.condoroptions import CondorBaseOptions
from autopyfactory.plugins.batchsubmit.request import Request

ARC_PORT = 443
PATH = "/arex/rest/1.0"
MB = 1_000_000


def endpoint(text: str) -> str:
    """Return the URL of the CE's REST interface for a host, host:port or https URL. Raises ValueError.

    A URL that has a path stands as it is, with `/rest/1.0` added where it ends in the service's own name.
    """
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        rest = scheme
    elif scheme.lower() != "https":
        raise ValueError(f"an ARC CE is reached by https, not by {scheme}")
    place, slash, path = rest.partition("/")
    where = hostport.parse(hostport.checked(place)).or_port(ARC_PORT)
    path = path.strip("/")
    if any(c.isspace() or c in "?#\"'\\$" for c in path):
        raise ValueError(f"not the path of an ARC CE: {slash}{path}")
    if path and not path.endswith("rest/1.0"):
        path += "/rest/1.0"
    return f"https://{where}{'/' + path if path else PATH}"


def asked_for(request: Request) -> dict[str, str]:
    """Return what a pilot asks for as submit commands. Raises ValueError for what ARC cannot be asked."""
    if request.gpus:
        raise ValueError("ARC has no word for GPUs: name the site's queue or runtime environment for them")
    n = request.cores
    parts = []
    if n > 1:
        slots = f"<NumberOfSlots>{n}</NumberOfSlots><SlotsPerHost>{n}</SlotsPerHost>"
        parts.append(f"<SlotRequirement>{slots}</SlotRequirement>")
    if request.memory_mb:
        parts.append(f"<IndividualPhysicalMemory>{request.memory_mb * MB // n}</IndividualPhysicalMemory>")
    if request.wall_minutes:
        seconds = request.wall_minutes * 60
        parts.append(f"<TotalCPUTime>{seconds * n}</TotalCPUTime><WallTime>{seconds}</WallTime>")
    if request.project:
        raise ValueError("ARC has no word for a project: say it in arc_resources, as the site wants it")
    return {
        **({"arc_resources": "".join(parts)} if parts else {}),
        **({"batch_queue": request.queue} if request.queue else {}),
    }


class CondorARCOptions(CondorBaseOptions):
    """Options of the batch submit plugin `CondorARC`, also called `CondorNordugrid`."""

    prefixes: ClassVar[tuple[str, ...]] = (
        "batchsubmit.condorarc",
        "batchsubmit.condornordugrid",
        "batchsubmit.condorgrid",
        "batchsubmit.condorbase",
    )
    gridresource: Annotated[str, AfterValidator(endpoint)] = option(
        key="{prefix}.gridresource",
        remote=True,
        min_length=1,
        description="The CE, as host, host:port or https URL; its REST interface is asked for",
    )
    runtime_environments: NameList = option(
        (),
        key="{prefix}.rte",
        remote=True,
        description="Runtime environments that pilots need, for instance ENV/PROXY",
    )
    rsl: dict[str, str] = option(
        key="nordugridrsl.*",
        description="2.4's job description (xRSL), translated: count, countpernode, memory, walltime,"
        " cputime, queue, runtimeenvironment, addenv.NAME; anything else is an error that says what to do",
        default_factory=dict,
    )


class CondorARC(CondorBase[CondorARCOptions]):
    """An ARC CE."""

    name = "CondorARC"
    from_url = True
    Options = CondorARCOptions
    ce_option = "gridresource"

    def __init__(self, options: CondorARCOptions, context: QueueContext):
        super().__init__(options, context)
        self._old = nordugridrsl.translated(options.rsl)

    @property
    def ce(self) -> str:
        """Return host and port of the CE."""
        return self.options.gridresource.removeprefix("https://").partition("/")[0]

    def extra_environment(self) -> dict[str, str]:
        """Return what `nordugridrsl.addenv.*` adds."""
        return dict(self._old.environment)

    def commands(self) -> dict[str, str]:
        """Return the grid universe commands; the queue's own options win over 2.4's job description."""
        request = self._old.over(Request.of(self.context.queue_options))
        environments = dict.fromkeys((*self._old.runtime_environments, *self.options.runtime_environments))
        return {
            "universe": "grid",
            "grid_resource": macro(f"arc {self.options.gridresource}"),
            "should_transfer_files": "YES",
            "when_to_transfer_output": "ON_EXIT",
            "+TransferOutput": '""',
            **asked_for(request),
            **({"arc_rte": macro(",".join(environments))} if environments else {}),
        }
