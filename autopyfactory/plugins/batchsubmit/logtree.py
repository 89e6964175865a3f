"""Where a pilot's files are: `<baseLogDir>/<UTC day>/<queue>/<cluster>.<proc>.{out,err,log}`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from autopyfactory.model.queuefolder import queue_folder


@dataclass(frozen=True, slots=True)
class LogPlace:
    """The folder of one queue on one day, on disk and in the web."""

    folder: Path
    url: str  # "" when the tree is not published

    @classmethod
    def of(cls, base: str, base_url: str, queue: str, now: datetime) -> LogPlace:
        """Return the place for pilots sent at `now` (UTC)."""
        tail = f"{now:%Y-%m-%d}/{queue_folder(queue)}"
        url = f"{base_url.rstrip('/')}/{quote(tail, safe='/~@+,=')}" if base_url else ""
        return cls(Path(base).expanduser() / tail, url)
