"""A monitor that tells nobody: for tests, and to see in the log what a monitor would be told."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from autopyfactory.config.model import QueueConfig
from autopyfactory.model.record import CycleRecord
from autopyfactory.options.declare import Options
from autopyfactory.plugins.base import MonitorPlugin

log = logging.getLogger(__name__)


class Dummy(MonitorPlugin[Options]):
    """Writes debug lines to the log."""

    name = "Dummy"
    Options = Options

    def hello(self, queues: Sequence[QueueConfig]) -> None:
        """Say which queues there are."""
        log.debug("%d queues: %s", len(queues), ", ".join(q.name for q in queues))

    def cycle(self, record: CycleRecord) -> None:
        """Say what a cycle did."""
        log.debug("queue %s: %s: %s", record.queue, record.outcome, record.reason)
