"""By which rules the pilots' logs are cleaned at a given moment, if at all."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path

from autopyfactory.daemon.cleanlogs import Retention
from autopyfactory.daemon.contract import FactoryLike
from autopyfactory.external.setahead import SetAhead

log = logging.getLogger("autopyfactory.cleanlogs")


class LogPolicy:
    """Made before the factory is: then its state folder tells when it was last at work."""

    def __init__(self, state: Path) -> None:
        """Look when something in the folder `state` was last written."""
        self._ahead = SetAhead(_last_written(state))

    def now(self, factory: FactoryLike) -> Retention | None:
        """Return what `factory` wants now; None: by a clock that may be wrong nothing is cleaned."""
        found = Retention.of(factory.configuration, factory.underway())
        if not found.idle and (wrong := self._ahead.doubt(time.time())):
            log.warning("pilots' logs are not cleaned now: %s", wrong)
            return None
        return found


def _last_written(folder: Path) -> float | None:
    """Return when a file of an earlier life was last written; the pid file is of this one."""
    times = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False) and entry.name != "autopyfactory.pid":
                    times.append(entry.stat(follow_symlinks=False).st_mtime)
    return max(times, default=None)
