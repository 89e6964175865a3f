"""Work counts from a file that somebody else writes: the simplest source, and a good one to begin with."""

from __future__ import annotations

import os
import stat
import time

from autopyfactory.model.info import WMSStatus
from autopyfactory.options.declare import option
from autopyfactory.options.polled import maxage_option
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.wmsstatus.counts import CountsOptions, CountsPlugin, parse

MAX_BYTES = 32_000_000
FUTURE = 60.0  # seconds that a file may be newer than our clock: clocks of file servers differ a little


class FileOptions(CountsOptions):
    """Options of the source `File`."""

    prefixes = ("wmsstatus.file",)
    maxage: float = maxage_option(
        360,
        "Counts older than this send no pilots",
        scope="queue",
        question=True,  # read by `fetch`
    )
    path: str = option(
        key="wmsstatus.file.path",
        path=True,
        min_length=1,
        description="File with JSON `{queue: {status: number}}` or with lines `queue status number`",
    )


class File(CountsPlugin[FileOptions]):
    """Reads counts from a file; their age is that of the file."""

    name = "File"
    Options = FileOptions

    @property
    def label(self) -> str:
        """Return the source as people write it."""
        return f"File {self.options.path}"

    def fetch(self) -> WMSStatus:
        """Read the file. Raises SourceError when it is missing, older than maxage or not understood."""
        try:
            data, written = _read(self.options.path)
        except OSError as err:
            raise SourceError(f"{self.label}: {err.strerror or err}") from None
        lag = time.time() - written
        if lag < -FUTURE:
            raise SourceError(f"{self.label}: written {-lag:.0f} s in the future: a clock is wrong")
        if lag > self.maxage:
            raise SourceError(f"{self.label}: written {lag:.0f} s ago (maxage {self.maxage:.0f})")
        try:
            counts = parse(data.decode("utf-8-sig"))
        except ValueError as err:
            raise SourceError(f"{self.label}: {err}") from None
        return self.status(counts, lag=max(0.0, lag))


def _read(path: str) -> tuple[bytes, float]:
    """Return content and time of writing. Never waits, as opening a pipe or device could."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a plain file")
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(f"more than {MAX_BYTES} bytes")
    return data, status.st_mtime
