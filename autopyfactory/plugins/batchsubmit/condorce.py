"""Pilots to an HTCondor-CE, through the grid universe."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.condor.quoting import attr, macro
from autopyfactory.model import hostport
from autopyfactory.model.once import once
from autopyfactory.options.declare import HostAndPort, option
from autopyfactory.plugins.batchsubmit.condorbase import CondorBase
from autopyfactory.plugins.batchsubmit.condoroptions import CondorBaseOptions
from autopyfactory.plugins.batchsubmit.draining import patience
from autopyfactory.plugins.batchsubmit.request import Request

CE_PORT = 9619


def asked_for(request: Request) -> dict[str, str]:
    """Return what a pilot asks for, in the attributes that an HTCondor-CE's routes read and the pool's own.

    Routes know `maxWallTime` in minutes and `maxMemory` in MB; what begins with `remote_` arrives without it.
    """
    return {
        **request.requests(),
        **({"+xcount": str(request.cores)} if request.cores > 1 else {}),
        **({"+maxMemory": str(request.memory_mb)} if request.memory_mb else {}),
        **({"+maxWallTime": str(request.wall_minutes)} if request.wall_minutes else {}),
        **({"+remote_queue": attr(request.queue)} if request.queue else {}),
        **({"+remote_BatchProject": attr(request.project)} if request.project else {}),
    }


class CondorCEOptions(CondorBaseOptions):
    """Options of the batch submit plugin `CondorCE`, also called `CondorOSGCE`."""

    prefixes: ClassVar[tuple[str, ...]] = (
        "batchsubmit.condorosgce",
        "batchsubmit.condorce",
        "batchsubmit.condorgrid",
        "batchsubmit.condorbase",
    )
    gridresource: HostAndPort = option(
        key="{prefix}.gridresource",
        remote=True,
        min_length=1,
        description="The CE, as host or host:port",
    )
    port: int = option(CE_PORT, key="{prefix}.port", ge=1, le=65535, description="Port of the CE's collector")
    schedd_name: str | None = option(
        None,
        key="{prefix}.schedd",
        remote=True,
        pattern=r"^\S+$",
        description="Name of the CE's schedd, when it is not the CE's host",
    )


class CondorCE(CondorBase[CondorCEOptions]):
    """An HTCondor-CE."""

    name = "CondorCE"
    from_url = True
    Options = CondorCEOptions
    ce_option = "gridresource"

    @property
    def ce(self) -> str:
        """Return host and port of the CE."""
        return self._ce

    @once
    def _ce(self) -> str:
        return str(self._where)

    @once
    def _where(self) -> hostport.HostPort:
        return hostport.parse(self.options.gridresource).or_port(self.options.port)

    def commands(self) -> dict[str, str]:
        """Return the grid universe commands; with an empty TransferOutput only stdout and stderr return.

        2.4 also set `+Nonessential = True`. HTCondor then removes a pilot where it would hold it, so that a
        CE which refuses our token swallows pilot after pilot and leaves no reason behind. Ours are held:
        they count as pending, and `why` can show what the CE said.
        """
        schedd = self.options.schedd_name or self._where.host
        return {
            "universe": "grid",
            "grid_resource": macro(f"condor {schedd} {self.ce}"),
            "remote_universe": "vanilla",
            "+remote_ShouldTransferFiles": '"YES"',
            "+remote_WhenToTransferOutput": '"ON_EXIT"',
            "should_transfer_files": "YES",
            "when_to_transfer_output": "ON_EXIT",
            "+TransferOutput": '""',
            **(
                {"+remote_JobMaxVacateTime": str(wait)}
                if (wait := patience(self.context.queue_options))
                else {}
            ),
            **asked_for(Request.of(self.context.queue_options)),
        }
