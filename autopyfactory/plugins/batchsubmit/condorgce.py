"""Virtual machines of Google Compute Engine: a job in the schedd is one machine, as with `CondorEC2`."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.condor.quoting import macro
from autopyfactory.options.declare import option
from autopyfactory.plugins.batchsubmit.condorbase import CondorBase
from autopyfactory.plugins.batchsubmit.condoroptions import CondorBaseOptions, OneLine
from autopyfactory.plugins.batchsubmit.logtree import LogPlace

SERVICE = "https://www.googleapis.com/compute/v1"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$"


class CondorGCEOptions(CondorBaseOptions):
    """Options of the batch submit plugin `CondorGCE`."""

    prefixes: ClassVar[tuple[str, ...]] = ("batchsubmit.condorgce", "batchsubmit.condorbase")
    service: str = option(
        SERVICE, key="{prefix}.gridresource", pattern=r"^https?://[^\s$]+$", description="URL of the service"
    )
    project: str = option(key="{prefix}.project", pattern=_NAME, description="Project that pays")
    zone: str = option(key="{prefix}.zone", pattern=_NAME, description="Zone in which the machines run")
    image: str = option(key="{prefix}.image", pattern=_NAME, description="The machine image")
    machine_type: str = option(
        key="{prefix}.machine_type",
        pattern=_NAME,
        description="Type of the machines; cores and memory are its, and batchsubmit.cores must say the same",
    )
    auth_file: str = option(
        key="{prefix}.auth_file", path=True, min_length=1, description="File with the service's credential"
    )
    metadata_file: OneLine = option(
        None, key="{prefix}.metadata_file", path=True, description="File with metadata that the machines get"
    )
    preemptible: bool = option(
        False, key="{prefix}.preemptible", description="Whether the service may end machines when it likes"
    )


class CondorGCE(CondorBase[CondorGCEOptions]):
    """Virtual machines at Google Compute Engine."""

    name = "CondorGCE"
    Options = CondorGCEOptions

    @property
    def ce(self) -> str:
        """Return project and zone."""
        return f"gce {self.options.project} {self.options.zone}"

    def commands(self) -> dict[str, str]:
        """Return the grid universe commands: everything runs in the machine, so no file is moved."""
        o = self.options
        return {
            "universe": "grid",
            "grid_resource": macro(f"gce {o.service} {o.project} {o.zone}"),
            "gce_image": o.image,
            "gce_machine_type": o.machine_type,
            "gce_auth_file": macro(o.auth_file),
            **({"gce_metadata_file": macro(o.metadata_file)} if o.metadata_file else {}),
            **({"gce_preemptible": "True"} if o.preemptible else {}),
        }

    def placed(self, place: LogPlace) -> dict[str, str]:
        """Move no program; `executable` is then only a label that condor_q shows."""
        label = {} if self.context.queue_options.executable else {"executable": macro(self.context.queue)}
        return {"transfer_executable": "False", **label}
