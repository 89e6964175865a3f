"""Reports of our own wrappers over HTTP: `POST /` of `{"token", "state", "pilot", "seconds", "summary"}`.

Each pilot has a token of its own, so what is told comes from that pilot, or from who read its environment:
it is told in the history, and nothing is decided on it. What is decided on comes with the pilot's output.

A connection costs a thread for some seconds at most. What comes too often, too slowly or too large is cut.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import model_validator

from autopyfactory.external import atomicfile, strictjson
from autopyfactory.model import hostport, reporttoken
from autopyfactory.model.record import Event, FactoryEvent
from autopyfactory.model.text import printable
from autopyfactory.notify.listenaddress import ListenAddress, refuse_others
from autopyfactory.notify.wrapperpings import Limits
from autopyfactory.options.common import FACTORY
from autopyfactory.options.declare import Options, option
from autopyfactory.wrapper.summary import Summary, summary

log = logging.getLogger(__name__)

KEY = "reports.key"  # in the state directory
STATES = ("started", "running", "exiting")
MAX_BYTES = 65_536  # of a body
MAX_ELEMENTS = 5_000  # of its JSON
CONNECTIONS = 16  # at a time
PER_SECOND, BURST = 50.0, 200.0  # connections that are looked at; others are closed at once
SECONDS = 5.0  # that a whole request may take


class ReportOptions(Options):
    """Where reports of wrappers are taken."""

    listen: ListenAddress | None = option(
        None,
        key="reports.listen",
        scope=FACTORY,
        applies="start",
        description="host:port at which wrappers report by HTTP (see wrapper.report); unset: none do",
    )
    remote: bool = option(
        False,
        key="reports.remote",
        scope=FACTORY,
        applies="start",
        description="Whether reports.listen may be an address that other machines reach; pilots prove who"
        " they are, in clear unless a proxy for TLS stands in front",
    )

    @model_validator(mode="after")
    def _here(self) -> Self:
        refuse_others("reports", self.listen, remote=self.remote)
        return self


class ReportPart:
    """Declares the options of `[Factory]` for reports."""

    name: ClassVar[str] = "reports"
    Options = ReportOptions


@dataclass(frozen=True, slots=True)
class Report:
    """What one request says."""

    tag: str  # of its submission; this and its number there are proven
    proc: int
    pilot: str  # cluster.proc, the cluster by its own word
    state: str
    seconds: float  # since it started
    host: str
    summary: Summary | None  # at its end


def key(state_dir: Path) -> bytes:
    """Return the key of this factory's pilots' tokens, made when there is none. Raises OSError."""
    path = state_dir / KEY
    try:
        known = path.read_bytes()
    except FileNotFoundError:
        known = b""
    if len(known) == reporttoken.KEY_BYTES:
        return known
    fresh = secrets.token_bytes(reporttoken.KEY_BYTES)
    atomicfile.replace(path, fresh, mode=atomicfile.OWNER)
    return fresh


def key_for(options: object, state_dir: Path) -> bytes | None:
    """Return the key of a factory that takes reports; None: it takes none, or cannot keep one (logged)."""
    if not isinstance(options, ReportOptions) or options.listen is None:
        return None
    try:
        return key(state_dir)
    except OSError as err:
        log.error("no reports are taken: %s", err)
        return None


def parse(data: bytes, secret: bytes, now: float) -> Report:
    """Read a request's body. Raises PermissionError without a good token, ValueError for no report."""
    said = strictjson.loads(data, max_elements=MAX_ELEMENTS)
    if not isinstance(said, dict) or not isinstance(said.get("token"), str):
        raise ValueError("no token")
    who = reporttoken.bearer(secret, said["token"], now)
    if who is None:
        raise PermissionError("not a token of this factory, or one that is over")
    state, pilot, seconds = said.get("state"), said.get("pilot"), said.get("seconds")
    if state not in STATES:
        raise ValueError("no state")
    if type(seconds) is not int or not 0 <= seconds < 10**8:
        raise ValueError("no duration")
    cluster, _, proc = str(pilot).rpartition(".")
    if not (cluster.isdecimal() and len(cluster) <= 12 and cluster.isascii() and proc == str(who.proc)):
        raise ValueError("another pilot than the token's")
    last = summary(f"APF-SUMMARY {json.dumps(said['summary'])}") if "summary" in said else None
    host = printable(str(said.get("host", "")), 100)
    return Report(who.tag, who.proc, f"{cluster}.{proc}", state, seconds, host, last)


def event(report: Report, queue: str | None) -> FactoryEvent:
    """Return a report as an event for the history: a ping, of those that are the first to be deleted."""
    text = f"pilot {report.pilot} is {report.state} after {report.seconds:.0f} s"
    facts: dict[str, int | float | str] = {
        "pilot": report.pilot,
        "state": report.state,
        "seconds": report.seconds,
        "submission": report.tag,
        "host": report.host,
    }
    if report.host:
        text += f" on {report.host}"
    if (last := report.summary) is not None:
        facts |= {"exit": last.exit, "outcome": last.outcome, "reason": last.reason}
        if last.payloads is not None:
            facts["payloads"] = last.payloads
        text += f": {last.outcome}, {last.reason}, exit code {last.exit}"
        if (culprit := last.culprit) is not None:
            facts["check"] = culprit.name
            text += f" (check {culprit.name}: {culprit.reason or culprit.result})"
    return FactoryEvent("ping", datetime.now(UTC), text, queue, facts)


class Listener:
    """Takes reports for one factory on threads of its own and passes them on as events."""

    def __init__(
        self,
        address: str,
        secret: bytes,
        report: Callable[[Event], None],
        queue_of: Callable[[str], str | None] = lambda tag: None,
    ):
        """Start. `queue_of` tells the queue of a submission's tag, if it is known. Raises OSError."""
        self._secret, self._report, self._queue_of = secret, report, queue_of
        self._limits = Limits()
        self._lock = threading.Lock()
        self.taken = self.refused = 0
        self._server = _Server(hostport.parse(address), self._handle)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="reports", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        return self._server.server_address[1]

    @property
    def cut(self) -> int:
        """Return how many connections were closed unseen: too many, or too often."""
        return self._server.cut

    def close(self, timeout: float = 2.0) -> None:
        """Stop listening."""
        threading.Thread(target=self._server.shutdown, daemon=True).start()
        self._thread.join(timeout)
        self._server.server_close()

    def _handle(self, body: bytes) -> int:
        """Take one report; return the status of the answer."""
        try:
            said = parse(body, self._secret, time.time())
        except PermissionError:
            return self._refuse(403)
        except (ValueError, RecursionError):
            return self._refuse(400)
        # Many pilots may come from one address: a site's. So each pilot counts as a sender of its own.
        pilot = f"{said.tag}.{said.proc}"
        with self._lock:
            admitted = self._limits.admit(pilot, said.state, pilot, time.monotonic())
        if not admitted:
            return self._refuse(429)
        self.taken += 1
        self._report(event(said, self._queue_of(said.tag)))
        return 204

    def _refuse(self, status: int) -> int:
        self.refused += 1
        return status


class _Server(HTTPServer):
    """A thread for each connection that there is room for."""

    request_queue_size = 32

    def __init__(self, place: hostport.HostPort, handle: Callable[[bytes], int]):
        self.address_family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        self.handle_report = handle
        self.cut = 0
        self._room = threading.BoundedSemaphore(CONNECTIONS)
        self._allowance, self._since = BURST, time.monotonic()
        super().__init__((place.host, place.port_or(0)), _Handler)

    def server_bind(self) -> None:
        """Bind, without asking for our own name: that may take a while."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Work on a connection on a thread of its own, if it is to be looked at."""
        if not self._affordable() or not self._room.acquire(blocking=False):
            self.cut += 1
            self.shutdown_request(request)
            return
        work = threading.Thread(target=self._work, args=(request, client_address), name="report", daemon=True)
        try:
            work.start()
        except RuntimeError:  # this process may have no more threads now
            self.cut += 1
            self.shutdown_request(request)
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that break: anybody can break one."""

    def _affordable(self) -> bool:
        now = time.monotonic()
        self._allowance = min(BURST, self._allowance + (now - self._since) * PER_SECOND)
        self._since = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _work(self, request: socket.socket, client_address: Any) -> None:
        # The end of a slow one: whatever it sends in small pieces, its connection is shut after this time.
        end = threading.Timer(SECONDS, _shut, (request,))
        end.daemon = True
        try:
            end.start()
            self.finish_request(request, client_address)
        except (OSError, RuntimeError):
            pass  # it has gone, or was shut, or nobody can be found to shut it
        finally:
            end.cancel()
            self.shutdown_request(request)
            self._room.release()


def _shut(request: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is already
        request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One request, one answer."""

    server: _Server
    timeout = SECONDS
    server_version, sys_version = "AutoPyFactory", ""

    def do_POST(self) -> None:
        """Take a report."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and len(length) < 10):
            self._answer(411)
        elif int(length) > MAX_BYTES:
            self._answer(413)
        else:
            body = self.rfile.read(int(length))
            self._answer(self.server.handle_report(body) if len(body) == int(length) else 400)

    def do_HEAD(self) -> None:
        """Tell the time, which the answer's head does: pilots compare it with their node's."""
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: anybody can have us say something."""


def listener(
    options: object,
    secret: bytes | None,
    report: Callable[[Event], None],
    queue_of: Callable[[str], str | None] = lambda tag: None,
) -> Listener | None:
    """Return a running listener; None when none is wanted, or its address cannot be had (which is logged)."""
    if not isinstance(options, ReportOptions) or options.listen is None or secret is None:
        return None
    try:
        return Listener(options.listen, secret, report, queue_of)
    except OSError as err:
        log.error("no reports are taken on %s: %s", options.listen, err)
        return None
