"""What plugins are built from, for tests."""

from __future__ import annotations

from collections.abc import Mapping

from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.plugins.base import QueueContext


def factory_options(**given: object) -> FactoryOptions:
    return FactoryOptions(**{"factory_id": "test-factory", "base_log_dir": "/tmp/logs", **given})  # type: ignore[arg-type]


def context(
    wmsqueue: str | None = "SITE", queue: str = "Q", mappings: Mapping[str, Mapping[str, str]] | None = None
) -> QueueContext:
    options = QueueOptions(sched=("Ready",), batchsubmit="Exec", wmsqueue=wmsqueue)
    return QueueContext(queue, options, factory_options(), mappings=mappings or {})
