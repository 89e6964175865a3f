"""Tells a CE that is down from one that does not want us: on the access point both look the same.

The schedd only says that the grid resource is unavailable, be it a dead host, a wrong name or a credential
that is not accepted. So we try the door ourselves, with a time limit, and only when somebody asks why.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, replace
from typing import Literal

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.target import Target
from autopyfactory.model import hostport
from autopyfactory.model.record import Troubles

CONDOR_PORT, HTTPS_PORT, SSH_PORT = 9618, 443, 22
CONNECT = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Door:
    """Where a CE listens."""

    host: str
    port: int
    schedd: str | None = None  # its name, when the CE is an HTCondor one

    @property
    def collector(self) -> str:
        """Return `host:port`."""
        return str(hostport.HostPort(self.host, self.port))


def door(resource: str) -> Door | None:
    """Return where the CE of a GridResource listens; None when it has no address (a local batch system)."""
    words = resource.split()
    kind = words[0].lower() if words else ""
    if kind == "condor" and len(words) >= 3:
        return _door(words[2], CONDOR_PORT, words[1])
    if kind in ("arc", "ec2", "nordugrid") and len(words) >= 2:
        return _door(words[1], HTTPS_PORT)
    if kind == "batch" and len(words) >= 3 and not words[2].startswith("-"):
        return _door(words[2], SSH_PORT)
    return None


def _door(text: str, port: int, schedd: str | None = None) -> Door | None:
    address = re.split("[/?]", text.rpartition("://")[2], maxsplit=1)[0]
    try:
        place = hostport.parse(address.rpartition("@")[2])  # user@host: a batch system over SSH
    except ValueError:
        return None
    return Door(place.host, place.port_or(port), schedd)


Verdict = tuple[Literal["ce-down", "ce-refuses", ""], str]


def probe(resource: str, deadline: float) -> Verdict | None:
    """Try the CE of `resource`, within `deadline` seconds; None when there is no door to try.

    Returns what it means (empty: nothing certain) and what was seen.
    """
    place = door(resource)
    if place is None:
        return None
    try:
        socket.create_connection((place.host, place.port), min(CONNECT, deadline)).close()
    except OSError as err:
        return "ce-down", f"no connection to {place.collector} ({err.strerror or err})"
    if place.schedd is None:
        return "ce-refuses", f"{place.collector} accepts connections"
    return _ask_collector(place, max(1.0, deadline - CONNECT))


def _ask_collector(place: Door, deadline: float) -> Verdict:
    client = CondorClient(Target(place.schedd, place.collector))
    try:
        client.locate(deadline=deadline)
    except CondorError as err:
        text = str(err)
        if "knows no schedd" in text:
            return "ce-down", f"its collector answers and does not know the schedd {place.schedd}"
        if re.search(r"SECMAN|AUTHENTICATE|DENIED|SECURITY", text):
            return "ce-refuses", f"its collector does not let us in: {text}"
        return "", f"{place.collector} accepts connections, and then: {text}"
    finally:
        client.close()
    return (
        "ce-refuses",
        "its collector answers and knows the schedd, so it is the schedd's door that stays shut",
    )


def probed(troubles: Troubles, deadline: float) -> Troubles:
    """Return `troubles` with what a try of the CE showed, if pilots wait for one that seems down."""
    if not troubles.ce_down or not troubles.ce:
        return troubles
    verdict = probe(troubles.ce, deadline)
    return replace(troubles, probe_code=verdict[0], probe=verdict[1]) if verdict else troubles
