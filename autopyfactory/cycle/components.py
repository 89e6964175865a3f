"""The plugins and sources that a queue is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autopyfactory.model.info import BatchStatus, WMSStatus
from autopyfactory.plugins.base import (
    BatchStatusPlugin,
    BatchSubmitPlugin,
    SchedPlugin,
    WMSStatusPlugin,
)
from autopyfactory.sources.source import StatusSource


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

    @property
    def sources(self) -> Iterator[StatusSource[Any]]:
        """Yield the sources this queue depends on."""
        if self.batch_source is not None:
            yield self.batch_source
        if self.wms_source is not None:
            yield self.wms_source
