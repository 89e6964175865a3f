"""How many pilots PanDA has asked a harvester instance for, and how many of them were sent; no I/O.

PanDA's pull_ups queues work the other way round: the server is told how many workers there are and says how
many *more* to send, every five minutes. Such a command is an order to be carried out once, not a level to
be kept: what was sent since is taken off.
"""

from __future__ import annotations

import json
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autopyfactory.config.jobstates import whole_number
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.plugins.wmsstatus.pandapilots import Axis, Pilots

COMMAND = "SET_N_WORKERS_JOBTYPE:"
UNCOUNTED = "Undefined"  # the resource type whose workers the server passes over


@dataclass
class Order:
    """What one command asked for, by axis, less what was sent since."""

    left: dict[Axis, int]
    at: float  # monotonic


@dataclass(eq=False)
class Member:
    """One queue of this factory that serves a PanDA queue."""

    panda_queue: str
    job_types: tuple[str, ...]  # that its pilots run; empty: any
    resource_types: tuple[str, ...]
    cores: int = 1  # of one pilot
    batch: BatchQueueInfo | None = None  # as it was seen last; None: not yet
    pilots: Pilots = field(default_factory=Pilots)
    __hash__ = object.__hash__

    def takes(self, axis: Axis) -> bool:
        """Whether orders of `axis` are for this queue."""
        job_type, resource_type = axis
        return (not self.job_types or job_type in self.job_types) and (
            not self.resource_types or resource_type in self.resource_types
        )

    @property
    def axis(self) -> Axis:
        """Under what pilots are reported that were not ordered.

        The server passes over workers of the resource type Undefined, and gives no orders for a queue of
        which it knows none: pilots that run whatever they get are reported by their size.
        """
        job_type = self.job_types[0] if self.job_types else "managed"
        size = "MCORE" if self.cores > 1 else "SCORE"
        return job_type, self.resource_types[0] if self.resource_types else size


@dataclass
class Demand:
    """All orders of one harvester instance. `maxage`: seconds after which an order is void."""

    maxage: float
    clock: Callable[[], float] = time.monotonic
    orders: dict[str, Order] = field(default_factory=dict)
    members: weakref.WeakSet[Member] = field(default_factory=weakref.WeakSet)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self, member: Member) -> None:
        """Add a queue; it leaves by being forgotten."""
        with self.lock:
            self.members.add(member)

    def observe(self, member: Member, batch: BatchQueueInfo) -> None:
        """Take note of a queue's pilots: as many more as there are now were sent, and are off the orders."""
        with self.lock:
            more = member.pilots.see(batch)
            before, member.batch = member.batch, batch
            order = self.orders.get(member.panda_queue)
            if before is not None and order is not None:
                _fulfil(order, member, more, list(order.left))

    def work(self, member: Member) -> WMSQueueInfo:
        """Return what is left to send, as work for a chain that takes off the pilots that are pending."""
        with self.lock:
            order = self.orders.get(member.panda_queue)
            left = 0
            if order is not None and self.clock() - order.at <= self.maxage:
                left = sum(n for axis, n in order.left.items() if member.takes(axis))
            peers = [m for m in self._serving(member.panda_queue) if m.batch is not None]
            pending = sum(m.batch.pending for m in peers if m.batch is not None)
            running = sum(m.batch.running for m in peers if m.batch is not None)
        return WMSQueueInfo(ready=left + pending, running=running)

    def _serving(self, panda_queue: str) -> list[Member]:
        return [m for m in self.members if m.panda_queue == panda_queue]

    def reports(self) -> dict[str, str]:
        """Return the worker statistics of each PanDA queue, as the JSON text that the server wants.

        A PanDA queue is left out until the pilots of all its queues are known: half the truth would make the
        server order too many.
        """
        with self.lock:
            members = list(self.members)
        found: dict[str, str] = {}
        for name in sorted({m.panda_queue for m in members}):
            mine = [m for m in members if m.panda_queue == name]
            if all(m.batch is not None for m in mine):
                found[name] = json.dumps(_statistics(mine))
        return found

    def order(self, commands: Iterable[Any]) -> list[int]:
        """Carry the server's commands into the orders; return the numbers of all, to be acknowledged.

        Raises ValueError for a command that is not understood; none of them is taken then.
        """
        fresh: dict[str, Order] = {}
        numbers = []
        for command in commands:
            number, text, params = _command(command)
            numbers.append(number)
            if text.startswith(COMMAND):
                fresh[text.removeprefix(COMMAND)] = Order(_left(params), self.clock())
        with self.lock:
            self.orders.update(fresh)
            for panda_queue, order in fresh.items():
                for member in self._serving(panda_queue):
                    _less_unreported(order, member)
        return numbers


def _fulfil(order: Order, member: Member, n: int, axes: Iterable[Axis]) -> None:
    """Take up to `n` of the member's pilots off the order, the largest of `axes` first."""
    for axis in sorted(axes, key=lambda a: -order.left[a]):
        taken = min(n, order.left[axis]) if member.takes(axis) else 0
        if taken > 0:
            order.left[axis] -= taken
            member.pilots.attribute(taken, axis)
            n -= taken


def _less_unreported(order: Order, member: Member) -> None:
    """Take waiting pilots off a new order that the server does not know to be there for it.

    These are, after a start of the factory, those that wait already and were reported under one type only;
    and those ordered as Undefined, which the server orders anew each time as it never counts them.
    """
    for axis in [a for a in order.left if a[1] == UNCOUNTED]:
        order.left[axis] = max(0, order.left[axis] - member.pilots.pending[axis])
    _fulfil(order, member, member.pilots.pending[None], [a for a in order.left if a != member.axis])


def _statistics(members: Iterable[Member]) -> dict[str, dict[str, dict[str, int]]]:
    found: dict[str, dict[str, dict[str, int]]] = {}
    for member in members:
        for (job_type, resource_type), (pending, running) in member.pilots.counts(member.axis).items():
            counts = found.setdefault(job_type, {}).setdefault(
                resource_type, {"submitted": 0, "running": 0, "to_submit": 0}
            )
            counts["submitted"] += pending
            counts["running"] += running
    return found


def _command(command: Any) -> tuple[int, str, Any]:
    if not isinstance(command, dict):
        raise ValueError(f"not a command: {str(command)[:80]}")
    number = command.get("command_id", command.get("commandID"))
    text = command.get("command")
    if not isinstance(number, int) or not isinstance(text, str):
        raise ValueError(f"a command without number or text: {str(command)[:120]}")
    params = command.get("params")
    return number, text, json.loads(params) if isinstance(params, str) else params


def _left(params: Any) -> dict[Axis, int]:
    """Read `{job type: {resource type: number}}`."""
    if not isinstance(params, Mapping) or not all(isinstance(v, Mapping) for v in params.values()):
        raise ValueError(f"numbers of workers that are not understood: {str(params)[:120]}")
    return {
        (str(job_type), str(resource_type)): whole_number(n)
        for job_type, by_type in params.items()
        for resource_type, n in by_type.items()
    }
