"""`host`, `host:port` and URLs, as people write them for a server or a CE: understood, or refused.

The only parser of such text. What is refused says why, for whoever wrote it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

HIGHEST_PORT = 65535
_NAME = re.compile(r"\w(?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)*", re.ASCII)
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)")


@dataclass(frozen=True, slots=True)
class HostPort:
    """A host (a name, an IPv4 or an IPv6 address without brackets) and its port, if one is named."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def port_or(self, port: int) -> int:
        """Return the port that is named, else `port`."""
        return port if self.port is None else self.port

    def or_port(self, port: int) -> HostPort:
        """Return the same with `port`, unless it names one already."""
        return HostPort(self.host, self.port_or(port))


def parse(text: str) -> HostPort:
    """Read `host`, `host:port`, `[IPv6]`, `[IPv6]:port` or a bare IPv6 address.

    Port 0 is understood: who listens may mean any. Raises ValueError with the reason.
    """
    text = text.strip()
    _refuse_what_is_something_else(text)
    host, port = _split(text)
    if not _is_host(host):
        raise ValueError(f"{text!r:.80} has no name or address of a host")
    return HostPort(host, None if port is None else _number(port))


def parse_endpoint(text: str) -> HostPort:
    """Read what `parse` reads, or a URL `scheme://host:port/path` of which only host and port are wanted.

    Raises ValueError with the reason.
    """
    match = _URL.match(text.strip())
    if match is None:
        return parse(text)
    if "@" in match["authority"]:
        raise ValueError("a user in the URL of a server")
    return parse(match["authority"])


def checked(text: str) -> str:
    """Return `text` if `parse` understands it, or if it is empty (nothing is set). Raises ValueError."""
    if text.strip():
        parse(text)
    return text.strip()


def _refuse_what_is_something_else(text: str) -> None:
    if not text:
        raise ValueError("no host is named")
    if "://" in text:
        raise ValueError(f"{text!r:.80} is a URL: only host or host:port is wanted here")
    if "," in text or re.search(r"\s", text):
        raise ValueError(f"{text!r:.80} is more than one host: only one can be named here")
    host, slash, rest = text.partition("/")
    if slash:
        what = "a gatekeeper's batch system" if rest.startswith("jobmanager") else "a path"
        raise ValueError(f"{'/' + rest!r:.80} is {what}, meaningless here: only {host!r:.80} is wanted")


def _split(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")) or not _is_ipv6(host):
            raise ValueError(f"{text!r:.80} is not an IPv6 address in brackets")
        return host, rest[1:] if rest else None
    if _is_ipv6(text):
        return text, None
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, None
    if ":" in host:
        raise ValueError(f"{text!r:.80} has several colons; with an IPv6 address it is [ADDRESS]:PORT")
    return host, port


def _number(text: str) -> int:
    if not text:
        raise ValueError("a colon, and no port after it")
    digits = text.lstrip("0")  # so that the first few tell how large it is
    if not (text.isascii() and text.isdigit()) or int(digits[:7] or 0) > HIGHEST_PORT:
        raise ValueError(f"{text!r:.40} is not a port: 1 to {HIGHEST_PORT}")
    return int(digits or 0)


def _is_host(text: str) -> bool:
    if ":" in text:
        return _is_ipv6(text)
    return len(text) <= 253 and _NAME.fullmatch(text) is not None


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone means something on this machine only
