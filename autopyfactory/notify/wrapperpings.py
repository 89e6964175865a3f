"""UDP pings of pilot wrappers: `VERSION FACTORY:CID STATE SECONDS QUEUE CE HARVESTER WORKER LOGURL`.

Wrappers of today send one datagram when they start, end or fail. Nobody proves who sent it, so it is told
in the history and nothing is decided on it.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator

from autopyfactory.model import hostport
from autopyfactory.model.record import Event, FactoryEvent
from autopyfactory.options.common import FACTORY
from autopyfactory.options.declare import Options, option

log = logging.getLogger(__name__)

MAX_BYTES = 2048
MAX_PER_SECOND = 200
STATES = ("running", "exiting", "fault")
_CID = re.compile(r"\d{1,12}\.\d{1,9}$")


def _with_port(text: str) -> str:
    if hostport.parse(text).port is None:
        raise ValueError("names no port: host:port is wanted")
    return text


class PingOptions(Options):
    """Where pings of wrappers are taken."""

    listen: Annotated[str, AfterValidator(_with_port)] | None = option(
        None,
        key="pings.listen",
        scope=FACTORY,
        description="host:port on which UDP pings of wrappers are taken into the history; unset: none are",
    )


class PingPart:
    """Declares the options of `[Factory]` for pings."""

    name: ClassVar[str] = "pings"
    Options = PingOptions


@dataclass(frozen=True, slots=True)
class Ping:
    """What one datagram says."""

    factory: str
    cid: str  # cluster.proc of the pilot
    state: str
    seconds: float  # since the wrapper started
    wrapper: str = ""  # version
    queue: str = ""  # as the WMS calls it
    ce: str = ""


def parse(data: bytes) -> Ping:
    """Read one datagram. Raises ValueError for anything that is no ping."""
    words = data.decode("ascii").split()
    if len(words) < 4 or len(words) > 12:
        raise ValueError("not the words of a ping")
    version, who, state, seconds, *rest = words
    factory, colon, cid = who.rpartition(":")
    if not colon or not factory or not _CID.match(cid):
        raise ValueError("no factory and pilot")
    if state not in STATES:
        raise ValueError("no state")
    duration = float(seconds)
    if not 0 <= duration < 1e8:
        raise ValueError("no duration")
    queue, ce = ([*rest, "", ""])[:2]
    return Ping(factory, cid, state, duration, version, queue, ce)


class Listener:
    """Takes pings for one factory on a thread of its own and passes them on as events."""

    def __init__(self, address: str, factory: str, report: Callable[[Event], None]):
        place = hostport.parse(address)
        self._factory = factory
        self._report = report
        family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((place.host, place.port_or(0)))
        self._socket.settimeout(0.5)
        self._stop = threading.Event()
        self._second = (0, 0)  # which second it is, and how many pings it brought
        self.taken = self.refused = self.foreign = 0
        self._thread = threading.Thread(target=self._run, name="pings", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        port: int = self._socket.getsockname()[1]
        return port

    def close(self, timeout: float = 2.0) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join(timeout)
        self._socket.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                data, sender = self._socket.recvfrom(MAX_BYTES)
            except TimeoutError:
                continue
            except OSError as err:
                log.warning("pings are no longer taken: %s", err)
                return
            self._take(data, sender[0])

    def _take(self, data: bytes, sender: str) -> None:
        try:
            ping = parse(data)
        except ValueError:
            self.refused += 1
            return
        if ping.factory != self._factory:
            self.foreign += 1
        elif self._too_many():
            self.refused += 1
        else:
            self.taken += 1
            self._report(event(ping, sender))

    def _too_many(self) -> bool:
        now = int(time.monotonic())
        second, count = self._second
        self._second = (now, count + 1 if second == now else 1)
        return self._second[1] > MAX_PER_SECOND


def event(ping: Ping, sender: str) -> FactoryEvent:
    """Return a ping as an event for the history."""
    facts: dict[str, int | float | str] = {
        "pilot": ping.cid,
        "state": ping.state,
        "seconds": ping.seconds,
        "wrapper": ping.wrapper,
        "wmsqueue": ping.queue,
        "ce": ping.ce,
        "sender": sender,
    }
    text = f"pilot {ping.cid} is {ping.state} after {ping.seconds:.0f} s"
    return FactoryEvent("ping", datetime.now(UTC), text, None, facts)


def listener(options: object, factory: str, report: Callable[[Event], None]) -> Listener | None:
    """Return a running listener; None when none is wanted, or its address cannot be had (which is logged)."""
    if not isinstance(options, PingOptions) or options.listen is None:
        return None
    try:
        return Listener(options.listen, factory, report)
    except OSError as err:
        log.error("no pings are taken on %s: %s", options.listen, err)
        return None
