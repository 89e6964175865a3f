"""Starts and endings of the factory's pilots in one schedd, read bit by bit: never the whole history."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.quoting import constraint_string
from autopyfactory.condor.registry import client
from autopyfactory.condor.target import Target
from autopyfactory.model.pilotevents import (
    TAKEN_BACK,
    WINDOW,
    Ending,
    PilotEvents,
    QueueEvents,
    Recall,
    Start,
)
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.batchstatus.wrapperline import payloads

MOST = 20_000  # endings read at once; older ones of the window are left out
NEEDED = ("MATCH_APF_QUEUE", "GlobalJobId", "QDate", "JobStartDate", "EnteredCurrentStatus")
ENDED = (*NEEDED, "Out", "CompletionDate", "RemoteWallClockTime", "ExitCode", "JobStatus", "RemoveReason")


class CondorHistory:
    """Remembers the window's events of one schedd and adds what is new at each reading."""

    def __init__(self, target: Target, factory_id: str, timeout: float):
        self._target = target
        self._mine = f"ApfFactory == {constraint_string(factory_id)}"
        self._timeout = timeout
        self._starts: dict[str, tuple[str, Start]] = {}  # by GlobalJobId
        self._endings: dict[str, tuple[str, Ending]] = {}
        self._recalls: dict[str, tuple[str, Recall]] = {}
        self._read_until = 0.0

    def fetch(self) -> PilotEvents:
        """Return the events of the last hour. Raises SourceError."""
        asked = time.time()
        begin = max(self._read_until, asked - WINDOW)
        running = f"{self._mine} && JobStatus == 2 && JobStartDate >= {int(begin)}"
        schedd = client(self._target)
        try:
            started = schedd.query(running, NEEDED, deadline=self._timeout)
            ended = schedd.history(
                self._mine,
                ENDED,
                limit=MOST,
                since=f"EnteredCurrentStatus < {int(begin)}",
                deadline=self._timeout,
            )
        except CondorError as err:
            raise SourceError(str(err)) from err
        self._take(started, ended)
        self._forget(asked - WINDOW)
        self._read_until = asked - 30  # some overlap: clocks differ, and endings are written late
        return PilotEvents(asked, self._by_queue())

    def _take(self, started: Iterable[Mapping[str, Any]], ended: Iterable[Mapping[str, Any]]) -> None:
        for ad in started:
            self._note_start(ad)
        for ad in ended:
            if not ad["JobStartDate"] and str(ad["RemoveReason"] or "").startswith(TAKEN_BACK):
                self._note_recall(ad)
                continue  # it was given no chance to run: it only tells that it waited so long
            self._note_start(ad)
            job, queue = str(ad["GlobalJobId"]), str(ad["MATCH_APF_QUEUE"])
            at = float(ad["CompletionDate"] or ad["EnteredCurrentStatus"] or 0)
            begun = ad["JobStartDate"]
            wall = float(ad["RemoteWallClockTime"] or 0) or (max(0.0, at - float(begun)) if begun else 0.0)
            ok = ad["JobStatus"] == 4 and ad["ExitCode"] == 0
            if job not in self._endings:
                empty = ok and bool(ad["Out"]) and payloads(Path(str(ad["Out"]))) == 0
                self._endings[job] = (queue, Ending(at, wall, ok, empty))

    def _note_recall(self, ad: Mapping[str, Any]) -> None:
        at = float(ad["EnteredCurrentStatus"] or 0)
        recall = Recall(at, max(0.0, at - float(ad["QDate"] or at)))
        self._recalls[str(ad["GlobalJobId"])] = (str(ad["MATCH_APF_QUEUE"]), recall)

    def _note_start(self, ad: Mapping[str, Any]) -> None:
        if ad["JobStartDate"]:
            at = float(ad["JobStartDate"])
            start = Start(at, max(0.0, at - float(ad["QDate"] or at)))
            self._starts[str(ad["GlobalJobId"])] = (str(ad["MATCH_APF_QUEUE"]), start)

    def _forget(self, before: float) -> None:
        self._starts = {j: e for j, e in self._starts.items() if e[1].at >= before}
        self._endings = {j: e for j, e in self._endings.items() if e[1].at >= before}
        self._recalls = {j: e for j, e in self._recalls.items() if e[1].at >= before}

    def _by_queue(self) -> dict[str, QueueEvents]:
        starts: dict[str, list[Start]] = defaultdict(list)
        endings: dict[str, list[Ending]] = defaultdict(list)
        for queue, start in self._starts.values():
            starts[queue].append(start)
        for queue, ending in self._endings.values():
            endings[queue].append(ending)
        recalls: dict[str, list[Recall]] = defaultdict(list)
        for queue, recall in self._recalls.values():
            recalls[queue].append(recall)
        names = starts.keys() | endings.keys() | recalls.keys()
        return {n: QueueEvents(tuple(starts[n]), tuple(endings[n]), tuple(recalls[n])) for n in names}
