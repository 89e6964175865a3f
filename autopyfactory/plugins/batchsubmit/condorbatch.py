"""Pilots to a batch system whose commands work on the schedd's own host, through blahp.

`CondorBatch` names the batch system by an option; `CondorSlurm`, `CondorPBS`, `CondorLSF` and `CondorSGE` are
the same with the name given. What blahp makes of each attribute is in its `<kind>_submit.sh`.
"""

from __future__ import annotations

from typing import ClassVar, Generic, Literal, TypeVar

from autopyfactory.options.declare import option
from autopyfactory.plugins.batchsubmit.condorbase import CondorBase
from autopyfactory.plugins.batchsubmit.condoroptions import CondorBaseOptions
from autopyfactory.plugins.batchsubmit.logtree import LogPlace
from autopyfactory.plugins.batchsubmit.request import Request

Kind = Literal["slurm", "pbs", "lsf", "sge"]

BatchT = TypeVar("BatchT", bound=CondorBaseOptions)


def asked_for(request: Request, kind: str) -> dict[str, str]:
    """Return the submit commands that tell blahp what a pilot asks for; all cores lie on one node.

    blahp reads cores as NodeNumber (all of them) and SMPGranularity (so many per node). For LSF and SGE it
    has no word for memory, so that is said in their own; to LSF a bare number has the site's unit.
    """
    n, memory = request.cores, request.memory_mb
    extra = {"lsf": f"-M {memory}MB -R rusage[mem={memory}MB]", "sge": f"#$ -l h_vmem={-(-memory // n)}M"}
    return {
        "+NodeNumber": str(n),
        "+SMPGranularity": str(n),
        "request_cpus": str(n),
        **({"request_memory": str(memory)} if memory else {}),
        **({"batch_extra_submit_args": extra[kind]} if memory and kind in extra else {}),
        **({"batch_runtime": str(request.wall_minutes * 60)} if request.wall_minutes else {}),
        **({"+GPUNumber": str(request.gpus)} if request.gpus else {}),
        **({"batch_queue": request.queue} if request.queue else {}),
        **({"batch_project": request.project} if request.project else {}),
    }


class BatchCommon(CondorBase[BatchT], Generic[BatchT]):
    """What local and remote batch systems have in common."""

    @property
    def kind(self) -> str:
        """Return the batch system as blahp calls it."""
        raise NotImplementedError

    @property
    def resource(self) -> str:
        """Return what `grid_resource` says."""
        return f"batch {self.kind}"

    @property
    def ce(self) -> str:
        """Return batch system and schedd: the same name elsewhere is another batch system."""
        return f"{self.kind} of {self.target}"

    def commands(self) -> dict[str, str]:
        """Return the grid universe commands."""
        return {
            "universe": "grid",
            "grid_resource": self.resource,
            "should_transfer_files": "YES",
            "when_to_transfer_output": "ON_EXIT",
            "+TransferOutput": '""',
            **asked_for(Request.of(self.context.queue_options), self.kind),
        }

    def placed(self, place: LogPlace) -> dict[str, str]:
        """Let pilots run below the folder of their logs: without a folder of their own they would in `/`."""
        return {"initialdir": str(place.folder)}


class CondorBatchOptions(CondorBaseOptions):
    """Options of the batch submit plugin `CondorBatch`."""

    prefixes: ClassVar[tuple[str, ...]] = (
        "batchsubmit.condorbatch",
        "batchsubmit.condorgrid",
        "batchsubmit.condorbase",
    )
    kind: Kind = option(key="{prefix}.kind", description="The batch system", legacy=("{prefix}.batch",))


class CondorBatch(BatchCommon[CondorBatchOptions]):
    """The batch system of the schedd's host."""

    name = "CondorBatch"
    Options = CondorBatchOptions

    @property
    def kind(self) -> str:
        """Return the batch system that the options name."""
        return self.options.kind


class CondorSlurmOptions(CondorBaseOptions):
    """Options of the batch submit plugin `CondorSlurm`."""

    prefixes: ClassVar[tuple[str, ...]] = (
        "batchsubmit.condorslurm",
        "batchsubmit.condorgrid",
        "batchsubmit.condorbase",
    )


class CondorSlurm(BatchCommon[CondorSlurmOptions]):
    """Slurm."""

    name = "CondorSlurm"
    kind = "slurm"
    from_url = True
    Options = CondorSlurmOptions


class CondorPBSOptions(CondorBaseOptions):
    """Options of the batch submit plugin `CondorPBS`."""

    prefixes: ClassVar[tuple[str, ...]] = (
        "batchsubmit.condorpbs",
        "batchsubmit.condorgrid",
        "batchsubmit.condorbase",
    )


class CondorPBS(BatchCommon[CondorPBSOptions]):
    """PBS, Torque or OpenPBS."""

    name = "CondorPBS"
    kind = "pbs"
    from_url = True
    Options = CondorPBSOptions


class CondorLSFOptions(CondorBaseOptions):
    """Options of the batch submit plugin `CondorLSF`."""

    prefixes: ClassVar[tuple[str, ...]] = (
        "batchsubmit.condorlsf",
        "batchsubmit.condorgrid",
        "batchsubmit.condorbase",
    )


class CondorLSF(BatchCommon[CondorLSFOptions]):
    """LSF."""

    name = "CondorLSF"
    kind = "lsf"
    from_url = True
    Options = CondorLSFOptions


class CondorSGEOptions(CondorBaseOptions):
    """Options of the batch submit plugin `CondorSGE`."""

    prefixes: ClassVar[tuple[str, ...]] = (
        "batchsubmit.condorsge",
        "batchsubmit.condorgrid",
        "batchsubmit.condorbase",
    )


class CondorSGE(BatchCommon[CondorSGEOptions]):
    """Grid Engine."""

    name = "CondorSGE"
    kind = "sge"
    from_url = True
    Options = CondorSGEOptions
