"""CRIC's content from a URL or file; of a URL the last good content is kept on disk.

A server that does not answer, or answers with something else, costs nothing but time: the copy is used, and
its age is told. A server that supports it is only asked whether anything has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autopyfactory.config.fetch import Reading, is_url
from autopyfactory.cric import records
from autopyfactory.external import atomicfile
from autopyfactory.external.http import Client, HttpError, Identity, validators
from autopyfactory.model.redact import shown
from autopyfactory.model.text import count
from autopyfactory.options.problem import ConfigError, Problem, Where

MAX_BYTES = 200_000_000
STALE = 3600.0  # seconds: a copy that is older is told with its age even if that was expected


@dataclass(frozen=True)
class Content:
    """Raw records by name, and what people should know about where they come from."""

    raw: Mapping[str, Any]
    age: float  # seconds since CRIC said so
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class _Copy:
    body: Path
    notes: Path
    fetched: float = 0.0  # wall time
    validators: Mapping[str, str] = field(default_factory=dict)

    @property
    def age(self) -> float:
        return max(0.0, time.time() - self.fetched)


@dataclass(frozen=True)
class Store:
    """Where content comes from and where copies are kept. `sleep`: seconds a copy is good without asking."""

    how: Reading
    folder: Path
    identity: Identity = field(default_factory=Identity)
    timeout: float = 60.0
    sleep: float = 3600.0

    def load(self, source: str) -> Content:
        """Return the content of `source`. Raises ConfigError when there is nothing to give."""
        if is_url(source):
            return self._load_url(source)
        path = source.removeprefix("file://")
        try:
            with open(path, "rb") as stream:
                age = max(0.0, time.time() - os.fstat(stream.fileno()).st_mtime)
                return Content(records.parse(stream.read(MAX_BYTES)), age)
        except (OSError, ValueError) as err:
            raise _nothing(source, f"cannot be read: {getattr(err, 'strerror', None) or err}") from None

    def _load_url(self, url: str) -> Content:
        copy = self._copy(url)
        if copy.fetched and (not self.how.network or copy.age < self.sleep) and copy.fetched <= time.time():
            raw = self._parsed(copy)
            if raw is not None:
                return Content(raw, copy.age, self._told(url, copy))
        if not self.how.network:
            problem = Problem("warning", "was not read, since it is on the network", Where(shown(url)))
            return Content({}, 0.0, (problem,))
        try:
            return self._ask(url, copy)
        except (HttpError, ValueError) as err:
            raw = self._parsed(copy)
            if raw is None:
                raise _nothing(url, f"{_brief(err, url)}, and there is no copy of it") from None
            message = f"{_brief(err, url)}; its copy of {_ago(copy.age)} is used"
            return Content(raw, copy.age, (Problem("warning", message, Where(shown(url))),))

    def _ask(self, url: str, copy: _Copy) -> Content:
        client = Client(timeout=self.timeout, max_bytes=MAX_BYTES, identity=self.identity)
        try:
            answer = client.get(url, headers={"Accept": "application/json", **copy.validators})
            if answer.status == 304:
                unchanged = self._parsed(copy)
                if unchanged is not None:
                    return Content(unchanged, 0.0, self._keep(url, copy, None, copy.validators))
                answer = client.get(url, headers={"Accept": "application/json"})  # the copy is damaged
        finally:
            client.close()
        raw = records.parse(answer.body)
        return Content(raw, 0.0, self._keep(url, copy, answer.body, validators(answer)))

    def _copy(self, url: str) -> _Copy:
        stem = f"cric-{hashlib.sha256(url.encode()).hexdigest()[:32]}"
        body, notes = self.folder / f"{stem}.json", self.folder / f"{stem}.notes"
        try:
            told = json.loads(notes.read_text())
            if not body.exists():
                return _Copy(body, notes)
            return _Copy(body, notes, float(told["fetched"]), dict(told["validators"]))
        except (OSError, ValueError, KeyError, TypeError):
            return _Copy(body, notes)  # none, or not a sound one: as if there were none

    @staticmethod
    def _parsed(copy: _Copy) -> Mapping[str, Any] | None:
        if not copy.fetched:
            return None
        try:
            return records.parse(copy.body.read_bytes())
        except (OSError, ValueError):
            return None

    def _keep(
        self, url: str, copy: _Copy, body: bytes | None, told: Mapping[str, str]
    ) -> tuple[Problem, ...]:
        """Write the copy anew (or, without `body`, that it is still good)."""
        if not self.how.keep:
            return ()
        notes = json.dumps({"url": shown(url), "fetched": time.time(), "validators": dict(told)})
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if body is not None:
                copy.notes.unlink(missing_ok=True)  # else a crash here could pair new content with old notes
                atomicfile.replace(copy.body, body, mode=atomicfile.OWNER)
            atomicfile.replace(copy.notes, notes.encode(), mode=atomicfile.OWNER)
        except OSError as err:
            return (Problem("warning", f"no copy of it can be kept: {err}", Where(shown(url))),)
        return ()

    def _told(self, url: str, copy: _Copy) -> tuple[Problem, ...]:
        if self.how.network or copy.age < STALE:
            return ()
        message = f"was not asked; its copy of {_ago(copy.age)} is used"
        return (Problem("warning", message, Where(shown(url))),)


def _nothing(source: str, message: str) -> ConfigError:
    return ConfigError([Problem("error", message, Where(shown(source)))])


def _brief(err: Exception, url: str) -> str:
    text = str(err).removeprefix(shown(url)).lstrip(": ")
    return f"gives no queues: {text}"


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{count(int(seconds // size), unit)} ago"
    return f"{count(round(seconds), 'second')} ago"
