"""One spelling for each schedd and each CE, however a configuration writes it. Pure text, asks nobody."""

from __future__ import annotations

from functools import lru_cache

from autopyfactory.model import hostport

COLLECTOR_PORT, CE_PORT = 9618, 9619  # HTCondor's and HTCondor-CE's
_HERE = {"localhost", "localhost.localdomain", "127.0.0.1", "::1"}


@lru_cache(10_000)  # the same few names, over and over
def host(text: str, default_port: int | None = None) -> str:
    """Return `host[:port]` in one spelling: lower case, no final dot, no default port, one name for here.

    >>> host("CE01.Example.ORG.:9619", 9619)
    'ce01.example.org'
    """
    text = text.strip().lower().replace(".:", ":").rstrip(".")
    try:
        found = hostport.parse_endpoint(text)
    except ValueError:
        return text  # something else than a host: its name is all that is known
    name = "127.0.0.1" if found.host in _HERE else found.host
    return str(hostport.HostPort(name, None if found.port == default_port else found.port))


def ce(text: str) -> str:
    """Return the CE in one spelling.

    >>> ce("HTTPS://Ce.Example.Org/")
    'ce.example.org'
    """
    scheme, has_scheme, rest = text.strip().partition("://")
    name, slash, path = (rest if has_scheme else scheme).partition("/")
    return host(" ".join(name.split()), CE_PORT) + (slash + path).rstrip("/")


def schedd(text: str) -> str:
    """Return a schedd as people write it (`name` or `name@collector`, `(local)`) in one spelling.

    The name of a schedd may itself hold an `@`; only what follows the last one can be a collector, and that
    is a host either way: `ap@HOST` and `ap@host.` are one.

    >>> schedd("AP@Grid.Test@Collector.Example:9618")
    'ap@grid.test@collector.example'
    """
    name, at, where = text.strip().rpartition("@")
    return f"{name.lower()}@{host(where, COLLECTOR_PORT)}" if at else host(text, COLLECTOR_PORT)
