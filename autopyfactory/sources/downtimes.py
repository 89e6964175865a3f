"""Reads declared downtimes, on a thread of its own: no cycle waits for those who publish them.

A source that does not answer, or answers nonsense, keeps its last answer until that is too old; the answers
are kept in a file, so that a restart forgets none of them.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from autopyfactory.external import atomicfile
from autopyfactory.external.http import Client, HttpError, Identity
from autopyfactory.model.clock import Clock
from autopyfactory.model.downtimes import NOTHING, Declared, Outage
from autopyfactory.model.redact import shown
from autopyfactory.model.serialize import from_plain, to_plain
from autopyfactory.model.text import span
from autopyfactory.options.common import FACTORY
from autopyfactory.options.declare import NameList, Options, option
from autopyfactory.options.polled import maxage_option, sleep_option, timeout_option
from autopyfactory.sources.downtimeformats import FormatError, Record, read

log = logging.getLogger("autopyfactory.downtimes")

LARGEST = 32_000_000  # bytes of one answer
TICK = 2.0  # seconds between two looks whether it is time to ask, or the configuration has changed
RETRY = 60.0  # seconds until a source that failed is asked again, if that is sooner


class DowntimeOptions(Options):
    """Where declared downtimes are read."""

    prefixes: ClassVar[tuple[str, ...]] = ("downtimes",)
    sources: NameList = option(
        (),
        key="{prefix}.sources",
        scope=FACTORY,
        description="URLs or files with declared downtimes: OSG topology's or GOCDB's XML, CRIC's JSON; which"
        " it is they say themselves. Rules `Downtime` go by them",
    )
    severities: NameList = option(
        ("outage", "severe"),
        key="{prefix}.severities",
        scope=FACTORY,
        description="Which severities count",
    )
    sleep: float = sleep_option(900, scope=FACTORY)
    maxage: float = maxage_option(86400, "Downtimes that were read longer ago are not gone by", scope=FACTORY)
    timeout: float = timeout_option(60, "Time limit for one source", scope=FACTORY)
    capath: str | None = option(
        None, key="{prefix}.capath", scope=FACTORY, description="File or folder of CA certificates"
    )
    certfile: str | None = option(
        None, key="{prefix}.certfile", scope=FACTORY, description="Client certificate or proxy"
    )
    keyfile: str | None = option(
        None, key="{prefix}.keyfile", scope=FACTORY, description="Its key; unset: in the same file"
    )


class DowntimePart:
    """Declares the options of [Factory] about declared downtimes."""

    name: ClassVar[str] = "downtimes"
    Options: ClassVar[type[Options]] = DowntimeOptions


@dataclass(frozen=True, slots=True)
class Answer:
    """What one source said last, and what is wrong with it now."""

    source: str
    read: float = 0.0  # Unix time; 0: never
    records: tuple[Record, ...] = ()
    trouble: str = ""


class DowntimeWatch:
    """The thread, and what it has read; `look` is called by tests, too."""

    def __init__(self, options: Callable[[], DowntimeOptions], clock: Clock, path: Path | None = None):
        """Read what an earlier life has kept at `path`."""
        self._options = options
        self._clock = clock
        self._path = path
        self._answers: Mapping[str, Answer] = _kept(path) if path else {}  # replaced as a whole
        self._index = _index(self._answers.values())
        self._next: dict[str, float] = {}  # monotonic, by source
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="downtimes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; a question under way ends by its own time limit."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception:
                log.exception("reading downtimes failed")
            self._stop.wait(TICK)

    def look(self) -> None:
        """Ask the sources whose time has come."""
        options = self._options()
        self._answers = {s: self._answers.get(s, Answer(s)) for s in options.sources}
        for source in options.sources:
            if time.monotonic() < self._next.get(source, 0.0) or self._stop.is_set():
                continue
            before = self._answers[source]
            after = self._asked(source, before, options)
            self._next[source] = time.monotonic() + (
                min(RETRY, options.sleep) if after.trouble else options.sleep
            )
            self._answers = {**self._answers, source: after}
            if after.records != before.records:
                self._index = _index(self._answers.values())
            if after.trouble != before.trouble:
                level = logging.WARNING if after.trouble else logging.INFO
                log.log(level, "%s: %s", shown(source), after.trouble or "is read again")
            if after.records != before.records or not after.trouble:
                self._save()

    def _asked(self, source: str, before: Answer, options: DowntimeOptions) -> Answer:
        try:
            records = tuple(r for r in read(_fetched(source, options)) if r.end > self._clock.now())
        except (HttpError, OSError, FormatError) as err:
            return replace(before, trouble=str(err))
        return Answer(source, self._clock.now().timestamp(), records)

    def of(self, names: Iterable[str]) -> Declared:
        """Return the downtimes of what is called any of `names`. Returns at once."""
        options, now = self._options(), self._clock.now()
        if not options.sources:
            return NOTHING
        severities = {severity.lower() for severity in options.severities}
        found = [pair for name in names for pair in self._index.get(name.lower(), ())]
        outages: dict[tuple[datetime, datetime], Outage] = {}
        troubles, gone_by = [], set()
        for source in options.sources:
            answer = self._answers.get(source, Answer(source))
            age = now.timestamp() - answer.read
            good = answer.read > 0 and age <= options.maxage
            if good:
                gone_by.add(source)
            if answer.trouble or not good:
                troubles.append(_told(answer, age, options.maxage))
        for source, r in found:
            if source in gone_by and r.severity in severities and now < r.end:
                words = f"{r.severity} of {r.names[0]}, by {shown(source)}"
                outages.setdefault((r.start, r.end), Outage(r.start, r.end, words))
        known = len(gone_by) == len(set(options.sources))
        return Declared(tuple(outages[key] for key in sorted(outages)), "; ".join(troubles), known)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Return what is wrong with sources, in words: nothing when all are read."""
        options, now = self._options(), self._clock.now().timestamp()
        answers = [self._answers.get(source, Answer(source)) for source in options.sources]
        return tuple(_told(a, now - a.read, options.maxage) for a in answers if a.trouble)

    def _save(self) -> None:
        if self._path is None:
            return
        data = json.dumps({"answers": [to_plain(answer) for answer in self._answers.values()]})
        try:
            atomicfile.replace(self._path, f"{data}\n".encode(), mode=atomicfile.OWNER)
        except OSError as err:
            log.warning("%s cannot be written: %s", self._path, err.strerror or err)


def _fetched(source: str, options: DowntimeOptions) -> bytes:
    """Return what a source holds now. Raises HttpError, OSError, FormatError."""
    if "://" in source:
        identity = Identity(ca=options.capath, cert=options.certfile, key=options.keyfile)
        client = Client(timeout=options.timeout, max_bytes=LARGEST, identity=identity)
        try:
            return client.get(source).body
        finally:
            client.close()
    with Path(source).expanduser().open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise FormatError(f"it is longer than {LARGEST} bytes")
    return data


def _index(answers: Iterable[Answer]) -> dict[str, list[tuple[str, Record]]]:
    """Return what concerns pilots by each name that it has, with its source: thousands of queues ask."""
    found: dict[str, list[tuple[str, Record]]] = {}
    for answer in answers:
        for record in answer.records:
            for name in {name.lower() for name in record.names} if record.computing else ():
                found.setdefault(name, []).append((answer.source, record))
    return found


def _told(answer: Answer, age: float, maxage: float) -> str:
    """Say that a source is not read, and what its last answer is worth."""
    why = answer.trouble or "nobody has read it lately"
    if not answer.read:
        return f"the downtimes of {shown(answer.source)} are not known: {why}"
    worth = "too old to go by" if age > maxage else "still gone by"
    return f"the downtimes of {shown(answer.source)} are {span(age)} old, {worth}: {why}"


def _kept(path: Path) -> dict[str, Answer]:
    try:
        found = [from_plain(Answer, one) for one in json.loads(path.read_text())["answers"]]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as err:
        log.warning("%s cannot be read: %s; downtimes are read anew", path, err)
        return {}
    return {answer.source: answer for answer in found}
