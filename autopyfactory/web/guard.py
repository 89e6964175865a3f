"""What every request passes: the name it asks for, its size, who asks; and the headers of every answer."""

from __future__ import annotations

import json
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autopyfactory.daemon.webchild import WebOptions
from autopyfactory.model import hostport
from autopyfactory.web.identity import Doorman, Refused

METHODS = ("GET", "HEAD", "POST")
LONGEST_QUERY = 8192  # bytes
OPEN = ("/health/live", "/health/ready")  # answered whoever asks
CHALLENGE = (
    b"www-authenticate",
    b'Basic realm="AutoPyFactory: any user, a token as password", charset="UTF-8"',
)
HEADERS = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self';"
        " img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none';"
        " base-uri 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "x-frame-options": "DENY",
    }.items()
)


class Guard:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, options: WebOptions, doorman: Doorman):
        self._app = app
        self._options = options
        self._doorman = doorman
        self._names = {"localhost", "127.0.0.1", "::1", options.host, *(n.lower() for n in options.names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope["headers"])

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in HEADERS if h[0] not in given)]
            await send(message)

        if wrong := self._wrong(scope, headers):
            await _refuse(guarded, *wrong)
            return
        try:
            who = self._doorman.identify(headers, scope["client"][0] if scope.get("client") else None)
        except Refused as err:
            await _refuse(guarded, 401, str(err))
            return
        if who.scope is None and self._options.identified and scope["path"] not in OPEN:
            await _refuse(guarded, 401, "reading needs an identity here")
            return
        scope.setdefault("state", {})["who"] = who
        if scope["method"] == "HEAD":  # as GET; the server leaves out the body
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, guarded)

    def _wrong(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        if scope["method"] not in METHODS:
            return 405, "GET, HEAD and POST are answered"
        if not self._named(headers.get("host", "")):
            return 421, "not a name of this server: see web.names"
        if len(scope["query_string"]) > LONGEST_QUERY:
            return 414, "the query is too long"
        return None

    def _named(self, host: str) -> bool:
        try:
            return hostport.parse(host).host.lower() in self._names
        except ValueError:
            return False


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by small name; one that comes twice counts as missing: nobody knows which holds."""
    found: dict[str, str] = {}
    twice = set()
    for name, value in raw:
        key = name.decode("latin-1").lower()
        if key in found:
            twice.add(key)
        found[key] = value.decode("latin-1")
    return {k: v for k, v in found.items() if k not in twice}


async def _refuse(send: Send, status: int, text: str) -> None:
    body = json.dumps({"error": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append(CHALLENGE)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
