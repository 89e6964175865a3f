"""The plugins and sources that a queue is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autopyfactory.model.decision import Need
from autopyfactory.model.info import BatchStatus, WMSStatus
from autopyfactory.model.once import once
from autopyfactory.plugins.base import (
    BatchStatusPlugin,
    BatchSubmitPlugin,
    SchedPlugin,
    WMSStatusPlugin,
)
from autopyfactory.sources.source import StatusSource


@dataclass(frozen=True)
class Route:
    """One way of a queue's pilots: to one CE through one schedd, and where they are counted."""

    submit: BatchSubmitPlugin[Any]
    batch: BatchStatusPlugin[Any] | None = None
    batch_source: StatusSource[BatchStatus] | None = None
    weight: float = 1.0  # of its schedd among several

    @once
    def words(self) -> str:
        """Return which plugin sends over it, in words."""
        return f"the batchsubmit plugin {self.submit.name}"


@dataclass(frozen=True)
class Parts:
    """What a queue is made of."""

    chain: Sequence[SchedPlugin[Any]]
    submit: BatchSubmitPlugin[Any]
    wms: WMSStatusPlugin[Any] | None = None
    wms_source: StatusSource[WMSStatus] | None = None
    batch: BatchStatusPlugin[Any] | None = None
    batch_source: StatusSource[BatchStatus] | None = None
    history: bool = False  # whether a rule looks back at how pilots fared, and their place tells
    weight: float = 1.0  # of the first schedd among several
    others: Sequence[Route] = ()  # further ways, of a queue with several CEs or schedds

    @once
    def needs(self) -> frozenset[Need]:
        """Return what must be known for the rules."""
        return frozenset[Need]().union(*(rule.needs for rule in self.chain))

    @once
    def cap_scopes(self) -> frozenset[str]:
        """Return what the rules have caps for."""
        return frozenset(cap.scope for rule in self.chain for cap in rule.caps())

    @once
    def asked_downtimes(self) -> tuple[tuple[str, ...], ...]:
        """Return of what, by its names, each rule wants to know the downtimes; see `SchedPlugin`."""
        asked = [rule.asks_downtimes_of() for rule in self.chain]
        return tuple(names for names in asked if names is not None)

    @once
    def routes(self) -> tuple[Route, ...]:
        """Return every way of the queue's pilots; the first is that of `submit`."""
        return (Route(self.submit, self.batch, self.batch_source, self.weight), *self.others)

    @once
    def places(self) -> tuple[Route, ...]:
        """Return one way through each schedd."""
        return tuple({route.submit.target: route for route in reversed(self.routes)}.values())[::-1]

    @once
    def ces(self) -> tuple[str, ...]:
        """Return each CE that pilots are sent to, as people write it."""
        return tuple(dict.fromkeys(route.submit.ce for route in self.routes))

    @property
    def ce(self) -> str:
        """Return the CE, or all of several, in words."""
        return ", ".join(self.ces)

    @property
    def target(self) -> str:
        """Return the schedd, or all of several, in words."""
        return ", ".join(route.submit.target for route in self.places)

    @property
    def sources(self) -> Iterator[StatusSource[Any]]:
        """Yield the sources this queue depends on."""
        yield from dict.fromkeys(r.batch_source for r in self.routes if r.batch_source is not None)
        if self.wms_source is not None:
            yield self.wms_source
