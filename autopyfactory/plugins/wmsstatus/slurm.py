"""Work that waits in a Slurm cluster, told by `squeue --json`."""

from __future__ import annotations

import os
import shlex

from autopyfactory.config import jobstates
from autopyfactory.external import program, strictjson
from autopyfactory.model.info import WMSStatus
from autopyfactory.options.declare import NameList, option
from autopyfactory.options.polled import timeout_option
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.wmsstatus import slurmjobs
from autopyfactory.plugins.wmsstatus.counts import CountsOptions, CountsPlugin

MAX_BYTES = 512_000_000  # about 5 kB a job


class SlurmOptions(CountsOptions):
    """Options of the source `Slurm`."""

    prefixes = ("wmsstatus.slurm",)
    squeue: str = option(
        "squeue",
        key="wmsstatus.slurm.squeue",
        min_length=1,
        description="The squeue program, with arguments of its own if need be (-M <cluster>, --partition=..)",
    )
    conf: str | None = option(
        None, key="wmsstatus.slurm.conf", description="slurm.conf of the cluster; unset: what squeue finds"
    )
    ignore_users: NameList = option(
        (),
        key="wmsstatus.slurm.ignoreusers",
        description="Jobs of these users are no work: for instance the user who runs pilots in this cluster",
    )
    timeout: float = timeout_option(60, "Time limit for squeue", scope="queue")


class Slurm(CountsPlugin[SlurmOptions]):
    """Counts the jobs of a Slurm cluster by partition (the wmsqueue); a partition without jobs has none."""

    name = "Slurm"
    Options = SlurmOptions

    @property
    def label(self) -> str:
        """Return the source as people write it."""
        return f"Slurm {self.options.conf or self.options.squeue}"

    @property
    def absent(self) -> str:
        """What a partition is that has no job: squeue tells all, so it has no work."""
        return self.options.absent if "absent" in self.options.model_fields_set else "zero"

    def mapping(self) -> jobstates.Mapping:
        """Return how Slurm's states count, with what jobstates.conf and the queue say laid over."""
        own = super().mapping()
        return jobstates.Mapping(own.section, {**slurmjobs.STATUSES, **own.table})

    def fetch(self) -> WMSStatus:
        """Run squeue. Raises SourceError when it fails, hangs or says what is not understood."""
        command = [*shlex.split(self.options.squeue), "--json"]
        environment = dict(os.environ)
        if self.options.conf:
            environment["SLURM_CONF"] = self.options.conf
        try:
            output = program.run(command, self.options.timeout, MAX_BYTES, environment)
            counts = slurmjobs.count(strictjson.loads(output.stdout), self.options.ignore_users)
        except (program.ProgramError, ValueError) as err:
            raise SourceError(f"{self.label}: {err}") from None
        return self.status(counts)
