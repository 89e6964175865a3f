"""Problems of queues that somebody has taken on: who, why, until when. A small file keeps them over restarts.

Each is of one queue and one code of `why`: what else goes wrong there is news. A file that cannot be read is
moved aside and nothing counts as taken on: nothing stays unseen.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from autopyfactory.external import atomicfile
from autopyfactory.model.serialize import from_plain, to_plain

log = logging.getLogger("autopyfactory.acknowledged")


class NotKept(Exception):
    """An acknowledgement cannot be kept; nothing has changed."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One problem of one queue that somebody has taken on."""

    queue: str
    code: str  # of the cause, see `why`
    since: datetime
    until: datetime
    reason: str
    by: str

    @property
    def words(self) -> str:
        """Say who has taken it on, until when and why."""
        return f"acknowledged by {self.by} until {self.until:%Y-%m-%d %H:%MZ}: {self.reason}"


class Acknowledgements:
    """Those of one factory; may be used by several threads."""

    def __init__(self, path: Path):
        """Read `path`, if it is there."""
        self._path = path
        self._lock = threading.Lock()
        self._known: Mapping[tuple[str, str], Acknowledged] = {}
        try:
            self._known = _read(path)
        except FileNotFoundError:
            pass
        except OSError as err:
            log.error("%s cannot be read, so nothing counts as acknowledged: %s", path, err)
        except ValueError as err:
            self._move_aside(err)

    def _move_aside(self, err: Exception) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        aside = self._path.with_name(f"{self._path.name}.broken-{stamp}")
        log.error("%s is damaged, nothing counts as acknowledged: %s; now %s", self._path, err, aside.name)
        try:
            self._path.rename(aside)
        except OSError as problem:
            log.error("%s cannot be moved: %s", self._path, problem)

    def of(self, queue: str, now: datetime) -> dict[str, Acknowledged]:
        """Return what is acknowledged of `queue` now, by code. Returns at once."""
        known = self._known  # replaced as a whole
        return {code: a for (name, code), a in known.items() if name == queue and now < a.until}

    def all(self, now: datetime) -> list[Acknowledged]:
        """Return all that are in force."""
        return [a for _, a in sorted(self._known.items()) if now < a.until]

    def set(self, new: Iterable[Acknowledged], now: datetime) -> None:
        """Put these in force, in the place of earlier ones of the same problems. Raises NotKept."""
        with self._lock:
            self._write({**self._in_force(now), **{(a.queue, a.code): a for a in new}})

    def clear(self, queue: str, codes: Iterable[str], now: datetime) -> list[Acknowledged]:
        """End those of `queue` with `codes` (none given: all); return what was in force. Raises NotKept."""
        with self._lock:
            known, wanted = self._in_force(now), set(codes)
            ended = {k: a for k, a in known.items() if k[0] == queue and (not wanted or k[1] in wanted)}
            if ended:
                self._write({k: a for k, a in known.items() if k not in ended})
        return list(ended.values())

    def _in_force(self, now: datetime) -> dict[tuple[str, str], Acknowledged]:
        return {k: a for k, a in self._known.items() if now < a.until}

    def _write(self, known: Mapping[tuple[str, str], Acknowledged]) -> None:
        said = {"acknowledged": [to_plain(a) for a in known.values()]}
        text = json.dumps(said, indent=1, ensure_ascii=False)
        try:
            atomicfile.replace(self._path, f"{text}\n".encode(), mode=atomicfile.OWNER)
        except OSError as err:
            raise NotKept(f"{self._path} cannot be written: {err.strerror or err}") from err
        self._known = known


def _read(path: Path) -> dict[tuple[str, str], Acknowledged]:
    data = json.loads(path.read_text())
    if not isinstance(data, dict) or not isinstance(data.get("acknowledged"), list):
        raise ValueError("no list in it")
    found = [from_plain(Acknowledged, a) for a in data["acknowledged"]]
    if any(a.since.tzinfo is None or a.until.tzinfo is None for a in found):
        raise ValueError("a time without a zone")
    return {(a.queue, a.code): a for a in found}
