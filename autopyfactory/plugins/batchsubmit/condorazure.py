"""Virtual machines of Azure: a job in the schedd is one machine, as with `CondorEC2`."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.condor.quoting import macro
from autopyfactory.options.declare import option
from autopyfactory.plugins.batchsubmit.condorbase import CondorBase
from autopyfactory.plugins.batchsubmit.condoroptions import CondorBaseOptions
from autopyfactory.plugins.batchsubmit.logtree import LogPlace

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$"


class CondorAzureOptions(CondorBaseOptions):
    """Options of the batch submit plugin `CondorAzure`."""

    prefixes: ClassVar[tuple[str, ...]] = ("batchsubmit.condorazure", "batchsubmit.condorbase")
    subscription: str = option(
        key="{prefix}.gridresource", pattern=_NAME, description="Id of the subscription that pays"
    )
    image: str = option(key="{prefix}.image", pattern=_NAME, description="The machine image")
    location: str = option(key="{prefix}.location", pattern=_NAME, description="Where the machines run")
    size: str = option(
        key="{prefix}.size",
        pattern=_NAME,
        description="Size of the machines; cores and memory are its, and batchsubmit.cores must say the same",
    )
    auth_file: str = option(
        key="{prefix}.auth_file",
        path=True,
        min_length=1,
        description="File with the service principal's credential",
    )
    admin_user: str = option(
        key="{prefix}.admin_username", pattern=_NAME, description="Name of the machines' administrator"
    )
    admin_key: str = option(
        key="{prefix}.admin_key",
        path=True,
        min_length=1,
        description="File with the administrator's public ssh key",
    )


class CondorAzure(CondorBase[CondorAzureOptions]):
    """Virtual machines at Azure."""

    name = "CondorAzure"
    Options = CondorAzureOptions

    @property
    def ce(self) -> str:
        """Return subscription and location."""
        return f"azure {self.options.subscription} {self.options.location}"

    def commands(self) -> dict[str, str]:
        """Return the grid universe commands: everything runs in the machine, so no file is moved."""
        o = self.options
        return {
            "universe": "grid",
            "grid_resource": macro(f"azure {o.subscription}"),
            "azure_image": o.image,
            "azure_location": o.location,
            "azure_size": o.size,
            "azure_auth_file": macro(o.auth_file),
            "azure_admin_username": o.admin_user,
            "azure_admin_key": macro(o.admin_key),
        }

    def placed(self, place: LogPlace) -> dict[str, str]:
        """Move no program; `executable` is then only a label that condor_q shows."""
        label = {} if self.context.queue_options.executable else {"executable": macro(self.context.queue)}
        return {"transfer_executable": "False", **label}
