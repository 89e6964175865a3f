"""Another queue of this factory as the source of work: what it has, what flows over from it, or its pilots.

With `overflow`, queue B serves what queue A has no room for: A is filled first, then B. When there is less
to do, A's room is used first, so B gets nothing more and is the first to run empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from autopyfactory.config.model import Configuration, QueueConfig
from autopyfactory.model.info import SiteInfo, WMSQueueInfo, WMSStatus
from autopyfactory.options.declare import option
from autopyfactory.options.polled import PolledOptions, maxage_option, sleep_option
from autopyfactory.options.problem import Problem
from autopyfactory.plugins.base import SourceError, WMSStatusPlugin
from autopyfactory.plugins.lastcycles import overflow


class QueueOptions(PolledOptions):
    """Options of the source `Queue`."""

    prefixes = ("wmsstatus.queue",)
    qname: str = option(
        key="wmsstatus.queue.qname",
        remote=True,
        min_length=1,
        description="The other queue, by the name of its section",
    )
    take: Literal["overflow", "demand", "pilots"] = option(
        "overflow",
        key="wmsstatus.queue.take",
        description="overflow: the work that it has no room for; demand: all its work; pilots: its pilots "
        "that wait, as work of this queue (which makes room for them)",
    )
    sleep: float = sleep_option(15, "Time between two readings; they cost nothing", ge=1)
    maxage: float = maxage_option(
        900, "What the other queue knew this long ago sends no pilots; more than its apfqueue.sleep"
    )


class Queue(WMSStatusPlugin[QueueOptions]):
    """Reads the last cycle of another queue."""

    name = "Queue"
    from_url = True
    Options = QueueOptions

    @property
    def label(self) -> str:
        """Return the source as people write it."""
        return f"Queue {self.options.qname} ({self.options.take})"

    def fetch(self) -> WMSStatus:
        """Read the board. Raises SourceError when the other queue has told nothing, or does not know."""
        name = self.options.qname
        board = self.context.shared.last_cycles
        note = board.last(name)
        if note is None:
            raise SourceError(f"queue {name} has not run a cycle yet")
        inputs = note.record.inputs
        if inputs is None or inputs.wms is None or inputs.batch is None:
            raise SourceError(f"queue {name} does not know its own work: {note.record.reason}")
        info = inputs.wms
        if self.options.take == "pilots":
            info = WMSQueueInfo(ready=inputs.batch.pending, running=inputs.batch.running)
        elif self.options.take == "overflow":
            over = overflow(note.record)
            if over is None:
                raise SourceError(f"queue {name} is {note.record.outcome}: {note.record.reason}")
            info = WMSQueueInfo(ready=over, running=inputs.wms.running)
        sites = {name: inputs.site} if inputs.site is not None else {}
        return WMSStatus({name: info}, sites, lag=note.age(board.clock.monotonic()))

    def queue_info(self, status: WMSStatus) -> WMSQueueInfo | None:
        """Return what the other queue has for this one."""
        return status.queues.get(self.options.qname)

    def site_info(self, status: WMSStatus) -> SiteInfo | None:
        """Return what the other queue knows of its site."""
        return status.sites.get(self.options.qname)

    @classmethod
    def check(cls, configuration: Configuration) -> list[Problem]:
        """Return what is wrong with the cascades of a configuration."""
        return find_loops(configuration)


def find_loops(configuration: Configuration) -> list[Problem]:
    """Return an error for each queue that feeds on itself, by whatever way, or on one that is not there."""
    sources = dict(_edges(configuration))
    problems = []
    for name, other in sources.items():
        queue = configuration.queues[name]
        if other not in configuration.queues or not configuration.queues[other].options.enabled:
            known = "it is not enabled" if other in configuration.queues else "there is no such queue"
            problems.append(_problem(queue, f"takes its work from queue {other}, but {known}", other))
        elif (loop := _loop(name, sources)) is not None:
            text = " <- ".join([*loop, name])
            problems.append(_problem(queue, f"takes its work from itself: {text}", other))
    return problems


def _edges(configuration: Configuration) -> Iterator[tuple[str, str]]:
    for name, queue in configuration.queues.items():
        choice = queue.wmsstatus
        if queue.options.enabled and choice is not None and isinstance(choice.options, QueueOptions):
            yield name, choice.options.qname


def _loop(start: str, sources: dict[str, str]) -> list[str] | None:
    """Return the queues from `start` back to itself; None when that leads elsewhere."""
    path, at = [start], sources.get(start)
    while at is not None and at not in path:
        path.append(at)
        at = sources.get(at)
    return path if at == start else None


def _problem(queue: QueueConfig, message: str, value: str) -> Problem:
    found = queue.section.values.get("wmsstatus.queue.qname")
    where = found.where if found else queue.section.where
    return Problem("error", message, where, queue.name, "wmsstatus.queue.qname", value)
