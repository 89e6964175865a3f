"""Deletes pilots' logs that are older than they have to be kept: `<baseLogDir>/YYYY-MM-DD/<queue>/`.

A folder goes when its day (UTC) lies more than the queue's days back, and nothing in it has changed for that
long either: a pilot that still runs writes to the folder of the day it was sent.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from autopyfactory.config.model import Configuration
from autopyfactory.model.clock import Clock, SystemClock
from autopyfactory.model.queuefolder import queue_folder
from autopyfactory.plugins.submitrecord import private_tree

log = logging.getLogger("autopyfactory.cleanlogs")

EVERY = 3600.0  # seconds between two passes
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How long logs are kept. None days: for ever. 0 days: until the day is over and the folder is quiet."""

    base: Path
    default: int | None = None  # days
    queues: Mapping[str, int] = field(default_factory=dict)  # by name of the queue's folder
    private: Path | None = None  # a second tree of the same form, of what is not published

    @classmethod
    def of(cls, configuration: Configuration) -> Retention:
        """Read what a configuration says: a queue's own days, else the factory's."""
        factory = configuration.factory
        own = {
            queue_folder(name): queue.options.keep_days
            for name, queue in configuration.queues.items()
            if queue.options.keep_days is not None
        }
        base = Path(factory.base_log_dir).expanduser()
        return cls(base, factory.keep_days, own, private_tree(factory.state_dir))

    def days(self, folder: str) -> int | None:
        """Return for how many days the logs in a queue's folder are kept."""
        return self.queues.get(folder, self.default)


@dataclass(frozen=True, slots=True)
class CleanReport:
    """What one pass did."""

    removed: int = 0  # folders of one queue and day
    errors: tuple[str, ...] = ()


class CleanLogs:
    """Cleans every hour, in a thread of its own, by the retention that `policy` returns at that time."""

    def __init__(
        self, policy: Callable[[], Retention], clock: Clock | None = None, interval: float = EVERY
    ) -> None:
        self._policy = policy
        self._clock = clock or SystemClock()
        self._interval = interval
        self._stop = threading.Event()

    def start(self) -> None:
        """Start the thread; the first pass begins at once. It never keeps the process from ending."""
        threading.Thread(target=self._run, name="clean logs", daemon=True).start()

    def stop(self) -> None:
        """Tell the thread to end after the folder it is at; does not wait for it."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.clean()
            except Exception:
                log.exception("cleaning the pilots' logs failed")
            self._stop.wait(self._interval)

    def clean(self) -> CleanReport:
        """Make one pass. Trouble with one folder is told and does not keep the others."""
        began = time.monotonic()
        retention = self._policy()
        removed = 0
        errors: list[str] = []
        trees = [retention.base, *([retention.private] if retention.private else [])]
        for day, folder in (found for tree in trees for found in self._days(tree, errors)):
            if self._stop.is_set():
                break
            removed += self._clean_day(day, folder, retention, errors)
        if removed:
            log.info("removed %d folders of pilots' logs in %.1f s", removed, time.monotonic() - began)
        for error in errors:
            log.warning("pilots' logs: %s", error)
        return CleanReport(removed, tuple(errors))

    def _days(self, base: Path, errors: list[str]) -> Iterator[tuple[date, Path]]:
        today = self._clock.now().date()
        for name in sorted(_folders(base, errors)):
            if not _DAY.fullmatch(name):
                continue
            try:
                day = date.fromisoformat(name)
            except ValueError:  # no such day: somebody else's folder
                continue
            if day < today:
                yield day, base / name

    def _clean_day(self, day: date, folder: Path, retention: Retention, errors: list[str]) -> int:
        removed = 0
        for name in _folders(folder, errors):
            days = retention.days(name)
            if days is None or self._stop.is_set() or not self._is_over(day, folder / name, days, errors):
                continue
            try:
                shutil.rmtree(folder / name)
                removed += 1
            except OSError as err:
                errors.append(f"cannot remove {folder / name}: {err}")
        if (self._clock.now().date() - day).days > 1:  # at midnight, somebody may still be moving in
            _remove_if_empty(folder, errors)
        return removed

    def _is_over(self, day: date, folder: Path, days: int, errors: list[str]) -> bool:
        now = self._clock.now()
        if (now.date() - day).days <= days:
            return False
        try:
            quiet = now.timestamp() - _newest(folder)
        except OSError as err:
            errors.append(f"cannot look into {folder}: {err}")
            return False
        return quiet > max(1, days) * _DAY_SECONDS


def _folders(folder: Path, errors: list[str]) -> list[str]:
    """Return the names of real folders in `folder`; links are not followed."""
    try:
        with os.scandir(folder) as entries:
            return [e.name for e in entries if e.is_dir(follow_symlinks=False)]
    except FileNotFoundError:  # no pilot was sent yet, or somebody else cleaned up
        return []
    except OSError as err:
        errors.append(f"cannot look into {folder}: {err}")
        return []


def _newest(folder: Path) -> float:
    """Return when something in `folder` last changed, in seconds since 1970. Raises OSError."""
    newest = os.stat(folder).st_mtime
    with os.scandir(folder) as entries:
        for entry in entries:
            newest = max(newest, entry.stat(follow_symlinks=False).st_mtime)
    return newest


def _remove_if_empty(folder: Path, errors: list[str]) -> None:
    try:
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as err:
        errors.append(f"cannot remove {folder}: {err}")
