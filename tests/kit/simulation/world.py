"""One schedule: a factory's threads, its schedds and disk, in virtual time.

Everything follows from one seed: the faults (`faults`) between any two steps too. After each step the
invariants (`checks`) are checked against the truth.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from autopyfactory.accounting.conservation import batch_info
from autopyfactory.accounting.protocol import holding, polling, sending
from autopyfactory.accounting.protocol.accounts import Accounts
from autopyfactory.accounting.protocol.sending import Ask
from autopyfactory.accounting.requests import (
    Answer,
    Count,
    NoAnswer,
    NotDone,
    ReadEndings,
    Recall,
    Request,
    Search,
    Submit,
    Survey,
    Tell,
    Write,
)
from autopyfactory.accounting.spelling import ce as ce_name
from autopyfactory.model.decision import Cap
from simulation.checks import Checks
from simulation.faults import Faults
from simulation.model import LATE, Disk, Pilot, Schedd
from simulation.operators import Operators
from simulation.setting import (
    CYCLE,
    FAULTS_END,
    POLICY,
    Conditions,
    Queue,
    Violation,
    one_name,
    spelled,
)


class World:
    """Everything, at one moment of virtual time."""

    def __init__(self, seed: int, trace: Callable[[str], None] | None = None):
        self.rng = rng = random.Random(seed)
        self.seed, self.swarm = seed, seed < 0
        self.conditions = Conditions.of(seed)
        self.now = 0.0
        self.trace = trace
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._tags = itertools.count()
        self.life = 0
        self.up = False
        history = rng.random() < 0.85
        tags = self.conditions.tags
        self.home = {f"p{i}@h": Schedd(f"p{i} born {i}", rng, history, tells_tags=tags) for i in range(2)}
        self.serving = dict(self.home)  # who answers under a name
        self.moved: dict[str, Schedd] = {}  # names of p0 that lead elsewhere, while others lead to it
        self.pinned = ""  # the queue that sends where it does, whatever happens: by another of these names
        self.mortality = rng.choice(
            (0.08, 0.08, 0.02, 0.005)
        )  # of pilots that run, each time they are looked at
        # Of requests: they or their replies get lost.
        self.trouble = rng.choice((0.2, 0.06, 0.02, 0.0) if self.swarm else (0.06, 0.02, 0.0))
        self.down: set[str] = set()
        self.dead_name = ""  # nobody answers there any more
        self.gone: list[Pilot] = []  # alive at their CEs, their job queue wiped
        self.everybody = list(self.home.values())
        self.disk = Disk("mine")
        self.broken_until = 0.0
        self.queues = {
            f"q{i}": Queue(f"q{i}", rng.randint(3, 12), f"p{rng.randint(0, 1)}@h", f"c{rng.randint(0, 1)}")
            for i in range(3)
        }
        self.caps = (
            Cap("ce", rng.randint(6, 16), "MaxPerCE"),
            Cap("factory", rng.randint(10, 30), "MaxPerFactory"),
        )
        self.steps = 0
        self.checks, self.faults, self.operators = Checks(self), Faults(self), Operators(self)
        self._start()
        self.faults.draw()
        self.operators.draw()
        self.after(rng.uniform(5, 60), self.faults.live)

    def often(self, share: float) -> float:
        """Return in which share of the schedules what comes in this share elsewhere comes here."""
        return min(0.7, 3 * share) if self.swarm else share

    # --- time -------------------------------------------------------------------------------------

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Let `what` happen in so many seconds."""
        heapq.heappush(self._events, (self.now + seconds, next(self._number), what))

    def run(self) -> None:
        """Go through the schedule; raises Violation."""
        while self._events:
            when, _, what = heapq.heappop(self._events)
            if when > self.conditions.end:
                break
            self.now = when
            self.steps += 1
            what()
            self.checks.step()
        self.checks.end()

    def say(self, text: str) -> None:
        """Tell the story."""
        if self.trace:
            self.trace(f"{self.now:8.1f} {text}")

    @property
    def calm(self) -> bool:
        """Whether faults have ended."""
        return self.now >= FAULTS_END

    # --- the factory ------------------------------------------------------------------------------

    def _start(self) -> None:
        self.life += 1
        self.up = True
        self.checks.begun()
        self.book, places = self.disk.restore()
        self.accounts = Accounts(
            self.book, places, POLICY, lambda q: ce_name(self.queues[q].ce) if q in self.queues else ""
        )
        self.polling: set[str] = set()
        self.thwarted: set[object] = set()  # runs one of whose requests got no answer, or not all of it
        self.say(f"--- life {self.life}")
        for queue in self.queues.values():
            self.cycle_later(queue.name, self.life, self.rng.uniform(0, 10))
        self._keep_polling(self.life)

    def kill(self) -> None:
        """End the factory without a word; it is started again."""
        if not self.up or self.calm:
            return
        self.say("kill -9")
        self.up = False
        self.life += 1  # answers to the old one find nobody
        self.disk.power_cut(self.rng) if self.rng.random() < 0.5 else self.disk.flush()
        if self.disk.broken:
            self.disk.waiting.clear()
        self.after(self.rng.uniform(0, 30), self._start)

    def _keep_polling(self, life: int) -> None:
        """Poll every place that a queue names or that has open lines, each in its own thread."""
        if life != self.life:
            return
        wanted = {q.place for q in self.queues.values() if q.enabled} | set(self.accounts.book.places)
        if self.dead_name:  # as `LeftBehind` does it: by all names of a place
            there = set(self.accounts.book.places)
            names = self.accounts.places.aliases.items()
            wanted |= {self.dead_name, *(name for name, one in names if one in there)}
        for name in sorted(wanted - self.polling):
            self.polling.add(name)
            self._poll(name, life)
        self.after(10, lambda: self._keep_polling(life))

    def _poll(self, name: str, life: int) -> None:
        if life != self.life:
            return

        every = self.conditions.poll
        begun, run = self.now, polling.poll(self.accounts, name, every)
        self.operators.polled(name)

        def again(answered: object) -> None:
            if answered:
                self.checks.polled(name, begun, told_all=run not in self.thwarted)
            self.thwarted.discard(run)
            self.after(
                every if self.calm else self.rng.choice((every, every, 5.0)), lambda: self._poll(name, life)
            )

        self.drive(run, life, again, name)

    def cycle_later(self, queue: str, life: int, seconds: float) -> None:
        """Let a cycle of `queue` begin then."""
        self.after(seconds, lambda: self._cycle(queue, life))

    def _cycle(self, name: str, life: int) -> None:
        if life != self.life:
            return
        q = self.queues[name]

        def again(_: object = None) -> None:
            self.cycle_later(name, life, self.rng.uniform(0.5, 1.5) * CYCLE)

        place = self.accounts.places.get(q.place)
        view = place.view
        held = holding.holds(self.accounts, place)
        if not q.enabled or view is None or self.now - view.asked > self.conditions.maxage or held:
            again()
            return
        info = batch_info(self.accounts.book, self.accounts.places, name, q.place)
        n = min(q.target - info.pending - info.running, self.rng.choice((2, 5, 100)))
        if n <= 0:
            again()
            return
        ask = Ask(
            name,
            q.place,
            ce_name(q.ce),
            n,
            chunk=4,
            seen=self.accounts.book.open(f"queue:{name}"),
            caps=self.caps,
        )
        # A thread may be paused between its decision and its first step: a fault, and over with the others.
        pause = self.rng.choice((0.0,) * 9 + (self.rng.uniform(0, 300),))
        self.after(0.0 if self.calm else pause, lambda: self._send(ask, life, again))

    def _send(self, ask: Ask, life: int, again: Callable[[object], None]) -> None:
        if life == self.life:
            run = sending.send(self.accounts, ask, lambda: f"t{next(self._tags)}")
            self.drive(run, life, again, ask.place)

    # --- requests and their answers ---------------------------------------------------------------

    def drive(
        self,
        run: Generator[Request, Answer, Any],
        life: int | None = None,
        done: Callable[[object], None] = lambda result: None,
        name: str = "",
    ) -> None:
        """Let `run` go on as long as this life lasts; what it asks is asked of who is called `name`."""
        self._step(run, self.life if life is None else life, done, lambda: next(run), name)

    def _step(
        self,
        run: Generator[Request, Answer, Any],
        life: int,
        done: Callable[[object], None],
        resume: Callable[[], Request],
        name: str,
    ) -> None:
        if life != self.life:
            return  # dropped as a dead process drops it: not even closed
        self.checks.acted = True
        try:
            request = resume()
        except StopIteration as stop:
            done(stop.value)
            return
        except (NoAnswer, NotDone):
            done(None)
            return
        self._request(request, run, life, done, name)

    def _request(
        self,
        request: Request,
        run: Generator[Request, Answer, Any],
        life: int,
        done: Callable[[object], None],
        name: str,
    ) -> None:
        rng, asked = self.rng, self.now
        counted = self.serving_at(name) if isinstance(request, Count) else None
        later = isinstance(request, Write) and not request.durable
        if isinstance(request, Tell):
            self.say(f"tell {request.kind}: {request.text}")
            self.checks.told(request)
            self.operators.told(request)
        if isinstance(request, Write) and request.durable:
            self.checks.not_accused(request.lines[0])
        elif isinstance(request, Write):  # as the driver does it: before anybody else changes the book
            self.disk.write(request)
        quick = self.calm or isinstance(request, Tell)
        there, back = (0.0, 0.1) if quick else (rng.expovariate(1.0), rng.expovariate(1.0))
        if not quick and rng.random() < self.conditions.paused:
            back += rng.uniform(0, self.conditions.pause)  # the thread is paused
            if self.swarm:  # that is a fault, and over with the others
                back = min(back, max(0.1, FAULTS_END - self.now - there))
        fate = "ok"
        local = isinstance(request, (Write, Recall, Tell))
        if not self.calm and not local and rng.random() < self.trouble:
            fate = rng.choice(("request lost", "reply lost", "late"))
            self.thwarted.add(run)

        def answered(value: object) -> None:
            if counted is not None and life == self.life:
                counted.heard = self.now
            answer = Answer(value, asked, self.now, self.now)
            self._step(run, life, done, lambda: run.send(answer), name)

        def thrown(error: Exception) -> None:
            self._step(run, life, done, lambda: run.throw(error), name)

        def execute() -> None:
            if life != self.life and local:
                return  # the process that would have written it is dead
            if isinstance(request, (Survey, Search)) and self.serving_at(name).blind:
                self.thwarted.add(run)
            try:
                value = None if later else self._answer(request, name)
            except (NoAnswer, NotDone) as err:
                error = err
                self.thwarted.add(run)
                if fate == "ok":
                    self.after(back, lambda: thrown(error))
                return
            if fate == "ok":
                self.after(back, lambda: answered(value))

        if fate == "request lost":
            self.after(20, lambda: thrown(NoAnswer("lost")))
            return
        if fate == "late" and isinstance(request, Submit):
            serving = self.serving_at(name)
            self.after(20, lambda: thrown(NoAnswer("no answer in time")))
            self.after(20 + rng.uniform(0, LATE), lambda: self._late(serving, request))
            return
        self.after(there, execute)
        if fate != "ok":
            self.after(20 + there, lambda: thrown(NoAnswer("no reply")))

    def _late(self, schedd: Schedd, request: Submit) -> None:
        """A submission arrives whose sender has long given up, or died."""
        if schedd in (*self.serving.values(), *self.moved.values()) and self._same(schedd, request.identity):
            self.say(f"late submission {request.batch.tag}")
            self.checks.disturbed()
            schedd.submit(request.batch)
            self.checks.submitted(request.batch)

    @staticmethod
    def _same(schedd: Schedd, identity: str) -> bool:
        return not identity or schedd.identity == identity

    def serving_at(self, name: str) -> Schedd:
        """Return who answers when people call `name`."""
        return self.moved.get(spelled(name)) or self.serving[one_name(name)]

    def _answer(self, request: Request, name: str) -> object:
        if isinstance(request, Write):
            return self.disk.write(self._stamped(request))
        if isinstance(request, Recall):
            return self.disk.recall(request.tags)
        if isinstance(request, Tell):
            return None
        if one_name(name) in self.down and spelled(name) not in self.moved:
            raise NotDone("no connection") if isinstance(request, Submit) else NoAnswer("no connection")
        if spelled(name) == self.dead_name:
            raise NotDone("dead") if isinstance(request, Submit) else NoAnswer("dead")
        schedd = self.serving_at(name)
        if isinstance(request, Submit):
            return self._submit(schedd, request)
        if isinstance(request, Count):
            return schedd.count(self.disk.mark)
        if isinstance(request, ReadEndings):
            return schedd.endings(request)
        if isinstance(request, Survey):
            return schedd.survey()
        assert isinstance(request, Search)
        return schedd.search(request.tags)

    def _stamped(self, request: Write) -> Write:
        """Return an intent with its time, as the bookkeeper writes it down."""
        if not request.durable:
            return request
        return replace(request, lines=tuple(replace(b, intended=self.now) for b in request.lines))

    def _submit(self, schedd: Schedd, request: Submit) -> object:
        if not self._same(schedd, request.identity):
            raise NotDone("another schedd answers")
        if self.rng.random() < 0.03:
            raise NotDone("refused")
        on_disk = self.disk.lines.get(request.batch.tag)
        if on_disk is None or on_disk.state != "intended":
            raise Violation(f"{request.batch.tag} was submitted without an intent on disk")
        b = request.batch
        self.checks.submitted(b)
        self.say(f"submit {b.n} of {b.queue} as {b.tag} to {b.place}")
        return schedd.submit(request.batch)

    # --- the truth --------------------------------------------------------------------------------

    def alive(self) -> list[Pilot]:
        """Return the pilots that live in truth."""
        there = [p for s in self.everybody for p in s.alive] + [p for p in self.gone if p.alive]
        return [p for p in there if not p.forged]
