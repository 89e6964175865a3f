"""A simulated site: the schedd's view of its pilots, the CE, the batch system with its other users."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from random import Random

from autopyfactory.simulate.agenda import Agenda
from autopyfactory.simulate.jobs import JobQueue
from autopyfactory.simulate.models import MINUTE, CEModel
from autopyfactory.simulate.pilots import AT_CE, ENDED, IN_SCHEDD, STARTED, TAKEN_BACK, Pilot

OTHERS_MOVE = 10 * MINUTE  # other users' share of a site changes this often


@dataclass(frozen=True, slots=True)
class End:
    """A pilot that ended, as the schedd's history has it."""

    started: float
    wall: float
    failed: bool
    payloads: int

    @property
    def empty(self) -> bool:
        """Whether it was well and ran nothing."""
        return self.payloads == 0 and not self.failed


class Site:
    """One CE with its batch system, and what one schedd knows of the pilots sent there."""

    def __init__(self, agenda: Agenda, queue: JobQueue, ce: CEModel, rng: Random, weather: Random):
        self.agenda = agenda
        self.queue = queue
        self.ce = ce
        self._rng = rng
        self._weather = weather  # what does not depend on the pilots: the same for every policy
        self.pilots: list[Pilot] = []
        self.running: dict[Pilot, None] = {}
        self._waiting: deque[Pilot] = deque()  # at the batch system, for a slot
        self._up = True
        self._room = ce.slots
        self._mood = 0.0
        self._next_start = 0.0
        self._waking = False
        # what the schedd knows
        self.known_pending: dict[Pilot, None] = {}  # in the order they were sent
        self.known_running = 0
        self.in_schedd = 0
        self.starts: deque[tuple[float, float]] = deque()  # seen at, latency
        self.ends: deque[tuple[float, End]] = deque()  # seen at
        self.recalled: deque[tuple[float, float]] = deque()  # at, age
        # what it cost
        self.submits = 0  # that the CE saw
        self.removals = 0  # that the CE saw
        self.spared = 0  # taken back before the CE saw them
        self.killed = 0  # payloads that ran when a removal came
        for outage in ce.outages:
            agenda.at(outage.start, self._go_down)
            if outage.end < math.inf:
                agenda.at(outage.end, self._come_up)
        if ce.others:
            self._others()

    # --- what a factory does --------------------------------------------------------------------

    def send(self, n: int) -> None:
        """Send `n` pilots."""
        for _ in range(n):
            pilot = Pilot(self, self.agenda.now)
            self.pilots.append(pilot)
            self.known_pending[pilot] = None
            self.in_schedd += 1
            self.agenda.after(self._draw(self.ce.handover, 0.5), self._hand_over, pilot)

    def take_back(self, n: int) -> int:
        """Remove up to `n` pilots that the schedd takes for pending, those not yet at the CE first, then the
        newest; return how many."""
        newest = list(reversed(self.known_pending))
        order = sorted(newest, key=lambda p: p.stage != IN_SCHEDD) if self.in_schedd else newest
        for pilot in order[:n]:
            del self.known_pending[pilot]
            self.recalled.append((self.agenda.now, self.agenda.now - pilot.sent))
            if pilot.stage == IN_SCHEDD:
                self.in_schedd -= 1
                self.spared += 1
                pilot.stage = TAKEN_BACK
            else:
                self.removals += 1
                delay = self._draw(self.ce.removal, self.ce.removal_sigma)
                self.agenda.after(delay, self._remove, pilot)
        return min(n, len(order))

    def drain(self, n: int) -> None:
        """Let up to `n` running pilots take no payload any more."""
        for pilot in [p for p in self.running if not p.draining][: max(0, n)]:
            pilot.draining = True
            if pilot.stage != STARTED and not pilot.jobs:
                pilot.serve()

    # --- the way of a pilot ---------------------------------------------------------------------

    def _draw(self, median: float, sigma: float) -> float:
        return median * math.exp(self._rng.gauss(0.0, sigma))

    @property
    def _full(self) -> float:
        """Which part of the slots is taken."""
        return min(1.0, (len(self.running) + self.ce.slots - self._room) / max(1, self.ce.slots))

    def _hand_over(self, pilot: Pilot) -> None:
        if pilot.stage != IN_SCHEDD:
            return
        pilot.stage = AT_CE
        self.in_schedd -= 1
        self.submits += 1
        load = 1.0 + self.ce.load * self._full**2
        self.agenda.after(load * self._draw(self.ce.latency, self.ce.latency_sigma), self._arrive, pilot)

    def _arrive(self, pilot: Pilot) -> None:
        if pilot.stage == AT_CE:
            self._waiting.append(pilot)
            self._fill()

    def _wake(self) -> None:
        self._waking = False
        self._fill()

    def _fill(self) -> None:
        """Start what can start now."""
        gap = MINUTE / self.ce.starts_per_minute if self.ce.starts_per_minute else 0.0
        while self._waiting and self._up and len(self.running) < self._room:
            if self.agenda.now < self._next_start:
                if not self._waking:
                    self._waking = True
                    self.agenda.at(self._next_start, self._wake)
                return
            pilot = self._waiting.popleft()
            if pilot.stage == AT_CE:
                self._next_start = self.agenda.now + gap
                self._start(pilot)

    def _start(self, pilot: Pilot) -> None:
        now = self.agenda.now
        pilot.stage, pilot.started = STARTED, now
        self.running[pilot] = None
        self.agenda.after(self._rng.uniform(0.0, self.ce.lag), self._see_start, pilot)
        if self._rng.random() < self._failing(now):
            self.agenda.after(self.ce.failing_after, self._fail, pilot)
        else:
            self.agenda.after(self._draw(self.ce.boot, self.ce.boot_sigma), pilot.boot)

    def _failing(self, now: float) -> float:
        """Return the probability that a pilot that starts now fails."""
        good = 1.0 - (
            self.ce.failing_in_flap if any(f.holds(now) for f in self.ce.flaps) else self.ce.failing
        )
        if any(hole.holds(now) for hole in self.ce.holes):
            good *= 1.0 - self.ce.hole_takes
        return 1.0 - good

    def _fail(self, pilot: Pilot) -> None:
        if pilot.runs:
            pilot.failed = True
            self.end(pilot)

    def end(self, pilot: Pilot) -> None:
        """End a pilot that runs."""
        pilot.stage, pilot.ended = ENDED, self.agenda.now
        del self.running[pilot]
        self.agenda.after(self._rng.uniform(0.0, self.ce.lag), self._see_end, pilot)
        self._fill()

    def _remove(self, pilot: Pilot) -> None:
        """Carry out a removal; the pilot may have started since it was ordered."""
        if pilot.stage == AT_CE:
            pilot.stage = TAKEN_BACK
        elif pilot.runs:
            pilot.stage = ENDED  # before its jobs look for another pilot
            self.killed += pilot.drop_all()
            self.end(pilot)

    # --- what the schedd learns -----------------------------------------------------------------

    def _see_start(self, pilot: Pilot) -> None:
        assert pilot.started is not None
        if pilot in self.known_pending:
            del self.known_pending[pilot]
            pilot.seen = True
            self.known_running += 1
            self.starts.append((self.agenda.now, pilot.started - pilot.sent))

    def _see_end(self, pilot: Pilot) -> None:
        self._see_start(pilot)
        if pilot.seen:
            self.known_running -= 1
            self.ends.append(
                (self.agenda.now, End(pilot.started or 0.0, pilot.wall, pilot.failed, pilot.ran))
            )

    # --- the site -------------------------------------------------------------------------------

    def _others(self) -> None:
        self._mood = 0.8 * self._mood + 0.6 * self._weather.gauss(0.0, 1.0)
        part = min(1.0, max(0.0, self.ce.others + self.ce.others_swing * self._mood / 2.0))
        self._room = max(1, round(self.ce.slots * (1.0 - part)))
        self.agenda.after(OTHERS_MOVE, self._others)
        self._fill()

    def _go_down(self) -> None:
        self._up = False
        lost = list(self.running)
        for pilot in lost:  # before any job looks for another pilot
            pilot.failed, pilot.stage = True, ENDED
            self.queue.idle.pop(pilot, None)
        for pilot in lost:
            pilot.drop_all()
            self.end(pilot)

    def _come_up(self) -> None:
        self._up = True
        self._fill()
