"""A site for tests whose factory is a few made-up answers."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi.testclient import TestClient

from autopyfactory.api.rows import queue_row
from autopyfactory.control.client import ControlError, NotRunning
from autopyfactory.daemon.webchild import WebOptions
from autopyfactory.history.place import HistoryError
from autopyfactory.model.serialize import to_plain
from autopyfactory.notify.cycletotals import BOUNDS
from autopyfactory.web.app import create
from autopyfactory.web.site import Site
from contracts.records import T0, cycle

AT = T0 + timedelta(minutes=3)
NOBODY = 1 << 22  # a process id that no process has: its numbers would be among the metrics
ROWS = [
    queue_row(
        "east",
        cycle("east", ready=5, held=2),
        sent=70,
        ce="ce1.example.org",
        wmsqueue="EAST",
        ends={"well": 50, "empty": 4, "short": 3, "failed": 2, "removed": 1},
        acknowledged={"held-other": "acknowledged by ann until 2026-11-23 08:00Z: the site knows"},
    ),
    queue_row("west <b>", cycle("west <b>", ready=50, outcome="failed"), sent=3, ce="ce1.example.org"),
    queue_row(
        "north/a", cycle("north/a", ready=0, pending=0), sent=0, ce="ce2.example.org", wmsqueue="NORTH"
    ),
    queue_row("wrong", None, state="broken", problem="no [such] plugin"),
]
SOURCE = {
    "source": "PanDA https://panda.example.org",
    "answered": AT.isoformat(),
    "age": 12.5,
    "maxage": 600.0,
    "fresh": True,
    "doubtful": 0,
    "error": None,
    "failing_since": None,
    "fetches": 30,
    "failures": 2,
    "seconds": 14.5,
    "last_seconds": 0.5,
    "bounds": [0.5, 1.0],
    "buckets": [20, 9, 1],
}
SCHEDD = {
    "schedd": "schedd1@cm",
    "suspended": False,
    "jobs": 120,
    "limits": {"MAX_JOBS_PER_OWNER": 1000},
    "calls": 300,
    "seconds": 12.5,
    "failures": {"overrun": 1},
    "children": 2,
}
REPORTER = {
    "name": "history",
    "queued": 1,
    "delivered": 100,
    "dropped": 0,
    "lost": 0,
    "failures": 4,
    "last_error": None,
    "failing_since": None,
    "busy": 0.0,
}


def health(**changes: Any) -> dict[str, Any]:
    """What a factory says of itself, with `changes`."""
    return {
        "factory": "f1",
        "version": "3.0.0",
        "python": "3.11.2",
        "pid": NOBODY,
        "at": AT.isoformat(),
        "started": T0.isoformat(),
        "problems": [],
        "sources": [SOURCE],
        "schedds": [SCHEDD],
        "room": [{"tree": "state folder", "bytes": 5_000_000_000, "inodes": 70_000}],
        "log": {"warning": 3, "error": 1, "critical": 0},
        "reporters": [REPORTER],
        "mail": None,
        "submissions": {"unresolved": 1, "pilots": 5, "oldest": 60.0},
        "caps": [{"scope": "factory", "rule": "MaxPerFactory", "limit": 1000, "used": 212}],
        "cycles": {
            "bounds": BOUNDS,
            "cycles": 10,
            "seconds": 0.5,
            "buckets": [2, 3, 5, *[0] * 10],
            "outcomes": {"nothing": 6, "sent": 4},
        },
        "hanging": {"west": "the rule Slow has not returned for 3 min"},
        "hangs": 2,
        "profiles": [
            {"profile": "wlcg", "ce": ce, "kind": "token", "expires": end, "left": left, "trouble": trouble}
            for ce, end, left, trouble in (
                ("ce1:9619", AT.isoformat(), 0, "it cannot be renewed: no answer"),
                ("ce2:9619", (AT + timedelta(hours=1)).isoformat(), 3600, ""),
            )
        ],
        "breakers": [{"scope": "queue", "breaker": "CE ce1 for east", "since": 1000.0}],
        "held": {"credential-expired": 3},
        "treated": [{"action": "released", "kind": "batch-down", "pilots": 2}],
        "credentials": {"east": "the proxy /x expired"},
        **changes,
    }


def status(rows: Any = None, **changes: Any) -> dict[str, Any]:
    """What a factory answers to `status`."""
    return {
        "factory": "f1",
        "at": AT.isoformat(),
        "started": T0.isoformat(),
        "queues": [row.as_dict() for row in (ROWS if rows is None else rows)],
        "pauses": {},
        "notes": [],
        **changes,
    }


@dataclass
class FakeAccess:
    """Answers as it was told; without an answer there is no factory."""

    folder: Path
    answers: dict[str, Any] = field(default_factory=lambda: {"status": status(), "health": health()})
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    open_history: Callable[[], Any] | None = None
    configuration: Any = None

    @property
    def options(self) -> Any:
        return SimpleNamespace(factory_id="f1", base_log_dir=str(self.folder / "pilots"), base_log_dir_url="")

    @property
    def state_dir(self) -> Path:
        return self.folder

    def ask(self, command: str, timeout: float = 1.0, **arguments: Any) -> Any:
        self.asked.append((command, arguments))
        if command not in self.answers:
            raise NotRunning("no factory answers")
        said = self.answers[command]
        said = said(arguments) if callable(said) else said
        if isinstance(said, ControlError):
            raise said
        return json.loads(json.dumps(said, default=to_plain))

    def history(self) -> Any:
        if self.open_history is None:
            raise HistoryError("there is no history yet")
        return self.open_history()


def client(access: Any, host: str = "localhost", **options: Any) -> TestClient:
    """A browser of the pages for `access`, under the name `host`; `options` are those of WebOptions."""
    made = create(Site.of(access, WebOptions(port=0, **options)))
    return TestClient(made, base_url=f"http://{host}", client=("127.0.0.1", 50000), follow_redirects=False)


def openapi() -> str:
    """Return the description of the JSON interface, as docs/openapi.json has it."""
    with tempfile.TemporaryDirectory() as folder:
        served = client(FakeAccess(Path(folder))).get("/api/openapi.json").json()
    return json.dumps(served, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(openapi())
