"""Where a pilot's files are: `<baseLogDir>/<UTC day>/<queue>/<cluster>.<proc>.{out,err,log}`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


def queue_folder(queue: str) -> str:
    """Return `queue` as a folder's name: as 2.4 wrote it, and safe whatever the queue is called.

    `/` and `:` become `_`, as do control characters; a leading dot too, so that nothing is hidden or leaves
    the tree.
    """
    return re.sub(r"^\.", "_", re.sub(r"[/:\x00-\x1f]", "_", queue))


@dataclass(frozen=True, slots=True)
class LogPlace:
    """The folder of one queue on one day, on disk and in the web."""

    folder: Path
    url: str  # "" when the tree is not published

    @classmethod
    def of(cls, base: str, base_url: str, queue: str, now: datetime) -> LogPlace:
        """Return the place for pilots sent at `now` (UTC)."""
        tail = f"{now:%Y-%m-%d}/{queue_folder(queue)}"
        return cls(Path(base).expanduser() / tail, f"{base_url.rstrip('/')}/{tail}" if base_url else "")
