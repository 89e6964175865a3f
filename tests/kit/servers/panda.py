"""A PanDA server's /api/v1 as panda-server 1.0.4 answered, with its quirks."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from servers.base import HttpServer, Reply, Request

Detailed = dict[str, dict[str, dict[str, dict[str, int]]]]

EXAMPLE: Detailed = {
    "TEST_SITE_A": {
        "SCORE": {
            "managed": {"starting": 2, "assigned": 3, "defined": 4},
            "user": {"activated": 5},
        },
        "MCORE": {"managed": {"activated": 25, "running": 10}},
    },
    "TEST_SITE_B": {"SCORE": {"rc_test": {"activated": 4}}},
}

METHODS = {
    "statistics/active_job_stats_by_site": ("GET", set()),
    "statistics/active_job_detailed_stats_by_site": ("GET", set()),
    "metaconfig/get_site_specs": ("GET", {"type"}),
    "harvester/heartbeat": ("POST", {"harvester_id", "data"}),
    "harvester/report_worker_statistics": ("POST", {"harvester_id", "panda_queue", "statistics"}),
    "harvester/acquire_commands": ("POST", {"harvester_id", "n_commands", "timeout"}),
    "harvester/acknowledge_commands": ("POST", {"command_ids"}),
    "system/is_alive": ("GET", set()),
}
NEEDS_IDENTITY = {m for m in METHODS if m.startswith("harvester/")}
NEEDS_PRODUCTION = {"harvester/acquire_commands", "harvester/acknowledge_commands"}
DATABASE = "Database failure getting the job statistics"


@dataclass
class Token:
    """What a token says; the server knows a token by its text."""

    vo: str = "atlas"
    groups: tuple[str, ...] = ("atlas/production",)
    expired: bool = False


@dataclass
class State:
    """What the server knows."""

    jobs: Detailed = field(default_factory=lambda: json.loads(json.dumps(EXAMPLE)))
    sites: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "TEST_SITE_A": {"status": "online", "cloud": "US", "type": "unified", "capability": "ucore"},
            "TEST_SITE_A/SCORE": {"status": "online", "cloud": "US", "type": "unified"},
            "TEST_SITE_B": {"status": "test", "cloud": "CERN", "type": "analysis", "capability": "score"},
            "TEST_SITE_C": {"status": "offline", "cloud": "DE", "type": "production"},
        }
    )
    detailed: bool = True  # servers before 2026-02 have no detailed statistics
    plain: bool = True
    database: bool = True
    tokens: dict[str, Token] = field(default_factory=dict)
    production: set[str] = field(default_factory=lambda: {"pilot"})  # common names
    harvesters: set[str] = field(default_factory=set)
    worker_statistics: dict[tuple[str, str], Any] = field(default_factory=dict)
    commands: list[dict[str, Any]] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    last_command: int = 0


class Decimal:
    """Stands for the numbers of the real server's database driver in the Python form of an answer."""

    def __init__(self, number: int):
        self.number = number

    def __repr__(self) -> str:
        return f"Decimal('{self.number}')"


def _decimals(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _decimals(v) for k, v in value.items()}
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _filled(statuses: Mapping[str, int]) -> dict[str, int]:
    """Three statuses are always there, others only when not zero; merging never."""
    shown = {s: n for s, n in statuses.items() if n and s != "merging"}
    return {**shown, **{s: statuses.get(s, 0) for s in ("assigned", "activated", "running")}}


class PandaServer(HttpServer):
    """Answers like panda-server 1.0.4 from `state`."""

    def __init__(self, tls: ssl.SSLContext | None = None, **given: Any):
        super().__init__(tls)
        self.state = State(**given)

    def answer(self, request: Request) -> Reply:
        fields = request.path.split("/")[1:]
        method = "/".join(fields[2:])
        if len(fields) != 4 or fields[:2] != ["api", "v1"] or not self._has(method):
            return Reply.text(f"ERROR : method {fields[-1]} is forbidden", 403)
        who, refusal = self._who(request)
        if refusal is not None:
            return refusal
        wants, allowed = METHODS[method]
        if request.method != wants:
            return self._say(request, False, f"expecting {wants}, received {request.method}", None)
        arguments, broken = self._arguments(request)
        if broken is not None:
            return broken
        for name in arguments:
            if name not in allowed:
                text = f"Argument error: got an unexpected keyword argument '{name}'"
                return self._say(request, False, text, None)
        if method in NEEDS_IDENTITY and who is None:
            return self._say(request, False, "SSL secure connection is required", None)
        if method in NEEDS_PRODUCTION and who not in self.state.production:
            return self._say(request, False, "production or pilot role required", None)
        return self._say(request, *getattr(self, "_" + fields[3])(**arguments))

    def _has(self, method: str) -> bool:
        if method == "statistics/active_job_detailed_stats_by_site":
            return self.state.detailed
        if method == "statistics/active_job_stats_by_site":
            return self.state.plain
        return method in METHODS

    def _who(self, request: Request) -> tuple[str | None, Reply | None]:
        """Return the caller; a token is checked even where none is needed."""
        authorization = request.headers.get("Authorization", "")
        if not authorization.startswith("Bearer "):
            return request.client_cert, None
        token = self.state.tokens.get(authorization.removeprefix("Bearer "))
        text = "ERROR : Token authentication failed. "
        if "Origin" not in request.headers:
            trace = "Traceback (most recent call last):\n  File ...\nKeyError: 'Origin'"
            return None, Reply.text(text + trace, 403)
        if token is None:
            return None, Reply.text(text + "Invalid token. Signature verification failed", 403)
        if token.expired:
            return None, Reply.text(text + "Invalid token. Signature has expired", 403)
        vo, _, role = request.headers["Origin"].replace(":", ".").partition(".")
        if vo != token.vo or (role and f"{vo}/{role}" not in token.groups):
            return None, Reply.text(text + f"Not a member of {vo}/{role}", 403)
        return "pilot", None

    @staticmethod
    def _arguments(request: Request) -> tuple[dict[str, Any], Reply | None]:
        if request.method == "GET":
            return {k: v[0] for k, v in request.query.items()}, None
        if request.headers.get("Content-Type") != "application/json":
            return request.form(), None
        try:
            return request.json(), None
        except ValueError as err:
            return {}, Reply.text(f"ERROR : received invalid JSON : {err}", 500)

    @staticmethod
    def _say(request: Request, success: bool, message: str, data: Any) -> Reply:
        value = {"success": success, "message": message, "data": data}
        if request.headers.get("Accept") == "application/json":  # no other spelling will do
            return Reply.text(json.dumps(value))
        return Reply.text(repr(_decimals(value)))

    def _is_alive(self) -> tuple[bool, str, Any]:
        return True, "", "alive=yes"

    def _active_job_detailed_stats_by_site(self) -> tuple[bool, str, Any]:
        data = {
            site: {t: {label: _filled(s) for label, s in labels.items()} for t, labels in types.items()}
            for site, types in self.state.jobs.items()
        }
        return self._statistics(data, " with resource_type and prodsourcelabel")

    def _active_job_stats_by_site(self) -> tuple[bool, str, Any]:
        data: dict[str, dict[str, int]] = {}
        for site, types in self.state.jobs.items():
            total: dict[str, int] = {}
            for statuses in (s for labels in types.values() for s in labels.values()):
                for status, n in statuses.items():
                    total[status] = total.get(status, 0) + n
            data[site] = _filled(total)
        return self._statistics(data)

    def _statistics(self, data: Any, of: str = "") -> tuple[bool, str, Any]:
        if not self.state.database or not data:  # no job anywhere looks like a broken database
            return False, DATABASE + of, {}
        return True, "", data

    def _get_site_specs(self, type: str = "analysis") -> tuple[bool, str, Any]:
        if not self.state.database:
            return True, "", {}
        wanted = self.state.sites.items()
        return True, "", {k: v for k, v in wanted if type == "all" or v.get("type") == type}

    def _heartbeat(self, harvester_id: str, data: Any = None) -> tuple[bool, str, Any]:
        if not isinstance(data, dict):
            return False, "Type error: 'data' must be of type dict", None
        known = harvester_id in self.state.harvesters
        self.state.harvesters.add(harvester_id)  # the first call registers, but says that it failed
        return (True, "", None) if known else (False, f"instance {harvester_id} unknown", None)

    def _report_worker_statistics(
        self, harvester_id: str, panda_queue: str, statistics: Any
    ) -> tuple[bool, str, Any]:
        if not isinstance(statistics, str):
            return False, "Type error: 'statistics' must be of type str, got dict.", None
        told = {
            job_type: {r: n for r, n in by_type.items() if r != "Undefined"}  # passed over without a word
            for job_type, by_type in json.loads(statistics).items()
        }
        self.state.worker_statistics[harvester_id, panda_queue] = told
        return True, "OK", None

    def _acquire_commands(
        self, harvester_id: str, n_commands: int, timeout: int = 30
    ) -> tuple[bool, str, Any]:
        if harvester_id not in self.state.harvesters:
            return False, "unknown instance", None
        given = self.state.commands[: int(n_commands)]
        del self.state.commands[: int(n_commands)]
        return True, "", given

    def order_workers(self, harvester_id: str, panda_queue: str) -> dict[str, int] | None:
        """Do what the server does every five minutes: order what its counts are short of, plus one.

        Returns what was ordered by resource type; None if the queue's workers were never reported.
        """
        told = self.state.worker_statistics.get((harvester_id, panda_queue), {})
        reported = [by_type for by_type in told.values() if by_type]
        if not reported:
            return None
        queued: dict[str, int] = {}
        for by_type in reported:
            for resource_type, numbers in by_type.items():
                queued[resource_type] = queued.get(resource_type, 0) + numbers["submitted"]
        for resource_type, by_label in self.state.jobs.get(panda_queue, {}).items():
            activated = sum(statuses.get("activated", 0) for statuses in by_label.values())
            if activated:
                queued[resource_type] = queued.get(resource_type, 0) - activated
        new = {r: 1 - n if n < 0 else 0 for r, n in queued.items()}
        if not any(new.values()):
            new = {"SCORE": 1}  # one at least, that the queue is not taken for dead
        text = f"SET_N_WORKERS_JOBTYPE:{panda_queue}"
        self.state.commands = [c for c in self.state.commands if c["command"] != text]
        self.state.last_command += 1
        entry = {"command_id": self.state.last_command, "command": text, "params": {"managed": new}}
        self.state.commands.append({**entry, "ack_requested": 0, "creation_date": "2026-11-22T19:36:19"})
        return new

    def _acknowledge_commands(self, command_ids: list[int]) -> tuple[bool, str, Any]:
        self.state.acknowledged += command_ids
        return True, "", True
