"""Tells a CE that is down from one that does not want us: on the access point both look the same.

The schedd only says that the grid resource is unavailable, be it a dead host, a wrong name or a credential
that is not accepted. So we try the door ourselves, with a time limit.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.target import Target
from autopyfactory.external.nameservice import NoNameService, NoSuchHost, addresses
from autopyfactory.model import hostport
from autopyfactory.model.record import Troubles
from autopyfactory.why.holds import NO_ANSWER

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


Verdict = tuple[Literal["ce-unknown", "ce-down", "ce-refuses", ""], str]


def probe(resource: str, deadline: float) -> Verdict | None:
    """Try the CE of `resource`, within `deadline` seconds; None when there is no door to try.

    Returns what it means (empty: nothing certain) and what was seen.
    """
    place = door(resource)
    if place is None:
        return None
    try:
        found = addresses(place.host, min(CONNECT, deadline))
    except NoSuchHost as err:
        return "ce-unknown", str(err)
    except NoNameService as err:
        return "", f"{place.host} cannot be found: {err}"
    try:
        socket.create_connection((found[0], place.port), min(CONNECT, deadline)).close()
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
        if re.search(NO_ANSWER, text):  # without how long was waited: one trouble, one text, whoever asks
            return "ce-down", f"{place.collector} accepts connections, and then its collector says nothing"
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


class Probes:
    """Tries CEs for all queues, each once in a while, and not for longer than a round may take."""

    def __init__(self, fresh: float = 300.0, budget: float = 15.0):
        """Prepare: what was seen counts for `fresh` seconds, and a round takes `budget` seconds at most."""
        self._fresh = fresh
        self._budget = budget
        self._seen: dict[str, tuple[float, Verdict | None]] = {}

    def round(self, found: Mapping[str, Troubles]) -> dict[str, Troubles]:
        """Return the troubles of queues with what their CEs showed, where pilots wait for one."""
        now = time.monotonic()
        end = now + self._budget
        self._seen = {ce: seen for ce, seen in self._seen.items() if seen[0] > now - self._fresh}
        for ce in dict.fromkeys(t.ce for t in found.values() if t.ce_down and t.ce):
            left = end - time.monotonic()
            if ce not in self._seen and left > 0:
                self._seen[ce] = time.monotonic(), probe(ce, left)
        return {queue: self._with_verdict(t) for queue, t in found.items()}

    def _with_verdict(self, t: Troubles) -> Troubles:
        verdict = self._seen.get(t.ce, (0.0, None))[1] if t.ce_down else None
        return replace(t, probe_code=verdict[0], probe=verdict[1]) if verdict else t


def probed(troubles: Troubles, deadline: float) -> Troubles:
    """Return `troubles` with what a try of the CE showed, if pilots wait for one that seems down."""
    if not troubles.ce_down or not troubles.ce:
        return troubles
    verdict = probe(troubles.ce, deadline)
    return replace(troubles, probe_code=verdict[0], probe=verdict[1]) if verdict else troubles
