"""Which schedd a queue's pilots are in. Counting and sending read the same options, so they cannot differ."""

from __future__ import annotations

import shlex
from pathlib import Path

from autopyfactory.condor.target import Target
from autopyfactory.options.declare import Options, option

SILENT = "A schedd that takes longer to answer counts as not answering"
LOCAL = (None, "", "localhost", "127.0.0.1")


class ScheddOptions(Options):
    """The schedd that holds the pilots; sources call it `schedd_target`."""

    schedd: str | None = option(
        None,
        key="batchstatus.condor.schedd",
        question="schedd_target",
        legacy=("batchstatus.condor.scheddhost",),
        description="Name of the schedd that pilots are sent to and counted in; unset: the local one",
    )
    schedd_port: int | None = option(
        None,
        key="batchstatus.condor.scheddport",
        question=False,
        description="Accepted; a schedd is found by its name",
        ge=1,
    )
    collector: str | None = option(
        None,
        key="batchstatus.condor.collector",
        question="schedd_target",
        legacy=("batchstatus.condor.collectorhost",),
        description="Collector that knows the schedd, as host or host:port; unset: the configured one",
    )
    collector_port: int | None = option(
        None,
        key="batchstatus.condor.collectorport",
        question="schedd_target",
        ge=1,
        le=65535,
        description="Port of that collector",
    )
    queryargs: str | None = option(
        None,
        key="batchstatus.condor.queryargs",
        question="schedd_target",
        description="The same in the words of condor_q: -name SCHEDD -pool COLLECTOR",
    )
    token_directory: str | None = option(
        None,
        key="batchstatus.condor.tokendir",
        question="schedd_target",
        description="Folder with the tokens that authenticate the factory to this schedd",
    )

    def target(self) -> Target:
        """Return the schedd that these options name."""
        return make_target(
            self.schedd, self.collector, self.collector_port, self.queryargs, self.token_directory
        )


def make_target(
    schedd: str | None,
    collector: str | None,
    collector_port: int | None,
    queryargs: str | None,
    token_directory: str | None,
) -> Target:
    """Return the target that the options of one plugin name; explicit options beat `queryargs`."""
    name, pool = _from_queryargs(queryargs or "")
    schedd = name if schedd in LOCAL else schedd
    host = pool if collector in LOCAL and collector_port is None else collector
    if host and collector_port and ":" not in host:
        host = f"{host}:{collector_port}"
    settings: tuple[tuple[str, str], ...] = ()
    if token_directory:
        settings = (("SEC_TOKEN_DIRECTORY", str(Path(token_directory).expanduser())),)
    return Target(schedd or None, host or None, settings)


def _from_queryargs(text: str) -> tuple[str | None, str | None]:
    found: dict[str, str] = {}
    words = iter(shlex.split(text))
    for word in words:
        if word in ("-name", "-n", "-pool"):
            found["-pool" if word == "-pool" else "-name"] = next(words, "")
    return found.get("-name"), found.get("-pool")
