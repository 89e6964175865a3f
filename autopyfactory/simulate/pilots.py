"""The life of one simulated pilot: on its way, booting, with payloads, waiting, gone."""

from __future__ import annotations

from typing import Protocol

from autopyfactory.simulate.agenda import Agenda
from autopyfactory.simulate.jobs import OVER, RUNNING, JobQueue, SimJob
from autopyfactory.simulate.models import CEModel

IN_SCHEDD, AT_CE, STARTED, BOOTED, ENDED, TAKEN_BACK = range(6)


class Home(Protocol):
    """A site, as its pilots see it."""

    agenda: Agenda
    queue: JobQueue
    ce: CEModel

    def end(self, pilot: Pilot) -> None:
        """End a pilot that runs."""


class Pilot:
    """One pilot. Times are None until they come."""

    __slots__ = (
        "busy", "draining", "ended", "failed", "jobs", "payloads", "ran", "seen", "sent", "site", "stage",
        "started", "turn",
    )  # fmt: skip

    def __init__(self, site: Home, sent: float):
        self.site = site
        self.sent = sent
        self.stage = IN_SCHEDD
        self.started: float | None = None
        self.ended: float | None = None
        self.payloads = site.ce.payloads  # places for a payload
        self.jobs: dict[SimJob, float] = {}  # since when
        self.busy = 0.0  # seconds of payloads
        self.ran = 0  # payloads
        self.failed = False
        self.draining = False
        self.seen = False  # the schedd knows that it started
        self.turn = 0  # counts its waits for work, so that an old limit does not end a new one

    @property
    def runs(self) -> bool:
        """Whether it holds a slot."""
        return self.stage in (STARTED, BOOTED)

    @property
    def closing(self) -> bool:
        """Whether it takes no payload any more."""
        lives_until = (self.started or 0.0) + self.site.ce.lifetime
        return self.draining or self.site.agenda.now >= lives_until

    @property
    def wall(self) -> float:
        """Seconds from start to end."""
        return 0.0 if self.started is None or self.ended is None else self.ended - self.started

    def boot(self) -> None:
        """Have the pilot ask for work."""
        if self.stage == STARTED:
            self.stage = BOOTED
            self.serve()

    def serve(self) -> None:
        """Take as many payloads as there are and fit; wait, or end."""
        queue, agenda = self.site.queue, self.site.agenda
        if not self.closing:
            while len(self.jobs) < self.payloads and (job := queue.take()) is not None:
                self.run(job)
            if len(self.jobs) < self.payloads:
                queue.idle[self] = None
            if not self.jobs:
                self.turn += 1
                agenda.after(self.site.ce.idle, self._tire, self.turn)
        else:
            queue.idle.pop(self, None)
            if not self.jobs:
                self.site.end(self)

    def run(self, job: SimJob) -> None:
        """Begin to run a payload."""
        queue, agenda = self.site.queue, self.site.agenda
        job.state, job.pilot = RUNNING, self
        if job.started is None:
            job.started = agenda.now
        if not self.jobs:
            self.turn += 1
        self.jobs[job] = agenda.now
        self.ran += 1
        queue.running += 1
        if len(self.jobs) >= self.payloads:
            queue.idle.pop(self, None)
        agenda.after(job.job.duration, self._finish, job, job.attempt)

    def let_go(self, job: SimJob) -> None:
        """Stop a payload that was cancelled."""
        self._leave(job)
        self.serve()

    def drop_all(self) -> int:
        """Lose all payloads, which run anew elsewhere; return how many there were."""
        queue, jobs = self.site.queue, list(self.jobs)
        queue.idle.pop(self, None)
        for job in jobs:
            self._leave(job)
        for job in jobs:
            queue.back(job)
        return len(jobs)

    def _leave(self, job: SimJob) -> None:
        self.busy += self.site.agenda.now - self.jobs.pop(job)
        self.site.queue.running -= 1

    def _finish(self, job: SimJob, attempt: int) -> None:
        if job.attempt == attempt and job.state == RUNNING:
            job.state = OVER
            self._leave(job)
            self.site.queue.finished()
            self.serve()

    def _tire(self, turn: int) -> None:
        if self.turn == turn and self.stage == BOOTED and not self.jobs:
            self.site.queue.idle.pop(self, None)
            self.site.end(self)
