"""One spelling for each schedd and each CE, however a configuration writes it. Pure text, asks nobody."""

from __future__ import annotations

import re

COLLECTOR_PORT, CE_PORT = 9618, 9619  # HTCondor's and HTCondor-CE's
_HERE = {"localhost", "localhost.localdomain", "127.0.0.1", "::1", "[::1]"}
_PORT = re.compile(r":(\d+)$")


def host(text: str, default_port: int | None = None) -> str:
    """Return `host[:port]` in one spelling: lower case, no final dot, no default port, one name for here.

    >>> host("CE01.Example.ORG.:9619", 9619)
    'ce01.example.org'
    """
    text = text.strip().lower()
    port = ""
    found = _PORT.search(text)
    if found and (text.count(":") == 1 or "]:" in text):  # else an IPv6 address without a port
        text, port = text[: found.start()], found[1]
    text = text.rstrip(".")
    text = "127.0.0.1" if text in _HERE else text
    return text if not port or int(port) == default_port else f"{text}:{int(port)}"


def ce(text: str) -> str:
    """Return the CE in one spelling.

    >>> ce("HTTPS://Ce.Example.Org/")
    'ce.example.org'
    """
    text = " ".join(text.split())
    name = re.sub(r"^[a-zA-Z][a-zA-Z0-9+.-]*://", "", text)
    name, slash, path = name.partition("/")
    return host(name, CE_PORT) + (slash + path).rstrip("/")


def schedd(text: str) -> str:
    """Return a schedd as people write it (`name` or `name@collector`, `(local)`) in one spelling.

    The name of a schedd may itself hold an `@`; only what follows the last one can be a collector, and that
    is a host either way: `ap@HOST` and `ap@host.` are one.

    >>> schedd("AP@Grid.Test@Collector.Example:9618")
    'ap@grid.test@collector.example'
    """
    name, at, where = text.strip().rpartition("@")
    return f"{name.lower()}@{host(where, COLLECTOR_PORT)}" if at else host(text, COLLECTOR_PORT)
