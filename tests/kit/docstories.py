"""The factory with trouble that docs/why.md shows, without a grid.

Its schedd's ads, its pilots' endings and its cycles are written down here, with the texts that real services
gave on the grid of tests/grid/test_why.py and test_endings.py; what the commands say of them is the code's.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from click.testing import CliRunner

from autopyfactory.accounting.lately import Memory
from autopyfactory.api.pilotquery import Wanted, listed
from autopyfactory.api.rows import queue_row
from autopyfactory.cli import pilots, statustable
from autopyfactory.cli.screen import console
from autopyfactory.model.decision import CycleInputs, decide
from autopyfactory.model.ending import Account, Ending
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.model.record import CycleRecord, Sent, Troubles
from autopyfactory.model.serialize import to_plain
from autopyfactory.notify.trends import Trend
from autopyfactory.pauses import Pause
from autopyfactory.plugins.sched.maxpercycle import MaxPerCycle, MaxPerCycleOptions
from autopyfactory.plugins.sched.maxtorun import MaxToRun, MaxToRunOptions
from autopyfactory.plugins.sched.ready import Ready, ReadyOptions
from autopyfactory.why import LiveState, departed, explain
from autopyfactory.why.render import render
from autopyfactory.why.troubles import ATTRIBUTES, summarize
from autopyfactory.why.work import Still
from fakes import context

WIDTH = 106  # columns; below 110 `status` puts what a queue did under its numbers
NOW = datetime(2026, 11, 22, 19, 40, 12, tzinfo=UTC)
CYCLE = NOW - timedelta(seconds=3)  # the last one of each queue
T = int(NOW.timestamp())
SENT = T - 55
CE, DOWN = "condor good@grid.test 127.0.0.1:28637", "condor down@grid.test 127.0.0.1:31106"
DENIED = (
    'Error connecting to schedd mallory@grid.test: SECMAN:2010:Received "DENIED" from server for user '
    "pilot@grid.test using method SCITOKENS."
)
NO_METHOD = (
    "Error connecting to schedd otherkey@grid.test: AUTHENTICATE:1003:Failed to authenticate with any method"
    "|AUTHENTICATE:1004:Failed to authenticate using IDTOKENS"
    "|AUTHENTICATE:1004:Failed to authenticate using SCITOKENS"
)
JOBS = ("capped", "down", "drained", "failing", "foreign", *(f"queue{n}" for n in range(9)))  # that have some
NO_PILOTS = BatchQueueInfo()
CHAIN = (
    Ready(ReadyOptions(), context()),
    MaxPerCycle(MaxPerCycleOptions(maximum=50), context()),
    MaxToRun(MaxToRunOptions(maximum=2), context()),
)


@dataclass(frozen=True)
class Queue:
    """One queue in one kind of trouble."""

    ready: int | None = 5  # jobs; None: not known
    batch: BatchQueueInfo | None = NO_PILOTS  # None: not known
    ads: tuple[Mapping[str, Any], ...] = ()  # of its pilots, as the schedd has them
    endings: tuple[Ending, ...] = ()
    sent: int = 0  # ever
    wmsqueue: str = ""
    live: Mapping[str, Any] = field(default_factory=dict)  # what else is known now
    troubles: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    still: Still | None = None
    jobs: tuple[str, ...] = ()  # what those ask for that match no pilot


def _ads(*given: Mapping[str, Any], queue: str, cluster: int = 3) -> tuple[Mapping[str, Any], ...]:
    base = dict.fromkeys(ATTRIBUTES) | {"MATCH_APF_QUEUE": queue, "ClusterId": cluster, "QDate": SENT}
    return tuple({**base, "ProcId": n, **ad} for n, ad in enumerate(given))


def _held(queue: str, reason: str) -> Queue:
    ad = {"JobStatus": 5, "HoldReason": reason, "HoldReasonCode": 0, "EnteredCurrentStatus": SENT + 8}
    return Queue(batch=BatchQueueInfo(pending=2, held=2), ads=_ads(ad, ad, queue=queue), sent=2)


def _ended(number: int, queue: str, **given: Any) -> tuple[Ending, ...]:
    """That many pilots, one a second until now."""
    base: dict[str, Any] = {"queued": T - 50, "outcome": "well", **given}
    return tuple(Ending("ap", f"{n}.0", "tag", queue, at=T - number + n, **base) for n in range(number))


_UNAVAILABLE = {"JobStatus": 1, "GridResource": DOWN, "GridResourceUnavailableTime": SENT + 5}
_FULL = BatchQueueInfo(running=2)
_WAIT = BatchQueueInfo(pending=2, unsubmitted=2)
_PAUSE = Pause("paused", NOW - timedelta(seconds=30), until=NOW + timedelta(hours=3), reason="cooling works",
               by="anna")  # fmt: skip
_NO_FILE = "File /var/lib/demo/no-such-file.json: No such file or directory (since 19:39:12Z)"
_NO_SCHEDD = "the collector knows no schedd named no-such-schedd@nowhere"
_UNFIT = Account("unfit", host="node7", check="cvmfs", check_said="atlas.cern.ch hangs")
_ERR = "/var/log/pilots/2026-11-22/failing/34.0.err"

QUEUES: Mapping[str, Queue] = {
    "capped": Queue(batch=_FULL, sent=2),
    "down": Queue(
        batch=_WAIT,
        ads=_ads(_UNAVAILABLE, _UNAVAILABLE, queue="down", cluster=4),
        troubles={"probe": "no connection to 127.0.0.1:31106 (Connection refused)", "probe_code": "ce-down"},
        sent=2,
    ),
    "failing": Queue(
        batch=_WAIT,
        endings=_ended(20, "failing", outcome="failed", exit_code=3, said="the disk is full", said_in=_ERR),
        sent=22,
    ),
    "idle": Queue(ready=0),
    "large": Queue(
        ready=3, batch=_WAIT, endings=_ended(5, "large", outcome="empty", wall=1.0),
        jobs=("jobs 1.0 and 2 more ask for 800 cores, pilots have 1",), sent=7,
    ),
    "misspelt": Queue(ready=0, wmsqueue="caped", live={"others": JOBS, "served": JOBS}),
    "node": Queue(
        batch=_WAIT, sent=46,
        endings=_ended(44, "node", outcome="failed", exit_code=18, wall=1.0, account=_UNFIT),
    ),
    "otherkey": _held("otherkey", NO_METHOD),
    "paused": Queue(
        batch=_FULL, live={"pause": _PAUSE}, sent=2,
        record={"outcome": "paused", "pause": _PAUSE.words, "reason": _PAUSE.words},
    ),
    "refused": _held("refused", DENIED),
    "scheddless": Queue(
        batch=None,
        record={
            "outcome": "held back", "errors": {"batch": _NO_SCHEDD}, "ages": {"wms": 42.0},
            "gate": (f"no batch status from schedd no-such-schedd@nowhere yet: {_NO_SCHEDD}",),
        },
    ),
    "unmoved": Queue(
        batch=_WAIT, endings=_ended(6, "unmoved", wall=2.0, exit_code=0), still=Still(T - 300, 5, 0), sent=8,
    ),
    "wmsdown": Queue(
        ready=None, record={
            "outcome": "held back", "errors": {"wms": _NO_FILE}, "ages": {"batch": 0.0},
            "gate": (f"no WMS status yet: {_NO_FILE}",),
        },
    ),
}  # fmt: skip


def _record(name: str, queue: Queue, started: datetime, number: int) -> CycleRecord:
    """Return what one cycle makes of a queue, with the real rules."""
    wms = None if queue.ready is None else WMSQueueInfo(ready=queue.ready)
    inputs = CycleInputs(name, wms, queue.batch, now=started)
    decision = decide(CHAIN, inputs)
    why = decision.decisive
    given: dict[str, Any] = {
        "outcome": "nothing",
        "reason": f"{why.plugin}: {why.reason}" if why else "",
        "ages": {"wms": 42.0, "batch": 0.0},
        "wmsqueue": queue.wmsqueue or name,
        **queue.record,
    }
    if "gate" in given:
        given["reason"] = "; ".join(given["gate"])
    return CycleRecord(name, number, started, inputs=inputs, decision=decision, wanted=decision.n, **given)


def _records(name: str, queue: Queue) -> list[CycleRecord]:
    """Return its cycles, one every five seconds; pilots that are there were sent in the first."""
    times = [CYCLE - timedelta(seconds=5 * n) for n in range(8, -1, -1)]
    records = [_record(name, queue, at, number) for number, at in enumerate(times)]
    if queue.batch is not None and queue.batch.active and not queue.record:
        n = queue.batch.active
        first = _record(name, replace(queue, batch=NO_PILOTS), times[0], 0)
        sent = (Sent("tag", "ap", CE, n, "3"),)
        records[0] = replace(first, outcome="sent", reason=f"{n} pilots to {CE}", sent=sent)
    return records


def _troubles(name: str, queue: Queue) -> Troubles:
    memory = Memory()
    memory.ended(queue.endings)
    found = summarize(queue.ads, NOW).get(name, Troubles(NOW))
    return replace(departed.told(found, memory.of(name), T, queue.still, queue.jobs), **queue.troubles)


def _live(name: str, queue: Queue) -> LiveState:
    return LiveState(NOW, True, True, True, period=5, troubles=_troubles(name, queue), **queue.live)


def why(name: str) -> str:
    """Return what `autopyfactory why NAME` prints, its long lines broken for the page."""
    queue = QUEUES[name]
    lines = render(explain(_records(name, queue), _live(name, queue)))
    return "\n".join(part for line in lines for part in _broken(line)) + "\n"


def _broken(line: str) -> list[str]:
    begin = re.match(r" *(?:\* |\d+\. )?", line)
    assert begin is not None
    return textwrap.wrap(
        line, WIDTH, subsequent_indent=" " * len(begin[0]), break_long_words=False, break_on_hyphens=False
    ) or [""]


def table(names: Sequence[str]) -> str:
    """Return what `autopyfactory status` shows of these queues on a terminal as wide as the page."""
    rows = []
    for name in names:
        queue, live = QUEUES[name], _live(name, QUEUES[name])
        record = _records(name, queue)[-1]
        more: dict[str, Any] = {"pause": live.pause, "trend": _trend(queue), "sent": queue.sent, "live": live}
        rows.append(queue_row(name, record, **more))
    answer = {"factory": "why-factory", "at": NOW.isoformat(), "started": NOW.isoformat()}
    screen = console(WIDTH)
    with screen.capture() as taken:
        screen.print(statustable.table(answer, rows, WIDTH))
    return taken.get()


def _trend(queue: Queue) -> Trend | None:
    """All its pilots have come within the last ten minutes."""
    if queue.batch is None or not queue.batch.active:
        return None
    return Trend(pending=queue.batch.pending, running=queue.batch.running, since=NOW - timedelta(minutes=10))


def kill() -> str:
    """Return what `autopyfactory pilots kill --queue capped --dry-run` prints where two pilots run."""
    ad = {"JobStatus": 2, "GridJobStatus": "RUNNING", "GridResource": CE, "EnteredCurrentStatus": T - 28,
          "GridJobId": None, "ApfSubmission": "tag"}  # fmt: skip
    schedd: Any = SimpleNamespace(target="ap", query=lambda *_, **__: list(_ads(ad, ad, queue="capped")))
    found = listed(schedd, "why-factory", Wanted("capped"), limit=9, deadline=5)
    answer = {"pilots": [to_plain(p) for p in found], "notes": []}
    link = SimpleNamespace(ask=lambda *_, **__: answer)
    clock = SimpleNamespace(now=lambda zone: NOW)
    with patch.object(pilots, "Link", lambda conf: link), patch.object(pilots, "datetime", clock):
        return CliRunner().invoke(pilots.command, ["kill", "--queue", "capped", "--dry-run"]).output
