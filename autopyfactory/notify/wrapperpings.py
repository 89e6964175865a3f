"""UDP pings of pilot wrappers: `VERSION FACTORY:CID STATE SECONDS QUEUE CE HARVESTER WORKER LOGURL`.

Wrappers of today send one datagram when they start, end or fail. Nobody proves who sent it, so it is told
in the history and nothing is decided on it. Nor may it fill the history: one row per pilot and state, short
fields, limits per sender and for all, and the oldest pings are the first to go (`history.maxsize`).
"""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Self

from pydantic import model_validator

from autopyfactory.model import hostport
from autopyfactory.model.record import Event, FactoryEvent
from autopyfactory.notify.listenaddress import ListenAddress, refuse_others
from autopyfactory.options.common import FACTORY
from autopyfactory.options.declare import Options, option

log = logging.getLogger(__name__)

MAX_BYTES = 2048
MAX_PER_SECOND = 200  # of all senders
MAX_PER_HOUR = 100_000
SENDER_BURST, SENDER_RATE = 100.0, 5.0  # pings that one address may send at once, and then in a second
SENDERS, PILOTS = 4096, 100_000  # how many are remembered, the latest ones
LONGEST = 100  # characters of a field
STATES = ("running", "exiting", "fault")
_CID = re.compile(r"\d{1,12}\.\d{1,9}$")


class PingOptions(Options):
    """Where pings of wrappers are taken."""

    listen: ListenAddress | None = option(
        None,
        key="pings.listen",
        scope=FACTORY,
        applies="start",
        description="host:port on which UDP pings of wrappers are taken into the history; unset: none are",
    )
    remote: bool = option(
        False,
        key="pings.remote",
        scope=FACTORY,
        applies="start",
        description="Whether pings.listen may be an address that other machines reach: anybody there can then"
        " write into the history",
    )

    @model_validator(mode="after")
    def _here(self) -> Self:
        refuse_others("pings", self.listen, remote=self.remote)
        return self


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
    if len(words) < 4 or len(words) > 12 or not all(w.isprintable() for w in words):
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
    if max(map(len, (version, queue, ce))) > LONGEST:
        raise ValueError("a field that is too long")
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
        self._limits = Limits()
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
        elif not self._limits.admit(ping.cid, ping.state, sender, time.monotonic()):
            self.refused += 1
        else:
            self.taken += 1
            self._report(event(ping, sender))


class Limits:
    """What of all pings gets through; for one thread."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._senders: OrderedDict[str, tuple[float, float]] = OrderedDict()  # allowance left, as of when
        self._second = self._hour = (0, 0)  # which one it is, and how many pings it brought

    def admit(self, pilot: str, state: str, sender: str, now: float) -> bool:
        """Whether a ping gets through at monotonic time `now`: the first of its kind, within limits."""
        if not self._within(sender, now) or (pilot, state) in self._seen:
            return False
        self._second = _counted(self._second, int(now))
        self._hour = _counted(self._hour, int(now // 3600))
        if self._second[1] > MAX_PER_SECOND or self._hour[1] > MAX_PER_HOUR:
            return False
        self._seen[pilot, state] = None
        if len(self._seen) > PILOTS:
            self._seen.popitem(last=False)
        return True

    def _within(self, sender: str, now: float) -> bool:
        left, since = self._senders.pop(sender, (SENDER_BURST, now))
        left = min(SENDER_BURST, left + (now - since) * SENDER_RATE)
        allowed = left >= 1
        self._senders[sender] = (left - 1 if allowed else left, now)
        if len(self._senders) > SENDERS:
            self._senders.popitem(last=False)
        return allowed


def _counted(before: tuple[int, int], period: int) -> tuple[int, int]:
    return period, before[1] + 1 if before[0] == period else 1


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
