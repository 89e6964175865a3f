"""Stand-ins for the systems that the presets of `REST` know, each as strict as the real one."""

from __future__ import annotations

import ssl
from typing import Any

from servers.base import HttpServer, Reply, Request


class Dirac(HttpServer):
    """The matcher of DIRAC 8/9 behind HTTPS: form in, its own JSON out; a certificate is a must over TLS."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        super().__init__(tls)
        self.ok = True
        self.queues: dict[str, dict[str, Any]] = {
            "17": {"Jobs": 5, "Sites": ["LCG.CERN.ch"], "OwnerGroup": "lhcb_user", "Priority": 1.0},
            "18": {"Jobs": 7, "Sites": ["LCG.CERN.ch", "LCG.RAL.uk"], "OwnerGroup": "lhcb_prod"},
            "21": {"Jobs": 2, "OwnerGroup": "lhcb_user", "CPUTime": 86400},
        }

    def answer(self, request: Request) -> Reply:
        if request.method != "POST":
            return Reply.text("405: Method Not Allowed", 405, "text/html")
        if request.path != "/WorkloadManagement/Matcher":
            return Reply.text("404: Not Found", 404, "text/html")
        form = request.form()
        if form.get("method") != "getActiveTaskQueues" or form.get("args") != "[]":
            return Reply.of({"OK": False, "Errno": 1131, "Message": "Unknown method"}, 501)
        if not self.ok:
            return Reply.of({"OK": False, "Errno": 0, "Message": "Can't connect to TaskQueueDB"})
        return Reply.of({"OK": True, "Value": self.queues})


class DiracX(HttpServer):
    """The job summary of DiracX: bearer token, JSON in, a list out."""

    def __init__(self, tls: ssl.SSLContext | None = None, token: str = "good"):
        super().__init__(tls)
        self.token = token
        self.summary: Any = [
            {"Status": "Waiting", "Site": "LCG.CERN.ch", "count": 12},
            {"Status": "Waiting", "Site": "ANY", "count": 3},
        ]

    def answer(self, request: Request) -> Reply:
        if request.path != "/api/jobs/summary":
            return Reply.of({"detail": "Not Found"}, 404)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return Reply.of({"detail": "Invalid JWT"}, 401)
        if request.method != "POST" or request.headers.get("Content-Type") != "application/json":
            return Reply.of({"detail": [{"type": "model_attributes_type"}]}, 422)
        if set(request.json()) - {"grouping", "search"} or request.json()["grouping"] != ["Status", "Site"]:
            return Reply.of({"detail": [{"type": "extra_forbidden"}]}, 422)
        return Reply.of(self.summary)


class SlurmRest(HttpServer):
    """The jobs of slurmrestd as Slurm 24.11 tells them, with a token and a user in headers of their own."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        super().__init__(tls)
        self.errors: list[Any] = []
        self.jobs: list[dict[str, Any]] = [
            {"job_id": 1, "job_state": ["RUNNING"], "partition": "grid", "state_reason": "None"},
            {"job_id": 2, "job_state": ["PENDING"], "partition": "grid", "state_reason": "Resources"},
            {"job_id": 3, "job_state": ["PENDING"], "partition": "grid", "state_reason": "Dependency"},
            {
                "job_id": 4,
                "job_state": ["PENDING"],
                "partition": "grid,short",
                "state_reason": "Priority",
                "array_task_string": "5-8,10",
            },
        ]

    def answer(self, request: Request) -> Reply:
        if request.path != "/slurm/v0.0.40/jobs":
            return Reply.text("Unable to find requested URL", 404)
        if request.headers.get("X-SLURM-USER-TOKEN") != "jwt" or "Authorization" in request.headers:
            return Reply.text("Authentication failure", 401)
        return Reply.of({"jobs": self.jobs, "errors": self.errors, "warnings": [], "meta": {}})


class Kubernetes(HttpServer):
    """The list of pods, given in pages with a token for the next one."""

    def __init__(self, tls: ssl.SSLContext | None = None, page: int = 2):
        super().__init__(tls)
        self.page = page
        self.expired = False
        waiting = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        there = {"type": "PodScheduled", "status": "True"}
        self.pods = [
            self._pod("a", waiting),
            self._pod("a", waiting),
            self._pod("a", there),
            self._pod("b", waiting, queue="gpu"),
            self._pod("b", None),
        ]

    @staticmethod
    def _pod(namespace: str, condition: dict[str, str] | None, queue: str | None = None) -> dict[str, Any]:
        labels = {"kueue.x-k8s.io/queue-name": queue} if queue else {}
        status: dict[str, Any] = {"phase": "Pending"}
        if condition:
            status["conditions"] = [{"type": "Initialized", "status": "True"}, condition]
        return {"metadata": {"namespace": namespace, "labels": labels}, "status": status}

    def answer(self, request: Request) -> Reply:
        if request.headers.get("Authorization") != "Bearer good":
            return Reply.of({"kind": "Status", "status": "Failure", "reason": "Unauthorized"}, 401)
        assert request.query["fieldSelector"] == ["status.phase=Pending"]
        start = int(request.query.get("continue", ["0"])[0])
        if start and self.expired:
            return Reply.of({"kind": "Status", "status": "Failure", "reason": "Expired"}, 410)
        more = str(start + self.page) if start + self.page < len(self.pods) else ""
        metadata = {"resourceVersion": "1", **({"continue": more} if more else {})}
        items = self.pods[start : start + self.page]
        return Reply.of({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items})
