"""Pilots to the pool of the factory's own schedd, as ordinary (vanilla universe) jobs."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.plugins.batchsubmit.condorbase import CondorBase
from autopyfactory.plugins.batchsubmit.condoroptions import CondorBaseOptions
from autopyfactory.plugins.batchsubmit.request import Request


class CondorLocalOptions(CondorBaseOptions):
    """Options of the batch submit plugin `CondorLocal`."""

    prefixes: ClassVar[tuple[str, ...]] = ("batchsubmit.condorlocal", "batchsubmit.condorbase")


class CondorLocal(CondorBase[CondorLocalOptions]):
    """The local pool."""

    name = "CondorLocal"
    from_url = True
    Options = CondorLocalOptions

    def commands(self) -> dict[str, str]:
        """Return the vanilla universe commands."""
        return {
            "universe": "vanilla",
            "should_transfer_files": "IF_NEEDED",
            "+TransferOutput": '""',
            **Request.of(self.context.queue_options).requests(),
        }
