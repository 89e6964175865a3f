"""Looks after pilots that go wrong: feeds the breakers, and acts on held and lost pilots.

One thread. It asks each schedd for its stuck pilots, through the clients that reports use, so that no cycle
waits for it; what endings show it takes in as they come.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from autopyfactory.accounting import spelling
from autopyfactory.breakers.registry import Address, Breakers
from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.quoting import constraint_string
from autopyfactory.condor.target import Target
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.factory import evidence
from autopyfactory.factory.heldpilots import ASK, HeldPilots, Surroundings, held
from autopyfactory.model.clock import Clock
from autopyfactory.model.ending import Ending
from autopyfactory.why.schedds import reporting_client
from autopyfactory.why.treatment import RELEASES, SENT_WITH, only
from autopyfactory.why.troubles import STUCK, mine

log = logging.getLogger("autopyfactory.pilotcare")

INTERVAL = 60.0  # seconds between two rounds
GATHER = 1.0  # seconds that news of one pilot waits for those of others
SPACED = 5.0  # seconds between two judgements
AGAIN = 5.0  # seconds between two looks whether pilots that run have proved themselves
LOST_EVERY = 300.0  # seconds between two looks for lost pilots
LIMIT = 5000  # ads per question
SAMPLE = 500  # running pilots of suspects: more would say nothing new
STUCK_ADS = (
    "MATCH_APF_QUEUE", "JobStatus", "HoldReason", "HoldReasonCode", "EnteredCurrentStatus", "ClusterId",
    "ProcId", "GridResourceUnavailableTime", "LastRemoteStatusUpdate", "QDate", "GridJobStatus",
    "ApfSubmission", "ServerTime", RELEASES, *SENT_WITH,
)  # fmt: skip
RUNNING_ADS = (
    "MATCH_APF_QUEUE",
    "ApfSubmission",
    "ClusterId",
    "ProcId",
    "QDate",
    "JobCurrentStartDate",
    "RemoteHost",
)
HELD = 5


class PilotCare:
    """The thread, and what it does; `look` and `judge` are called by tests, too."""

    def __init__(
        self,
        around: Surroundings,
        breakers: Breakers,
        clock: Clock,
        client: Callable[[Target], CondorClient] = reporting_client,
    ):
        self._around = around
        self._breakers = breakers
        self._clock = clock
        self._client = client
        self.held = HeldPilots(around, breakers, clock)
        self._next_lost = 0.0  # monotonic
        self._waits = False  # whether it is to be judged again soon
        self._woken = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; does nothing when it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pilot care", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; a question under way ends by its own time limit."""
        self._stopping = True
        self._woken.set()

    def join(self, timeout: float) -> None:
        """Wait for the thread to end: it writes down what it knows."""
        if self._thread is not None:
            self._thread.join(max(0.0, timeout))

    def _run(self) -> None:
        next_look = judged = 0.0
        while not self._stopping:
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + INTERVAL
                self._try(self.look)
            judged = time.monotonic()
            self._try(self.judge)
            wait = next_look - time.monotonic()
            wait = min(wait, AGAIN) if self._waits else wait
            if self._woken.wait(max(0.0, wait)) and not self._stopping:
                time.sleep(max(GATHER, judged + SPACED - time.monotonic()))
                self._woken.clear()
        self._breakers.save()

    @staticmethod
    def _try(step: Callable[[], None]) -> None:
        """Do one of the two: what goes wrong in it keeps the other from nothing."""
        try:
            step()
        except Exception:
            log.exception("looking after pilots failed")

    # --- evidence -------------------------------------------------------------------------------

    def endings(self, ended: Sequence[Ending]) -> None:
        """Take in how pilots ended; returns at once."""
        short, queues = self._around.breaker_options().short, self._around.queues()
        matters = False
        for e in ended:
            queue = queues.get(e.queue)
            if queue is None or not queue.gates:
                continue
            told = evidence.of_ending(e, _executable(queue), short)
            if told is not None:
                self._breakers.note(_at(queue, e.ce), *told)
            matters = matters or (told is not None and not told[1].good)
        if matters or self._breakers.known():
            self._woken.set()

    def judge(self) -> None:
        """Ask for running pilots where a breaker is open or about to open; judge; tell what has changed."""
        self._breakers.policy = self._around.breaker_options().policy
        undecided: set[Address] = set()
        suspects = self._breakers.suspects(self._addresses())
        if suspects:
            for target in dict.fromkeys(self._around.targets()):
                self._with(target, lambda s, place: undecided.update(self._ask_running(s, place, suspects)))
        self._waits = self._breakers.judge(undecided)
        for change in self._breakers.news():
            queue = change.key.name if change.key.scope == "queue" else None
            self._around.tell("breaker", change.words, queue)
        self._breakers.save()

    def _addresses(self) -> Iterator[Address]:
        for queue in self._around.queues().values():
            for gate in queue.gates:
                yield gate.address

    def _ask_running(
        self, schedd: CondorClient, place: str, suspects: Mapping[Address, tuple[float, float]]
    ) -> set[Address]:
        """Take in pilots that have run for long enough; return where others may yet do so."""
        now = self._now
        oldest = int(now - self._breakers.policy.window)
        parts = [
            f"(MATCH_APF_QUEUE =?= {constraint_string(a.queue)} && JobCurrentStartDate <= {int(promising)})"
            for a, (promising, _) in suspects.items()
        ]
        wanted = (
            f"{mine(self._around.factory_id)} && JobStatus == 2 && JobCurrentStartDate >= {oldest}"
            f" && ({' || '.join(parts)})"
        )
        queues = self._around.queues()
        undecided = set()
        for ad in schedd.query(wanted, RUNNING_ADS, limit=SAMPLE, deadline=ASK):
            queue, ce = queues.get(str(ad["MATCH_APF_QUEUE"])), self._ce_of(ad)
            scope, seen = evidence.of_running(place, ad, now)
            if queue is None or not queue.gates or not seen.began or ce is None:
                continue
            address = _at(queue, ce)
            suspect = _suspect(queue, address, suspects)
            if suspect is None:
                continue
            if seen.wall >= suspects[suspect][1]:
                self._breakers.note(address, scope, seen)
            else:
                undecided.add(suspect)
        return undecided

    # --- stuck pilots ---------------------------------------------------------------------------

    def look(self) -> None:
        """Ask every schedd for its stuck pilots, feed the breakers and act; now and then find lost ones."""
        self.held.begin()
        lost = self._clock.monotonic() >= self._next_lost
        if lost:
            self._next_lost = self._clock.monotonic() + LOST_EVERY
        for target in dict.fromkeys(self._around.targets()):
            self._with(target, self._stuck)
            if lost:
                self._with(target, self.held.remove_lost)
        self.held.end()
        self._breakers.prune(self._addresses())

    def _with(self, target: Target, step: Callable[[CondorClient, str], None]) -> None:
        """Do `step` with the client for `target`; a schedd that does not answer is asked again next time."""
        schedd = self._client(target)
        try:
            step(schedd, spelling.schedd(str(target)))
        except CondorError as err:
            log.debug("%s does not tell about pilots: %s", target, err)
        finally:
            schedd.rest()

    def _stuck(self, schedd: CondorClient, place: str) -> None:
        now, queues = self._now, self._around.queues()
        ads = schedd.query(
            f"{mine(self._around.factory_id)} && {STUCK}", STUCK_ADS, limit=LIMIT, deadline=ASK
        )
        down: set[str] = set()
        stuck = []
        for ad in ads:
            queue, ce = queues.get(str(ad["MATCH_APF_QUEUE"])), self._ce_of(ad)
            if ce is None:
                continue
            if ad["JobStatus"] == HELD:
                stuck.append(held(ad, now, ce))
                told = evidence.of_held(place, ad)
            elif _unreachable_for(ad, now) >= self._around.breaker_options().down:
                told = evidence.of_down(place, ad, now)
                down.add(told[1].pilot)
            else:
                continue
            if told is not None and queue is not None and queue.gates:
                self._breakers.note(_at(queue, ce), *told)
        if gone := self._breakers.down(place) - down:
            self._breakers.reached(self._still_there(schedd, place, gone))
        self.held.treat(schedd, place, stuck)

    def _ce_of(self, ad: Mapping[str, Any]) -> str | None:
        """Return where a pilot was sent; None: it is in no book of ours, whatever its ad says of itself."""
        return self._around.ce_of(str(ad["ApfSubmission"]), f"{ad['ClusterId']}.{ad['ProcId']}")

    def _still_there(self, schedd: CondorClient, place: str, pilots: set[str]) -> set[str]:
        """Return which of `pilots` are there and can be handed over: what was removed tells nothing."""
        jobs = only(self._around.factory_id, (pilot.rpartition(" ")[2] for pilot in sorted(pilots)))
        reachable = "(JobStatus == 1 || JobStatus == 2) && GridResourceUnavailableTime is undefined"
        ads = schedd.query(f"{jobs} && {reachable}", ("ClusterId", "ProcId"), limit=LIMIT, deadline=ASK)
        return {evidence.pilot_of(place, ad) for ad in ads}

    @property
    def _now(self) -> float:
        return self._clock.now().timestamp()


def _at(queue: APFQueue, ce: str) -> Address:
    """Return the queue's address as it was when pilots were sent to `ce`; empty: not known, so as it is."""
    address = queue.gates[0].address
    return replace(address, ce=ce) if ce else address


def _suspect(queue: APFQueue, address: Address, suspects: Container[Address]) -> Address | None:
    """Return who is of interest that a pilot sent to `address` tells something of; None: nobody.

    One that was sent to a CE which is none of the queue's any more tells of the queue.
    """
    if address in suspects:
        return address
    ours = [gate.address for gate in queue.gates]
    if any(one.ce == address.ce for one in ours):
        return None
    return next((one for one in ours if one in suspects), None)


def _executable(queue: APFQueue) -> str:
    return queue.config.options.executable or "the wrapper"


def _unreachable_for(ad: Mapping[str, Any], now: float) -> float:
    """Return the seconds for which the CE of an idle pilot has not answered; 0: it has."""
    since, news = ad["GridResourceUnavailableTime"], ad["LastRemoteStatusUpdate"]
    if not isinstance(since, int) or ad["JobStatus"] != 1:
        return 0.0
    if isinstance(news, int) and news > since:  # some releases leave the attribute when the CE is back
        return 0.0
    return max(0.0, now - since)
