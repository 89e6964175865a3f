"""An APFMon server as the real one (vokac/apfmon) answered, with its limits and quirks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from servers.base import HttpServer, Reply, Request

FOLLOWS = {"created": {"running"}, "running": {"exiting"}, "exiting": {"done"}}


@dataclass
class Job:
    label: str
    state: str = "created"
    history: list[str] = field(default_factory=list)


class APFMon(HttpServer):
    """Keeps factories, labels and jobs in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.factories: dict[str, dict[str, Any]] = {}
        self.labels: dict[tuple[str, str], dict[str, Any]] = {}
        self.jobs: dict[str, Job] = {}
        self.fail = 0  # so many requests are answered with 500

    def forget(self) -> None:
        """Lose everything, as after a new installation."""
        self.factories.clear()
        self.labels.clear()
        self.jobs.clear()

    def answer(self, request: Request) -> Reply:
        if self.fail:
            self.fail -= 1
            return Reply.text("<h1>Server Error (500)</h1>", 500, "text/html")
        parts = request.raw_path.partition("?")[0].split("/")[1:]
        if parts[0] != "api" or len(parts) not in (2, 3):
            return Reply.text("Not Found", 404)
        handler = getattr(self, f"_{request.method.lower()}_{parts[1]}", None)
        if handler is None:
            return Reply.text("Method Not Allowed", 405)
        try:
            reply = handler(request, unquote(parts[2]) if len(parts) == 3 else None)
        except KeyError as err:
            return Reply.text(f"KeyError at {err}", 500)
        assert isinstance(reply, Reply)
        return reply

    def _put_factories(self, request: Request, fid: str | None) -> Reply:
        assert fid
        data = request.json()
        if re.search(r"\s", fid):
            return Reply.text("<h1>Not Found</h1>", 404, "text/html")  # the pattern of its URLs has no blanks
        entry = {k: data[k] for k in ("email", "url", "version")}  # a missing one is an error 500
        if len(fid) > 64 or len(entry["email"]) > 75 or len(entry["url"]) > 200:
            return Reply.text(f"Unable to create resource using: {data}", 400)
        new = fid not in self.factories
        self.factories[fid] = {**entry, "type": data.get("type", ""), "ip": "127.0.0.1"}
        return Reply.of({"name": fid, **entry}, 201 if new else 200)

    def _get_factories(self, request: Request, fid: str | None) -> Reply:
        if fid is None:
            return Reply.of(list(self.factories))
        return Reply.of(self.factories[fid]) if fid in self.factories else Reply.text("Not Found", 404)

    def _put_labels(self, request: Request, _: str | None) -> Reply:
        try:
            data = request.json()
        except ValueError:
            return Reply.text("Bad JSON", 400)
        created = updated = 0
        for entry in data:
            fid, name = entry["factory"], entry["name"]
            if fid not in self.factories or len(name) > 64:
                continue  # logged there, and nowhere else
            if len(entry.get("batchqueue", "")) > 64:  # seen at last, when some labels are made already
                return Reply.text("<h1>Server Error (500)</h1>", 500, "text/html")
            new = (fid, name) not in self.labels
            created, updated = created + new, updated + (not new)
            old = self.labels.get((fid, name), {"status": ""})
            self.labels[fid, name] = {**old, **entry}
        text = f"Created {created}/{len(data)} label{'s' * (len(data) != 1)}, {updated} updated"
        return Reply.text(text, 201 if created else 200)

    def _get_labels(self, request: Request, _: str | None) -> Reply:
        limit = int(request.query.get("limit", ["50"])[0])  # 50 unless told otherwise; 0 is all
        fid = request.query["factory"][0]
        found = [{"name": n, **v} for (f, n), v in self.labels.items() if f == fid]
        return Reply.of(found[:limit] if limit else found)

    def _post_labels(self, request: Request, lid: str | None) -> Reply:
        if re.search(r"\s", lid or ""):
            return Reply.text("<h1>Not Found</h1>", 404, "text/html")  # the pattern of its URLs has no blanks
        try:
            fid, name = (lid or "").split(":")
        except ValueError:
            return Reply.text("Invalid POST request", 400)
        if (fid, name) not in self.labels:
            return Reply.text("<h1>Not Found</h1>", 404, "text/html")
        status = request.form().get("status")
        if not status:  # also JSON, as one client sends it
            return Reply.text("Invalid data: {}", 400)
        self.labels[fid, name]["status"] = status[:255]
        return Reply.text("OK")

    def _put_jobs(self, request: Request, _: str | None) -> Reply:
        try:
            data = json.loads(request.body)
        except ValueError:
            return Reply.text("Bad JSON", 400)
        created = failed = 0
        for entry in data:
            fid, cid, label = entry["factory"], entry["cid"], entry["label"]
            if fid not in self.factories:
                return Reply.text("Factory not found", 404)
            if len(cid) > 16 or len(f"{fid}:{cid}") > 80:
                return Reply.text("value too long for type character varying", 500)
            if (fid, label) not in self.labels:
                failed += 1
            elif f"{fid}:{cid}" not in self.jobs:  # one that is there counts neither way
                self.jobs[f"{fid}:{cid}"] = Job(label)
                created += 1
        text = f"Created {created}/{len(data)} job{'s' * (len(data) != 1)}, {failed} not created"
        return Reply.text(text, 201 if created else 200)

    def _post_jobs(self, request: Request, jid: str | None) -> Reply:
        job = self.jobs.get(jid or "")
        if job is None:
            return Reply.text("Not Found", 404)
        state = request.form().get("state", "")
        if state not in FOLLOWS.get(job.state, set()) | {"fault"} or job.state == "fault":
            return Reply.text("Bad transition", 400)
        job.state = state
        return Reply.text("OK")
