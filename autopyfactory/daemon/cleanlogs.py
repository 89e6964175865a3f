"""One pass over the pilots' log tree, `<baseLogDir>/YYYY-MM-DD/<queue>/`: deletes, compresses, keeps limits.

A folder goes when its day (UTC) lies more than the queue's days back, and nothing in it has changed for that
long either: a pilot that still runs writes to the folder of the day it was sent. When the tree takes more
bytes or files than it may, the oldest folders go before their time, but none that is still written to.

No file of a pilot that may not have ended, by the book, is removed or compressed, however old it is and
however full the tree: HTCondor holds a pilot whose event log is gone, and loses what it has written.

A pass rests four times as long as it works: the disk is for the factory.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autopyfactory.external import atomicfile
from autopyfactory.logs import packed
from autopyfactory.model.clock import Clock, SystemClock

if TYPE_CHECKING:
    from autopyfactory.config.model import Configuration

log = logging.getLogger("autopyfactory.cleanlogs")

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PILOTS = re.compile(r"\d{1,12}\.\d{1,9}\.(out|err|log)")
_OF_CLUSTER = re.compile(r"(?:submit\.(\d{1,12})\.jdl|(\d{1,12})\.\d{1,9}\.(?:out|err|log)(?:\.zst)?)")
_DAY_SECONDS = 86400.0
SMALL = 4096  # bytes; what is smaller takes the same room compressed
QUIET = 2 * _DAY_SECONDS  # seconds without a change, after which a file is complete
SAFE = 30  # days; what is older is of no living pilot, where the book cannot tell
SETTLED = 3  # days back, from which on a day that is done is not looked at again
WORK, REST = 0.05, 4.0  # seconds of work at a time; times that long it rests


@dataclass(frozen=True, slots=True)
class Retention:
    """How long logs are kept. None days: for ever. 0 days: until the day is over and the folder is quiet."""

    base: Path
    default: int | None = None  # days
    queues: Mapping[str, int] = field(default_factory=dict)  # by name of the queue's folder
    private: Path | None = None  # a second tree of the same form, of what is not published
    compress: int | None = None  # days back, from which on files are compressed; None: never
    most_bytes: int | None = None  # of the whole tree
    most_files: int | None = None
    notes: Path | None = None  # a file of ours: what is known of days that are done
    # By name of the queue's folder: clusters whose pilots may not have ended, by the book. Their files stay
    # as they are. Empty: one that is not known. None: the book cannot be asked.
    underway: Mapping[str, Sequence[str]] | None = field(default_factory=dict)

    @classmethod
    def of(cls, configuration: Configuration, underway: Mapping[str, Iterable[str]] | None) -> Retention:
        """Read what a configuration says: a queue's own days, else the factory's.

        underway: by queue, the clusters with pilots that may not have ended; None: nobody can say.
        """
        from autopyfactory.model.queuefolder import queue_folder
        from autopyfactory.plugins.submitrecord import private_tree

        factory = configuration.factory
        own = {
            queue_folder(name): queue.options.keep_days
            for name, queue in configuration.queues.items()
            if queue.options.keep_days is not None
        }
        return cls(
            Path(factory.base_log_dir).expanduser(),
            factory.keep_days,
            own,
            private_tree(factory.state_dir),
            factory.compress_days,
            factory.most_log_mb * 1_000_000 if factory.most_log_mb is not None else None,
            factory.most_log_files,
            Path(factory.state_dir).expanduser() / "logtree.json",
            None if underway is None else {queue_folder(q): sorted(known) for q, known in underway.items()},
        )

    def days(self, folder: str) -> int | None:
        """Return for how many days the logs in a queue's folder are kept."""
        return self.queues.get(folder, self.default)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do, ever."""
        limits = (self.default, self.compress, self.most_bytes, self.most_files)
        return not self.queues and all(limit is None for limit in limits)

    def to_json(self) -> str:
        """Return it as text for another process."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Retention:
        """Return what `to_json` made text of."""
        said = json.loads(text)
        paths = {name: Path(said[name]) if said[name] else None for name in ("base", "private", "notes")}
        return cls(**{**said, **paths})


@dataclass(frozen=True, slots=True)
class CleanReport:
    """What one pass did."""

    removed: int = 0  # folders of one queue and day, whose time was over
    early: int = 0  # that went before it: the tree was too large
    kept: int = 0  # that would have gone, but hold files of pilots that may not have ended
    compressed: int = 0  # files
    saved: int = 0  # bytes, by compressing
    errors: tuple[str, ...] = ()


class Pace:
    """Lets whoever works rest, so that it takes a fifth of a core and of the disk at most."""

    def __init__(self, sleep: Callable[[float], object]):
        """`sleep` is how to rest for some seconds."""
        self._sleep = sleep
        self._began = time.monotonic()

    def step(self) -> None:
        """Note that a little was done."""
        worked = time.monotonic() - self._began
        if worked >= WORK:
            self._sleep(REST * worked)
            self._began = time.monotonic()


@dataclass(slots=True)
class _Known:
    """What is known of one day that is over."""

    files: int = 0
    bytes: int = 0
    packed: bool = False  # nothing is left to compress
    counted: bool = False


class Cleaner:
    """One pass by a retention. Trouble with one folder is told and does not keep the others."""

    def __init__(
        self, retention: Retention, clock: Clock | None = None, stop: threading.Event | None = None
    ) -> None:
        """`stop` ends the pass after the folder that it is at."""
        self._retention = retention
        self._clock = clock or SystemClock()
        self._stop = stop or threading.Event()
        self._pace = Pace(self._stop.wait)
        self._today = self._clock.now().date()  # a pass may take longer, and the book was asked today
        self._underway = {folder: frozenset(known) for folder, known in (retention.underway or {}).items()}
        self._errors: list[str] = []
        self._known: dict[str, _Known] = {}
        self._kept: list[Path] = []
        self._removed = self._early = self._compressed = self._saved = 0

    def clean(self) -> CleanReport:
        """Delete what is too old, compress, and keep the limits; return what was done."""
        r = self._retention
        self._known = self._recall()
        if r.underway is None:
            self._errors.append(f"the book of pilots cannot be asked: nothing younger than {SAFE} days goes")
        for tree in (r.base, *([r.private] if r.private else [])):
            for day, folder in self._days(tree):
                if self._stop.is_set():
                    break
                self._clean_day(day, folder)
        if r.compress is not None:
            self._compress(r.compress)
        if r.most_bytes is not None or r.most_files is not None:
            self._limit()
        self._remember()
        kept, errors = len(set(self._kept)), tuple(self._errors)
        return CleanReport(self._removed, self._early, kept, self._compressed, self._saved, errors)

    # --- by days ----------------------------------------------------------------------------------

    def _days(self, base: Path) -> Iterator[tuple[date, Path]]:
        for name in sorted(self._folders(base)):
            if not _DAY.fullmatch(name):
                continue
            try:
                day = date.fromisoformat(name)
            except ValueError:  # no such day: somebody else's folder
                continue
            if day < self._today:
                yield day, base / name

    def _clean_day(self, day: date, folder: Path) -> None:
        for name in self._folders(folder):
            days = self._retention.days(name)
            if days is None or self._stop.is_set() or not self._is_over(day, folder / name, days):
                continue
            self._removed += self._remove(day, folder / name)
        self._remove_empty(day, folder)

    def _is_over(self, day: date, folder: Path, days: int) -> bool:
        return self._ago(day) > days and self._is_quiet(folder, max(1, days) * _DAY_SECONDS)

    def _ago(self, day: date) -> int:
        return (self._today - day).days

    def _is_quiet(self, folder: Path, seconds: float) -> bool:
        try:
            return self._clock.now().timestamp() - self._newest(folder) > seconds
        except OSError as err:
            self._errors.append(f"cannot look into {folder}: {err}")
            return False

    def _newest(self, folder: Path) -> float:
        """Return when something in `folder` last changed, in seconds since 1970. Raises OSError."""
        newest = os.stat(folder).st_mtime
        with os.scandir(folder) as entries:
            for entry in entries:
                newest = max(newest, entry.stat(follow_symlinks=False).st_mtime)
                self._pace.step()
        return newest

    def _remove(self, day: date, folder: Path) -> bool:
        """Remove the folder of a queue and day but for what is of living pilots; return whether it went."""
        try:
            if self._is_unknown(day, folder):
                self._kept.append(folder)
                return False
            self._known.pop(f"{day}", None)
            if self._has_living(folder):
                self._kept.append(folder)
                self._empty(folder, {None, *self._clusters(folder)})
                return False
            self._empty(folder)
            shutil.rmtree(folder)
        except OSError as err:
            self._errors.append(f"cannot remove {folder}: {err}")
            return False
        return True

    def _empty(self, folder: Path, but: Set[str | None] = frozenset()) -> None:
        """Remove the files of a folder, which may be millions, a few at a time.

        but: clusters whose files stay; None among them: whatever is of no cluster stays as well.
        """
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            before = os.fstat(handle)
            with os.scandir(handle) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False) and _cluster_of(entry.name) not in but:
                        os.unlink(entry.name, dir_fd=handle)
                    self._pace.step()
            if but:  # its age is that of its pilots' last word
                os.utime(handle, ns=(before.st_atime_ns, before.st_mtime_ns))
        finally:
            os.close(handle)

    # --- whose pilots may live --------------------------------------------------------------------

    def _clusters(self, folder: Path) -> Set[str]:
        """Return the clusters of a queue's pilots that may not have ended; empty among them: some unknown."""
        return _ANY if self._retention.underway is None else self._underway.get(folder.name, frozenset())

    def _is_unknown(self, day: date, folder: Path) -> bool:
        """Whether nobody can say what in a folder is of living pilots, and it is too young to tell."""
        if "" not in self._clusters(folder):
            return False
        return self._ago(day) <= SAFE or not self._is_quiet(folder, SAFE * _DAY_SECONDS)

    def _has_living(self, folder: Path) -> bool:
        """Whether a folder holds, or will hold, files of pilots that may not have ended.

        What a schedd elsewhere keeps until they have ended comes to the folder then. Raises OSError.
        """
        clusters, places = self._clusters(folder), [folder]
        if self._retention.private is not None and folder.is_relative_to(self._retention.base):
            places.append(self._retention.private / folder.relative_to(self._retention.base))
        if not clusters:
            return False
        for place in places:
            with suppress(FileNotFoundError), os.scandir(place) as entries:
                for entry in entries:
                    if _cluster_of(entry.name) in clusters:
                        return True
                    self._pace.step()
        return False

    def _remove_empty(self, day: date, folder: Path) -> None:
        if self._ago(day) <= 1:  # at midnight, somebody may still be moving in
            return
        try:
            if not any(folder.iterdir()):
                folder.rmdir()
                self._known.pop(f"{day}", None)
        except OSError as err:
            self._errors.append(f"cannot remove {folder}: {err}")

    def _folders(self, folder: Path) -> list[str]:
        """Return the names of real folders in `folder`; links are not followed."""
        try:
            with os.scandir(folder) as entries:
                return [e.name for e in entries if e.is_dir(follow_symlinks=False)]
        except FileNotFoundError:  # no pilot was sent yet, or somebody else cleaned up
            return []
        except OSError as err:
            self._errors.append(f"cannot look into {folder}: {err}")
            return []

    # --- compressing ------------------------------------------------------------------------------

    def _compress(self, days: int) -> None:
        for day, folder in self._days(self._retention.base):
            known = self._known.setdefault(f"{day}", _Known())
            if self._ago(day) <= max(1, days) or known.packed:
                continue
            done = [self._compress_folder(day, folder / name) for name in self._folders(folder)]
            if self._stop.is_set():
                return
            known.packed = all(done) and self._ago(day) > SETTLED

    def _compress_folder(self, day: date, folder: Path) -> bool:
        """Compress the files of one queue and day; return whether none is left to wait for."""
        if self._stop.is_set() or self._is_unknown(day, folder):
            return False
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as err:
            self._errors.append(f"cannot look into {folder}: {err}")
            return False
        try:
            before = os.fstat(handle)
            with os.scandir(handle) as entries:
                names = [e.name for e in entries]
            done = all([self._compress_file(handle, name, folder) for name in names])
            # what is compressed has not changed: the folder's age is that of its pilots' last word
            os.utime(handle, ns=(before.st_atime_ns, before.st_mtime_ns))
            return done
        except OSError as err:
            self._errors.append(f"cannot compress in {folder}: {err}")
            return False
        finally:
            os.close(handle)

    def _compress_file(self, folder: int, name: str, where: Path) -> bool:
        """Return whether nothing is to be done with it any more."""
        if self._stop.is_set():
            return False
        try:
            if name.startswith(".") and name.endswith(packed.PARTIAL):
                os.unlink(name, dir_fd=folder)  # a pass was cut short
            if not _PILOTS.fullmatch(name):
                return True
            if _cluster_of(name) in self._clusters(where):
                return False
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(about.st_mode) or about.st_size < SMALL:
                return True
            if self._clock.now().timestamp() - about.st_mtime < QUIET:
                return False
            saved = packed.replace(folder, name)
            self._compressed += 1
            self._saved += saved
            self._pace.step()
        except FileNotFoundError:
            return True
        except (OSError, packed.Damaged) as err:
            self._errors.append(f"cannot compress {where / name}: {err}")
        return True

    # --- limits -----------------------------------------------------------------------------------

    def _limit(self) -> None:
        """Remove the oldest folders until the tree is no larger than it may be."""
        days = list(self._days(self._retention.base))
        for day, folder in days:
            self._count(day, folder)
        now = _Known()
        self._add(self._retention.base / f"{self._today}", now)
        for day, folder in days:
            if self._stop.is_set() or not self._over(now):
                return
            for name in sorted(self._folders(folder)):
                if self._over(now) and self._ago(day) > 1 and self._is_quiet(folder / name, _DAY_SECONDS):
                    self._early += self._remove(day, folder / name)
                    self._count(day, folder)
            self._remove_empty(day, folder)
        if self._over(now):
            words = "what is left may still be written to"
            if self._kept:
                n = len(set(self._kept))
                words = f"{n} of its folders are of pilots that may not have ended, first {self._kept[0]}"
            self._errors.append(f"{self._retention.base} is larger than it may be, and {words}")

    def _over(self, now: _Known) -> bool:
        r, all_days = self._retention, [now, *self._known.values()]
        too_large = r.most_bytes is not None and sum(k.bytes for k in all_days) > r.most_bytes
        return too_large or (r.most_files is not None and sum(k.files for k in all_days) > r.most_files)

    def _count(self, day: date, folder: Path) -> None:
        known = self._known.get(f"{day}")
        if known is not None and known.counted:
            return
        known = self._known[f"{day}"] = _Known(packed=known.packed if known else False)
        self._add(folder, known)
        done = self._retention.compress is None or known.packed
        known.counted = done and self._ago(day) > SETTLED and not self._stop.is_set()

    def _add(self, day: Path, known: _Known) -> None:
        """Add up the files of all queues of a day; what is gone meanwhile takes no room."""
        for name in self._folders(day):
            with suppress(OSError), os.scandir(day / name) as entries:
                for entry in entries:
                    with suppress(OSError):
                        about = entry.stat(follow_symlinks=False)
                        known.files += 1
                        known.bytes += about.st_blocks * 512
                    self._pace.step()

    # --- what is known of days that are done ------------------------------------------------------

    def _recall(self) -> dict[str, _Known]:
        if self._retention.notes is None:
            return {}
        try:
            said = json.loads(self._retention.notes.read_text())
            if said["base"] != str(self._retention.base):
                return {}
            return {day: _Known(**known) for day, known in said["days"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as err:
            log.info("%s is made anew: %s", self._retention.notes, err)
            return {}

    def _remember(self) -> None:
        if self._retention.notes is None:
            return
        there = {f"{day}" for day, _ in self._days(self._retention.base)}
        days = {day: asdict(k) for day, k in sorted(self._known.items()) if day in there}
        text = json.dumps({"base": str(self._retention.base), "days": days}).encode()
        try:
            atomicfile.replace(self._retention.notes, text, mode=atomicfile.OWNER)
        except OSError as err:
            self._errors.append(f"{self._retention.notes} cannot be written: {err.strerror or err}")


_ANY = frozenset([""])


def _cluster_of(name: str) -> str | None:
    """Return the cluster that a file in a queue's folder is of; None: its name does not say."""
    found = _OF_CLUSTER.fullmatch(name)
    return (found[1] or found[2]) if found else None


def done(report: Mapping[str, Any]) -> str:
    """Return what a pass did, in words; empty when it did nothing."""
    words = [
        (report["removed"], "removed {} folders of pilots' logs whose time was over"),
        (report["early"], "removed {} folders before their time, since the tree was too large"),
        (report["kept"], "left what is of pilots that may not have ended in {} folders that would go"),
        (report["compressed"], f"compressed {{}} files, which saved {report['saved'] / 1e6:.1f} MB"),
    ]
    return "; ".join(text.format(n) for n, text in words if n)
