"""The watch for pilots in trouble, over the queues that run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from autopyfactory.condor.target import Target
from autopyfactory.credentials import pilotfiles
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.model.clock import Clock
from autopyfactory.why.schedds import reporting_client
from autopyfactory.why.watch import ASK, Pilots, TroubleWatch
from autopyfactory.why.work import WorkWatch


def trouble_watch(
    factory_id: str,
    *,
    queues: Callable[[], Mapping[str, APFQueue]],
    targets: Callable[[], Iterable[Target]],
    pilots: Pilots,
    work: WorkWatch,
    clock: Clock,
) -> TroubleWatch:
    """Return a watch that asks the schedds, and for each of the queues its WMS and its pilots' files.

    queues: those that run, by name; targets: the schedds; pilots: how they ended; work: whether it moves.
    """

    def unserved(queue: str) -> Sequence[str]:
        """Return what jobs of `queue` ask for that its pilots may not have, as far as the WMS can tell."""
        running = queues().get(queue)
        wms = running.parts.wms if running is not None else None
        return wms.unserved(ASK) if wms is not None else ()

    def credentials() -> Mapping[str, str]:
        """Return what is wrong with the credentials of each queue."""
        described = {name: [r.submit for r in q.parts.routes] for name, q in dict(queues()).items()}
        return pilotfiles.of_queues(described, clock.now())

    return TroubleWatch(
        factory_id,
        targets,
        reporting_client,
        pilots=pilots,
        work=work.of,
        unserved=unserved,
        credentials=credentials,
    )
