"""The HTTP interface of a PanDA server, `/api/v1`, with what it is particular about.

The server wants to read exactly `Accept: application/json`, or it answers with the text form of a Python
object. Its content type is text/plain whatever it sends. Failures come with status 200 and `success: false`,
or as plain text with 403 and 500.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Hashable, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import model_validator

from autopyfactory.external.http import Answer, Client, Conditional, HttpError, Identity
from autopyfactory.options.declare import option
from autopyfactory.options.polled import PolledOptions, timeout_option
from autopyfactory.plugins.base import SourceError

GRID_CAS = "/etc/grid-security/certificates"
FASTEST = 60.0  # seconds: the server's own tables are made anew once a minute
_NO_METHOD = re.compile(r"ERROR : method \S* ?is forbidden")


class Refused(SourceError):
    """The server has answered, but not with what was asked for: asking again at once is of no use."""


class NoSuchMethod(Refused):
    """This server, being older or newer, does not have the method."""


class PandaServerOptions(PolledOptions):
    """How to reach a PanDA server; `prefixes` says under which name."""

    prefixes: ClassVar[tuple[str, ...]] = ("wmsstatus.panda",)
    url: str = option(
        "https://pandaserver.cern.ch:25443",
        key="{prefix}.url",
        pattern=r"^https?://[^/\s]+",
        description="The PanDA server, with or without /api/v1",
    )
    ca: str | None = option(
        None,
        key="{prefix}.capath",
        path=True,
        description="File or folder of the CAs to trust; unset: /etc/grid-security/certificates if that "
        "exists, else what the system trusts",
    )
    cert: str | None = option(
        None,
        key="{prefix}.certfile",
        path=True,
        description="Client certificate or proxy, if the server asks for one",
    )
    cert_key: str | None = option(
        None, key="{prefix}.keyfile", path=True, description="Key of the certificate; unset: in the same file"
    )
    token_file: str | None = option(
        None,
        key="{prefix}.tokenfile",
        path=True,
        description="File with a bearer token; read anew for every question",
    )
    origin: str | None = option(
        None,
        key="{prefix}.origin",
        description="<vo> or <vo>.<role> that the token is for; needed with a token",
    )
    timeout: float = timeout_option(30, "Time limit for one whole exchange", scope="queue")

    @model_validator(mode="after")
    def _token_needs_origin(self) -> PandaServerOptions:
        if self.token_file and not self.origin:
            prefix = self.prefixes[0]
            raise ValueError(f"{prefix}.tokenfile needs {prefix}.origin: the server refuses tokens without")
        return self

    def connection(self) -> tuple[Hashable, ...]:
        """Return what makes two plugins ask the same server as the same user."""
        return self.url, self.ca, self.cert, self.cert_key, self.token_file, self.origin, self.timeout


class PandaServer:
    """Asks one PanDA server. Raises SourceError for every answer that is not a success."""

    def __init__(self, options: PandaServerOptions):
        base = options.url.rstrip("/")
        self.base = base if "/api/" in base else f"{base}/api/v1"
        ca = options.ca or (GRID_CAS if base.startswith("https") and os.path.isdir(GRID_CAS) else None)
        headers = {"Accept": "application/json"}
        if options.origin and options.token_file:
            headers["Origin"] = options.origin
        self.client = Client(
            timeout=options.timeout,
            identity=Identity(ca, options.cert, options.cert_key, options.token_file),
            headers=headers,
        )
        self._conditional: dict[str, Conditional] = {}

    @property
    def fastest(self) -> float:
        """Return the shortest interval, in seconds, in which this server may be asked the same."""
        return 0.0 if _on_this_machine(self.base) else FASTEST

    def get(self, path: str, **params: Any) -> Any:
        """GET a method, for instance `statistics/active_job_stats_by_site`; return its data."""
        return self._data(self._try("GET", path, params=params))

    def get_changed(self, path: str) -> Any:
        """GET a method without parameters, conditionally where the server supports that."""
        url = f"{self.base}/{path}"
        question = self._conditional.setdefault(path, Conditional(self.client, url))
        try:
            return self._data(question.get())
        except HttpError as err:
            raise _told(err) from None

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST to a method; return its data."""
        return self._data(self._try("POST", path, json=dict(body)))

    def close(self) -> None:
        """Close connections."""
        self.client.close()

    def _try(self, method: str, path: str, **kwargs: Any) -> Answer:
        try:
            return self.client.request(method, f"{self.base}/{path}", **kwargs)
        except HttpError as err:
            raise _told(err) from None

    @staticmethod
    def _data(answer: Answer) -> Any:
        try:
            envelope = answer.json()
        except HttpError as err:
            raise Refused(str(err)) from None
        if not isinstance(envelope, dict) or not isinstance(envelope.get("success"), bool):
            raise Refused(f"{answer.url} answered without saying whether it succeeded: {answer.excerpt}")
        if not envelope["success"]:
            message = " ".join(str(envelope.get("message") or "no reason given").split())[:300]
            raise Refused(f"{answer.url} failed: {message}")
        return envelope.get("data")


def _told(err: HttpError) -> SourceError:
    if err.status == 403 and _NO_METHOD.search(str(err)):
        return NoSuchMethod(str(err))
    return SourceError(str(err)) if err.status is None else Refused(str(err))


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
