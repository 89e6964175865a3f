"""Where a redirect leads, and what may go along: what was meant for one server is for that server only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

STATUSES = frozenset({301, 302, 303, 307, 308})
# What says nothing about us and opens nothing. Validators are words of the servers themselves.
NEUTRAL = frozenset({"accept", "accept-encoding", "user-agent", "if-none-match", "if-modified-since"})
_NO_URL = re.compile(r"[^\x21-\x7e]|\\")
_PORTS = {"http": 80, "https": 443}


class RedirectError(Exception):
    """A redirect that is not followed; the text says why."""


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of `url`. Raises ValueError when it has no sound ones."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme)


def follow(url: str, location: str, *, method: str, body: bool) -> str:
    """Return the URL to which a server redirects the question `method` `url`. Raises RedirectError.

    Never with a body, nor from https to http, nor to what is no plain http(s) URL.
    """
    if body or method not in ("GET", "HEAD"):
        raise RedirectError(f"redirects a {method}: what was sent is not sent again elsewhere")
    if not location or _NO_URL.search(location):
        raise RedirectError(f"redirects to what is no URL: {location!r:.80}")
    try:
        target = urljoin(url, location)
        scheme, host, _ = origin(target)
    except ValueError as err:
        raise RedirectError(f"redirects to what is no URL: {err}") from None
    if scheme not in _PORTS or not host:
        raise RedirectError(f"redirects to what is no URL: {location!r:.80}")
    if scheme == "http" and origin(url)[0] == "https":
        raise RedirectError("redirects from https to plain http: not followed")
    return target


def neutral(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those of `headers` that may go to a server which nobody configured."""
    return {name: value for name, value in headers.items() if name.lower() in NEUTRAL}
