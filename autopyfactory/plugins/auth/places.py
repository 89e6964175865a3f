"""CEs in the words of credentials: their hosts, audiences and files."""

from __future__ import annotations

import re
from urllib.parse import quote

_SCHEME = re.compile(r"^[a-z]+://")


def host_of(place: str) -> str:
    """Return the host of a CE that is written as host, host:port or URL; empty for none."""
    bare = _SCHEME.sub("", place).partition("/")[0]
    return bare if bare.count(":") > 1 else bare.partition(":")[0]


def filled(audience: str, place: str) -> str:
    """Return an audience with {ce} and {host} replaced by the CE's."""
    return audience.replace("{ce}", place).replace("{host}", host_of(place))


def file_name(base: str, place: str) -> str:
    """Return the file for one CE: `base` itself, or with the CE's name added; two CEs never share one."""
    return f"{base}.{quote(place, safe='').replace('%', '~')}" if place else base
