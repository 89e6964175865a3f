"""The simulated WMS: jobs become ready, find a pilot, are cancelled, come back when their pilot is lost."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autopyfactory.simulate.agenda import Agenda
from autopyfactory.simulate.models import Job

TO_COME, READY, RUNNING, OVER = range(4)
OLD = 600.0  # s: glideinWMS asks for jobs that have waited for longer
MANY = 100  # old jobs are counted up to this number: nobody asks for more


class Taker(Protocol):
    """A pilot, as jobs see it."""

    @property
    def closing(self) -> bool:
        """Whether it takes no payload any more."""

    def run(self, job: SimJob) -> None:
        """Begin to run a payload."""

    def let_go(self, job: SimJob) -> None:
        """Stop a payload that was cancelled."""


@dataclass(slots=True, eq=False)
class SimJob:
    """A job on its way."""

    job: Job
    state: int = TO_COME
    started: float | None = None  # first time
    attempt: int = 0  # a job whose pilot is lost runs again
    pilot: Taker | None = None


@dataclass(frozen=True, slots=True)
class WmsCounts:
    """What the WMS and the pool of its pilots would answer at one moment."""

    at: float
    ready: int
    running: int
    done: int
    old: int = 0  # of the ready ones, those that have waited long
    idle: tuple[int, ...] = ()  # by site: places for a payload, in pilots that wait for one
    places: tuple[int, ...] = ()  # by site: places for a payload, in all pilots that have called home
    working: tuple[int, ...] = ()  # by site: pilots that run at least one payload


class JobQueue:
    """All jobs, and the pilots that wait for one."""

    def __init__(self, agenda: Agenda, jobs: Sequence[Job]):
        self._agenda = agenda
        self.jobs = [SimJob(job) for job in jobs]
        self.waiting: deque[SimJob] = deque()  # cancelled ones are skipped when it is their turn
        self.ready = 0  # of those that fit
        self.unfit = 0
        self.running = 0
        self.done = 0
        self.left = sum(job.fits for job in jobs)  # of those that fit: neither done nor cancelled
        self.idle: dict[Taker, None] = {}  # pilots with a free place, longest first
        self._next = 0
        self._plan()

    # --- from outside ---------------------------------------------------------------------------

    def take(self) -> SimJob | None:
        """Return the next job for a pilot; None when there is none."""
        while self.waiting:
            job = self.waiting.popleft()
            if job.state == READY:
                self.ready -= 1
                return job
        return None

    def back(self, job: SimJob) -> None:
        """Take a job back whose pilot is lost; it runs anew."""
        job.attempt += 1
        job.pilot = None
        self._offer(job)

    def finished(self) -> None:
        """Count a job that is done."""
        self.done += 1
        self.left -= 1

    @property
    def old(self) -> int:
        """Jobs that have been ready for long, the first hundred of them."""
        since = self._agenda.now - OLD
        n = 0
        for job in self.waiting:
            if job.job.ready_at > since or n >= MANY:
                break
            n += job.state == READY
        return n

    # --- events ---------------------------------------------------------------------------------

    def _plan(self) -> None:
        if self._next < len(self.jobs):
            self._agenda.at(max(self._agenda.now, self.jobs[self._next].job.ready_at), self._arrive)

    def _arrive(self) -> None:
        job = self.jobs[self._next]
        self._next += 1
        if job.job.cancelled_at < math.inf:
            self._agenda.at(max(self._agenda.now, job.job.cancelled_at), self._cancel, job)
        if job.job.fits:
            self._offer(job)
        else:
            job.state = READY
            self.unfit += 1
        self._plan()

    def _offer(self, job: SimJob) -> None:
        """Give a job to the pilot that has waited longest, or let it wait."""
        job.state = READY
        while self.idle:
            pilot = next(iter(self.idle))
            if not pilot.closing:
                pilot.run(job)
                return
            del self.idle[pilot]
        self.ready += 1
        self.waiting.append(job)

    def _cancel(self, job: SimJob) -> None:
        if job.state == OVER:
            return
        pilot, was, job.state = job.pilot, job.state, OVER
        if not job.job.fits:
            self.unfit -= 1
            return
        self.left -= 1
        if was == READY:
            self.ready -= 1
        elif pilot is not None:
            pilot.let_go(job)
