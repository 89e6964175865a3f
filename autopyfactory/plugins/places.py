"""Whether a queue's pilots are counted where they are sent."""

from __future__ import annotations

from typing import Any

from autopyfactory.plugins.base import BatchStatusPlugin, BatchSubmitPlugin


def uncounted(submit: BatchSubmitPlugin[Any], batch: BatchStatusPlugin[Any] | None) -> str | None:
    """Return why no count will ever show what `submit` sends; None: `batch` counts there, or nothing does.

    Such a queue would send the same pilots again in each cycle.
    """
    if batch is None or batch.target == submit.target:
        return None
    return f"pilots are sent to {submit.target}, but counted in {batch.target}: none would ever be seen"
