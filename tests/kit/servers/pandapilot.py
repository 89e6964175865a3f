"""A PanDA server that pilots can fetch jobs from: the legacy API of panda-server 0.8, beside what 1.0.4 has.

panda-server 1.0.4 answers the legacy methods with 403 `method getJob is forbidden` (`forbidden`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from servers.base import Reply, Request
from servers.panda import PandaServer

LEGACY = {"getJob", "updateJob", "updateWorkerPilotStatus", "getStatus", "isAlive", "updateJobsInBulk"}
NO_JOB = 20
FINAL = ("finished", "failed", "closed", "cancelled")


class PilotPanda(PandaServer):
    """PanDA with jobs: `add_job` activates one; pilots take it, tell of it and finish it."""

    def __init__(self, queue: str, *, forbidden: Collection[str] = (), **given: Any):
        super().__init__(**given)
        self.queue = queue
        self.forbidden = forbidden
        self.files: dict[str, bytes] = {}  # path -> contents, without leave
        self.all_jobs: dict[int, dict[str, Any]] = {}
        self.told: dict[int, list[dict[str, str]]] = {}  # updates by job, in order
        self.workers: dict[int, tuple[str, str]] = {}  # job -> harvester, worker
        self.refused: list[str] = []
        self.state.sites = {queue: {"status": "online", "cloud": "US", "type": "unified"}}

    def add_job(self, transformation: str, parameters: str = "") -> int:
        """Activate a job; return its PandaID."""
        number = 1000 + len(self.all_jobs)
        self.all_jobs[number] = {
            "status": "activated",
            "transformation": transformation,
            "jobPars": parameters,
            "name": f"job.{number}",
        }
        return number

    def status(self, number: int) -> str:
        """Return the state of a job."""
        return str(self.all_jobs[number]["status"])

    def answer(self, request: Request) -> Reply:
        if request.path in self.files:
            return Reply(200, self.files[request.path])
        if request.path.startswith("/server/panda/"):
            method = request.path.rpartition("/")[2]
            if method in self.forbidden or method not in LEGACY:
                self.refused.append(method)
                return Reply.text(f"ERROR : method {method} is forbidden", 403)
            value = getattr(self, f"_legacy_{method}")(request.form())
            if request.headers.get("Accept") == "application/json":
                return Reply.of(value)
            return Reply.text(urlencode(value))
        self._count()
        return super().answer(request)

    def _count(self) -> None:
        counts: dict[str, int] = {}
        for job in self.all_jobs.values():
            if job["status"] not in FINAL:
                counts[job["status"]] = counts.get(job["status"], 0) + 1
        # a site with a finished job only is still one that the statistics know
        self.state.jobs = {self.queue: {"SCORE": {"managed": counts or {"activated": 0}}}}

    def _legacy_isAlive(self, form: dict[str, str]) -> dict[str, Any]:
        return {"StatusCode": 0}

    def _legacy_getStatus(self, form: dict[str, str]) -> dict[str, Any]:
        return {
            "StatusCode": 0,
            "status": self.all_jobs.get(int(form.get("ids", 0)), {}).get("status", "unknown"),
        }

    def _legacy_updateWorkerPilotStatus(self, form: dict[str, str]) -> dict[str, Any]:
        for needed in ("workerID", "harvesterID", "status"):
            if needed not in form:
                return {"StatusCode": 10, "ErrorDiag": f"missing {needed}"}
        return {"StatusCode": 0}

    def _legacy_updateJobsInBulk(self, form: dict[str, str]) -> list[Any]:
        return [True, [self._legacy_updateJob(one) for one in json.loads(form["jobList"])]]

    def _legacy_getJob(self, form: dict[str, str]) -> dict[str, Any]:
        for needed in ("siteName", "prodSourceLabel", "node"):
            if needed not in form:
                return {"StatusCode": 10, "errorDialog": f"missing {needed}"}
        waiting = [n for n, job in self.all_jobs.items() if job["status"] == "activated"]
        if form["siteName"] != self.queue or not waiting:
            return {"StatusCode": NO_JOB, "errorDialog": "no jobs in PanDA"}
        number, job = waiting[0], self.all_jobs[waiting[0]]
        job["status"] = "sent"
        harvester, worker = form.get("harvester_id"), form.get("worker_id")
        if harvester and worker and worker.isdecimal():
            self.workers[number] = (harvester, worker)
        return {
            "StatusCode": 0,
            "PandaID": number,
            "jobName": job["name"],
            "prodSourceLabel": "managed",
            "transformation": job["transformation"],
            "jobPars": job["jobPars"],
            "swRelease": "NULL",
            "homepackage": "NULL",
            "cmtConfig": "NULL",
            "inFiles": "",
            "outFiles": f"{job['name']}.log.tgz",
            "logFile": f"{job['name']}.log.tgz",
            "logGUID": "0" * 32,
            "GUID": "",
            "fsize": "",
            "checksum": "",
            "scopeIn": "",
            "scopeOut": "",
            "scopeLog": "panda",
            "ddmEndPointIn": "",
            "ddmEndPointOut": "LOCAL",
            "fileDestinationSE": "LOCAL",
            "destinationSE": "LOCAL",
            "destinationDblock": "panda.log",
            "realDatasets": "panda.log",
            "realDatasetsIn": "",
            "dispatchDblock": "NULL",
            "prodDBlocks": "NULL",
            "dispatchDBlockToken": "NULL",
            "dispatchDBlockTokenForOut": "NULL",
            "destinationDBlockToken": "NULL",
            "prodDBlockToken": "NULL",
            "taskID": 1,
            "jobsetID": 1,
            "jobDefinitionID": 1,
            "attemptNr": 1,
            "cloud": "US",
            "nSent": 0,
            "prodUserID": "test",
            "processingType": "test",
            "transferType": "NULL",
            "coreCount": 1,
            "minRamCount": 0,
            "maxDiskCount": 0,
            "maxCpuCount": 0,
            "maxWalltime": 3600,
            "currentPriority": 1000,
            "sourceSite": "NULL",
            "nucleus": "NULL",
            "resource_type": "SCORE",
            "creationTime": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
            "noExecStrCnv": "true",
        }

    def _legacy_updateJob(self, form: dict[str, str]) -> dict[str, Any]:
        number = int(form.get("jobId", "0"))
        if number not in self.all_jobs or "state" not in form:
            return {"StatusCode": 30, "ErrorDiag": "no such job"}
        self.told.setdefault(number, []).append(form)
        if self.all_jobs[number]["status"] not in FINAL:
            self.all_jobs[number]["status"] = form["state"]
        return {"StatusCode": 0, "command": "NULL"}
