"""A CRIC server: the pandaqueue JSON with an ETag; and its content, from one queue to the whole grid."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import ssl
from pathlib import Path
from typing import Any

from servers.base import HttpServer, Reply, Request

REAL = Path(__file__).parents[2] / "data" / "cric_cern_2022.json"
PATH = "/api/atlas/pandaqueue/query/"


@functools.cache
def _real() -> dict[str, Any]:
    record = json.loads(REAL.read_text())
    assert isinstance(record, dict)
    return record


def real() -> dict[str, Any]:
    """Return a real record of 2022 (114 fields, 13 CEs)."""
    return copy.deepcopy(_real())


def queue(name: str, **given: Any) -> dict[str, Any]:
    """Return a record of today, without the fields that CRIC no longer has; `given` changes it."""
    record = real() | {"name": name, "nickname": name, "siteid": name, "panda_resource": name}
    for gone in ("maxswap",):
        record.pop(gone)
    return record | {"queues": [ce("ce1.example.org:9619")]} | given


def ce(endpoint: str, flavour: str = "HTCONDOR-CE", **given: Any) -> dict[str, Any]:
    entry = _real()["queues"][0]
    return {**entry, "ce_endpoint": endpoint, "ce_flavour": flavour, "ce_queue_name": "", **given}


def whole_grid(queues: int = 700) -> bytes:
    """Return a file of today's size: so many queues, about 30 kB each, CE hosts all different."""
    grid = {}
    for i in range(queues):
        name = f"SITE_{i}"
        record = real() | {"name": name, "nickname": name, "panda_resource": name}
        record["cloud"] = ("US", "CERN", "DE", "UK", "FR")[i % 5]
        record["queues"] = [
            {**entry, "ce_endpoint": f"ce{j}.site{i}.example.org:9619"}
            for j, entry in enumerate(record["queues"][: 1 + i % 8])
        ]
        record["releases"] = [f"release-{n}" for n in range(1250)]
        grid[name] = record
    return json.dumps(grid).encode()


class CRIC(HttpServer):
    """Answers with `records`, or with `body` as it stands."""

    def __init__(self, records: dict[str, Any] | None = None, tls: ssl.SSLContext | None = None):
        super().__init__(tls)
        self.records = records if records is not None else {"CERN": real()}
        self.body: bytes | None = None
        self.failing = False

    @property
    def source(self) -> str:
        return f"{self.url}{PATH}?json"

    def answer(self, request: Request) -> Reply:
        if self.failing:
            return Reply.text("<html>Server Error (500)</html>", 500, "text/html")
        if request.path != PATH or "json" not in request.query:
            return Reply.text("<html>Not Found</html>", 404, "text/html")
        body = self.body if self.body is not None else json.dumps(self.records).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("If-None-Match") == tag:
            return Reply(304, headers={"ETag": tag})
        return Reply(200, body, {"Content-Type": "application/json", "ETag": tag})
