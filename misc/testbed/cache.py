"""Where built folders are kept between runs."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.errors import Unavailable

SYSTEM = Path("/var/cache/autopyfactory")


def own() -> Path:
    """The cache this process writes to.

    AUTOPYFACTORY_CACHE if set, else /var/cache/autopyfactory for root, else the user's XDG cache.
    """
    chosen = os.environ.get("AUTOPYFACTORY_CACHE")
    if chosen:
        return Path(chosen).absolute()
    if os.geteuid() == 0:
        return SYSTEM
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "autopyfactory"


def places() -> list[Path]:
    """Caches to look in, nearest first.  What root built serves everybody; never the other way round."""
    mine = own()
    return [mine] if mine == SYSTEM or not _owned_by_root(SYSTEM) else [mine, SYSTEM]


def _owned_by_root(path: Path) -> bool:
    try:
        return path.stat().st_uid == 0
    except OSError:
        return False


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path` as a lock between processes; it is released with the process, however that ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    except OSError as error:
        raise Unavailable(f"no cache to write to ({error}): set AUTOPYFACTORY_CACHE") from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
