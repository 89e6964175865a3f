"""Counts the pilots that `batchsubmitplugin = Exec` started on this machine."""

from __future__ import annotations

from collections import Counter

from autopyfactory.accounting.requests import Searched, Surveyed, TagCount, TagFound
from autopyfactory.model.info import BatchQueueInfo, BatchStatus
from autopyfactory.options.polled import PolledOptions, maxage_option, sleep_option
from autopyfactory.plugins.base import BatchStatusPlugin, SourceError
from autopyfactory.plugins.processes import PilotProcess, Register, pilots, this_machine


class ExecOptions(PolledOptions):
    """Options of the batch status plugin `Exec`."""

    prefixes = ("batchstatus.exec",)
    sleep: float = sleep_option(10, "Time between counts")
    maxage: float = maxage_option(60)


class Exec(BatchStatusPlugin[ExecOptions]):
    """Pilots as processes of this machine; they all run at once, none waits."""

    name = "Exec"
    Options = ExecOptions

    @property
    def target(self) -> str:
        """Return this machine as the submit plugin says it."""
        return "local processes"

    @property
    def label(self) -> str:
        """Return what is counted."""
        return "processes of this machine"

    def fetch(self) -> BatchStatus:
        """Count the running pilots of this factory per queue. Raises SourceError without a process table."""
        mine = self._mine()
        counts = Counter(p.queue for p in mine)
        others = Counter(p.queue for p in mine if p.mark != self.context.shared.mark)
        queues = {queue: BatchQueueInfo(running=n) for queue, n in counts.items()}
        return BatchStatus(queues, dict(others), this_machine())

    def survey(self) -> Surveyed:
        """Return the tags of the pilots that run. Raises SourceError."""
        counts = Counter((p.tag, p.queue, p.mark) for p in self._mine())
        return Surveyed(this_machine(), {t: TagCount(q, m, n) for (t, q, m), n in counts.items()})

    def search(self, tags: frozenset[str], most: int) -> Searched:
        """Return the pilots that carry `tags` and run; the others have ended. Raises SourceError."""
        found: dict[str, TagFound] = {}
        for p in self._mine():
            if p.tag in tags:
                alive = found[p.tag].alive if p.tag in found else 0
                found[p.tag] = TagFound(p.cid.partition(".")[0], alive | 1 << p.proc, 0)
        return Searched(this_machine(), found, history=False, final=True)

    def _mine(self) -> list[PilotProcess]:
        try:
            ours = self.context.factory
            known = Register(ours.state_dir)
            return known.sorted_out(p for p in pilots() if p.factory == ours.factory_id)
        except OSError as err:
            raise SourceError(f"no process table: {err}") from err
