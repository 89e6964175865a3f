"""One schedule: a factory's threads, its schedds and disk, and every fault between any two steps.

Everything follows from one seed. After each step the invariants are checked against the truth.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from autopyfactory.accounting.book import Batch, scopes
from autopyfactory.accounting.conservation import batch_info
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.protocol import holding, polling, sending
from autopyfactory.accounting.protocol.accounts import Accounts, Policy
from autopyfactory.accounting.protocol.foreign import adopt
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
from simulation.model import LATE, LEASE, Disk, Pilot, Schedd

POLICY = Policy(apart=180.0, apart_without_history=360.0, lease=1000.0)
FAULTS_END = 2400.0
QUIET = FAULTS_END + 700.0  # no pilot ends from here on
END = FAULTS_END + 1500.0
POLL, CYCLE, MAXAGE = 60.0, 45.0, 200.0
SPELLINGS = {"p0@h": ("p0@h", "P0@H.", "p0@h:9618", "twin@h"), "p1@h": ("p1@h", "P1@h")}
CES = {"c0": ("c0", "C0.", "c0:9619"), "c1": ("c1", "https://C1/")}
RELAPSES = 0.1  # of the schedules
LIES = ("zero", "fifth", "half", "some queues", "old", "flip", "more", "nonsense")


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass
class Queue:
    """A queue as it is configured now."""

    name: str
    target: int
    place: str
    ce: str
    enabled: bool = True


class World:
    """Everything, at one moment of virtual time."""

    def __init__(self, seed: int, trace: Callable[[str], None] | None = None):
        self.rng = rng = random.Random(seed)
        self.seed = seed
        self.now = 0.0
        self.trace = trace
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._tags = itertools.count()
        self._life = 0
        self.up = False
        history = rng.random() < 0.85
        self.home = {f"p{i}@h": Schedd(f"p{i} born {i}", rng, history) for i in range(2)}
        self.serving = dict(self.home)  # who answers under a name
        self.mortality = rng.choice(
            (0.08, 0.08, 0.02, 0.005)
        )  # of pilots that run, each time they are looked at
        self.trouble = rng.choice((0.06, 0.02, 0.0))  # of requests: they or their replies get lost
        self.down: set[str] = set()
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
        self.told: Counter[str] = Counter()
        self._quiet_since = FAULTS_END  # no fault, and nothing that one left under way, since
        self._quiet_polls: dict[str, list[float]] = {}  # when those of each place since then were begun
        self._untold: dict[str, tuple[float, int]] = {}  # since when, and in how many polls, nobody was told
        self.accused: set[str] = set()  # places where a second factory was told of in this life
        self._more = self._acted = (
            False  # since the last check: there are more pilots; the factory did something
        )
        self._lived: dict[str, int] = {}
        self.steps = 0
        self._start()
        self._faults()
        self.after(rng.uniform(5, 60), self._lives)

    # --- time -------------------------------------------------------------------------------------

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._number), what))

    def run(self) -> None:
        """Go through the schedule; raises Violation."""
        while self._events:
            when, _, what = heapq.heappop(self._events)
            if when > END:
                break
            self.now = when
            self.steps += 1
            what()
            if self._more:
                self._check_truth()
            if self._more or self._acted:
                self._check_book()
            self._more = self._acted = False
        self._check_end()

    def say(self, text: str) -> None:
        if self.trace:
            self.trace(f"{self.now:8.1f} {text}")

    @property
    def calm(self) -> bool:
        return self.now >= FAULTS_END

    # --- the factory ------------------------------------------------------------------------------

    def _start(self) -> None:
        self._life += 1
        self.up = True
        self._quiet_since = max(self._quiet_since, self.now)
        self._quiet_polls.clear()
        self.accused.clear()
        self._untold.clear()
        self._book, places = self.disk.restore()
        self.accounts = Accounts(
            self._book, places, POLICY, lambda q: ce_name(self.queues[q].ce) if q in self.queues else ""
        )
        self.polling: set[str] = set()
        self.say(f"--- life {self._life}")
        for queue in self.queues.values():
            self._cycle_later(queue.name, self._life, self.rng.uniform(0, 10))
        self._keep_polling(self._life)

    def _kill(self) -> None:
        if not self.up or self.calm:
            return
        self.say("kill -9")
        self.up = False
        self._life += 1  # answers to the old one find nobody
        self.disk.power_cut(self.rng) if self.rng.random() < 0.5 else self.disk.flush()
        if self.disk.broken:
            self.disk.waiting.clear()
        self.after(self.rng.uniform(0, 30), self._start)

    def _keep_polling(self, life: int) -> None:
        """Poll every place that a queue names or that has open lines, each in its own thread."""
        if life != self._life:
            return
        wanted = {q.place for q in self.queues.values() if q.enabled} | set(self.accounts.book.places)
        for name in sorted(wanted - self.polling):
            self.polling.add(name)
            self._poll(name, life)
        self.after(10, lambda: self._keep_polling(life))

    def _poll(self, name: str, life: int) -> None:
        if life != self._life:
            return

        begun = self.now

        def again(answered: object) -> None:
            if answered:
                self._check_told(name)
                self._check_resolved(name, begun)
            self.after(
                POLL if self.calm else self.rng.choice((POLL, POLL, 5.0)), lambda: self._poll(name, life)
            )

        self._drive(polling.poll(self.accounts, name), life, again)

    def _cycle_later(self, queue: str, life: int, seconds: float) -> None:
        self.after(seconds, lambda: self._cycle(queue, life))

    def _cycle(self, name: str, life: int) -> None:
        if life != self._life:
            return
        q = self.queues[name]

        def again(_: object = None) -> None:
            self._cycle_later(name, life, self.rng.uniform(0.5, 1.5) * CYCLE)

        place = self.accounts.places.get(q.place)
        view = place.view
        held = holding.holds(self.accounts, place)
        if not q.enabled or view is None or self.now - view.asked > MAXAGE or held:
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
        if life == self._life:
            self._drive(sending.send(self.accounts, ask, lambda: f"t{next(self._tags)}"), life, again)

    # --- requests and their answers ---------------------------------------------------------------

    def _drive(self, run: Generator[Request, Answer, Any], life: int, done: Callable[[object], None]) -> None:
        self._step(run, life, done, lambda: next(run))

    def _step(
        self,
        run: Generator[Request, Answer, Any],
        life: int,
        done: Callable[[object], None],
        resume: Callable[[], Request],
    ) -> None:
        if life != self._life:
            return  # dropped as a dead process drops it: not even closed
        self._acted = True
        try:
            request = resume()
        except StopIteration as stop:
            done(stop.value)
            return
        except (NoAnswer, NotDone):
            done(None)
            return
        self._request(request, run, life, done)

    def _request(
        self,
        request: Request,
        run: Generator[Request, Answer, Any],
        life: int,
        done: Callable[[object], None],
    ) -> None:
        rng, asked = self.rng, self.now
        if isinstance(request, Tell):
            self.told[request.kind] += 1
            self.say(f"tell {request.kind}: {request.text}")
            if request.kind == "foreign":
                self.accused.add(request.place)
            elif request.kind in ("forgotten", "place-changed"):
                self.accused.discard(request.place)
        if isinstance(request, Write) and request.durable:
            self._check_not_accused(request.lines[0])
        quick = self.calm or isinstance(request, Tell)
        there, back = (0.0, 0.1) if quick else (rng.expovariate(1.0), rng.expovariate(1.0))
        if not quick and rng.random() < 0.02:
            back += rng.uniform(0, 300)  # the thread is paused
        fate = "ok"
        local = isinstance(request, (Write, Recall, Tell))
        if not self.calm and not local and rng.random() < self.trouble:
            fate = rng.choice(("request lost", "reply lost", "late"))

        def answered(value: object) -> None:
            answer = Answer(value, asked, self.now, self.now)
            self._step(run, life, done, lambda: run.send(answer))

        def thrown(error: Exception) -> None:
            self._step(run, life, done, lambda: run.throw(error))

        def execute() -> None:
            if life != self._life and local:
                return  # the process that would have written it is dead
            try:
                value = self._answer(request)
            except (NoAnswer, NotDone) as err:
                error = err
                if fate == "ok":
                    self.after(back, lambda: thrown(error))
                return
            if fate == "ok":
                self.after(back, lambda: answered(value))

        if fate == "request lost":
            self.after(20, lambda: thrown(NoAnswer("lost")))
            return
        if fate == "late" and isinstance(request, Submit):
            serving = self._serving(request.batch.place)
            self.after(20, lambda: thrown(NoAnswer("no answer in time")))
            self.after(20 + rng.uniform(0, LATE), lambda: self._late(serving, request))
            return
        self.after(there, execute)
        if fate != "ok":
            self.after(20 + there, lambda: thrown(NoAnswer("no reply")))

    def _late(self, schedd: Schedd, request: Submit) -> None:
        """A submission arrives whose sender has long given up, or died."""
        if schedd in self.serving.values() and self._same(schedd, request.identity):
            self.say(f"late submission {request.batch.tag}")
            self._quiet_since = max(self._quiet_since, self.now)
            self._quiet_polls.clear()
            schedd.submit(request.batch)
            self._more = True

    @staticmethod
    def _same(schedd: Schedd, identity: str) -> bool:
        return not identity or schedd.identity == identity

    @staticmethod
    def _wire(name: str) -> str:
        """Return the name under which the world knows what people call `name`."""
        return next(one for one, names in SPELLINGS.items() if name in names or name == one)

    def _serving(self, name: str) -> Schedd:
        return self.serving[self._wire(name)]

    def _answer(self, request: Request) -> object:
        if isinstance(request, Write):
            return self.disk.write(request)
        if isinstance(request, Recall):
            return self.disk.recall(request.tags)
        if isinstance(request, Tell):
            return None
        name = request.batch.place if isinstance(request, Submit) else request.place
        if self._wire(name) in self.down:
            raise NotDone("no connection") if isinstance(request, Submit) else NoAnswer("no connection")
        schedd = self._serving(name)
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

    def _submit(self, schedd: Schedd, request: Submit) -> object:
        if not self._same(schedd, request.identity):
            raise NotDone("another schedd answers")
        if self.rng.random() < 0.03:
            raise NotDone("refused")
        on_disk = self.disk.lines.get(request.batch.tag)
        if on_disk is None or on_disk.state != "intended":
            raise Violation(f"{request.batch.tag} was submitted without an intent on disk")
        self._more = True
        b = request.batch
        self.say(f"submit {b.n} of {b.queue} as {b.tag} to {b.place}")
        return schedd.submit(request.batch)

    # --- what happens meanwhile -------------------------------------------------------------------

    def _lives(self) -> None:
        """Pilots start, end, and leave the queue."""
        rng = self.rng
        for schedd in self.everybody:
            for pilot in list(schedd.pilots.values()):
                roll = rng.random()
                if pilot.leaves:
                    if roll < 0.5 or self.calm:
                        schedd.archive(pilot)
                elif not pilot.running:
                    pilot.running = roll < 0.5
                elif (
                    roll < self.mortality * (0.2 if pilot.mark != self.disk.mark else 1) and self.now < QUIET
                ):
                    schedd.end(pilot, self.now)
        self.after(rng.uniform(5, 40), self._lives)

    def _faults(self) -> None:
        """Draw the faults of this schedule."""
        rng = self.rng
        relapsing = self._relapses()
        for _ in range(rng.randint(0, 3)):
            self.after(rng.uniform(10, FAULTS_END - 10), self._kill)
        for name, schedd in self.home.items():
            for _ in range(rng.randint(0, 2)):
                begin, length = rng.uniform(0, FAULTS_END - 700), rng.uniform(20, 700)
                self._lying(schedd, rng.choice(LIES), begin, begin + length)
            if rng.random() < 0.4:
                begin = rng.uniform(0, FAULTS_END - 200)
                how, end = rng.choice(("nothing", "part", "short")), begin + rng.uniform(10, 100)
                if schedd is not relapsing:
                    self._blind(schedd, how, begin, end)
            if rng.random() < 0.4:
                begin = rng.uniform(0, FAULTS_END - 400)
                self._outage(name, begin, begin + rng.uniform(5, 300))
            if rng.random() < 0.3:
                self.after(rng.uniform(60, FAULTS_END), lambda s=schedd: self._lose_transactions(s))
            if rng.random() < 0.2:
                begin = rng.uniform(60, FAULTS_END - 800)
                self._impostor(name, begin, begin + rng.uniform(30, 600))
            elif rng.random() < 0.1:
                self.after(rng.uniform(60, FAULTS_END - 1100), lambda n=name: self._wipe(n))
            if rng.random() < 0.2:
                self.after(rng.uniform(60, FAULTS_END), lambda s=schedd: self._second_factory(s))
        for _ in range(rng.randint(0, 2)):
            begin = rng.uniform(0, FAULTS_END - 300)
            self._bad_disk(rng.choice(("full", "late")), begin, begin + rng.uniform(5, 200))
        for _ in range(rng.randint(0, 5)):
            self.after(rng.uniform(10, FAULTS_END), self._reload)
        if rng.random() < 0.3:
            self.after(rng.uniform(10, FAULTS_END), self._second_thread)
        if rng.random() < 0.1:
            self.after(rng.uniform(100, FAULTS_END), self._operator_adopts)
        self.after(FAULTS_END, self._operator_adopts)
        self.after(FAULTS_END + 600, self._operator_adopts)

    def _relapses(self) -> Schedd | None:
        """Let one schedd, in some schedules, twice know of nothing for a while, and tell the truth between.

        Each time is shorter than two look-ups are apart, and all of it is longer. Drawn apart from the other
        faults: so the schedules of older seeds are what they were.
        """
        own = random.Random(f"two lies {self.seed}")
        if own.random() > RELAPSES:
            return None
        schedd = own.choice(list(self.home.values()))
        begin = own.uniform(200, 600)
        for _ in range(2):
            end = begin + own.uniform(70, 150)
            self._lying(schedd, "zero", begin, end)
            self._blind(schedd, "nothing", begin, end)
            begin = end + own.uniform(750, 1000)  # longer than a thread is paused: the truth is heard
        return schedd

    def _lying(self, schedd: Schedd, lie: str, begin: float, end: float) -> None:
        self.after(max(0.0, begin), lambda: setattr(schedd, "lie", lie))
        self.after(end, lambda: setattr(schedd, "lie", ""))

    def _blind(self, schedd: Schedd, how: str, begin: float, end: float) -> None:
        self.after(begin, lambda: setattr(schedd, "blind", how))
        self.after(end, lambda: setattr(schedd, "blind", ""))

    def _outage(self, name: str, begin: float, end: float) -> None:
        self.after(begin, lambda: self.down.add(name))
        self.after(end, lambda: self.down.discard(name))

    def _lose_transactions(self, schedd: Schedd) -> None:
        """The schedd restarts without the last submissions; they never got to a CE."""
        lost = [p for p in schedd.alive if not p.running]
        for pilot in lost[-self.rng.randint(1, 6) :]:
            self.say(f"lost {pilot.tag}.{pilot.proc}")
            schedd.lose(pilot)

    def _impostor(self, name: str, begin: float, end: float) -> None:
        other = Schedd(f"impostor {self.rng.randint(10, 99)}", self.rng)
        self.everybody.append(other)

        def come() -> None:
            if self.serving[name] is self.home[name]:
                self.say(f"an impostor at {name}")
                self.serving[name] = other

        def go() -> None:
            self.serving[name] = self.home[name]
            self._abandon(other)

        self.after(begin, come)
        self.after(end, go)

    def _wipe(self, name: str) -> None:
        """The job queue is made anew; its pilots run on at their CEs until their lease is over."""
        old = self.home[name]
        if self.serving[name] is not old:
            return
        self.say(f"{name} is wiped")
        new = Schedd(f"{name} born {self.now:.0f}", self.rng, old.history)
        self.home[name] = self.serving[name] = new
        self.everybody.append(new)
        self._abandon(old)

    def _abandon(self, schedd: Schedd) -> None:
        """The pilots of a job queue that is gone end when their lease is over."""
        if schedd in self.everybody:
            self.everybody.remove(schedd)
            for pilot in schedd.alive:
                self.gone.append(pilot)
                self.after(self.rng.uniform(0, LEASE), lambda p=pilot: setattr(p, "alive", False))

    def _second_factory(self, schedd: Schedd) -> None:
        for _ in range(self.rng.randint(1, 3)):
            tag, queue = f"foreign{self.rng.random()}", self.rng.choice(list(self.queues))
            batch = Batch(tag, queue, "", "", self.rng.randint(1, 4), mark="other")
            schedd.submit(batch)
        self.say("a second factory sends")

    def _second_thread(self) -> None:
        if self.up and not self.calm:
            self._cycle_later(self.rng.choice(list(self.queues)), self._life, 0.0)

    def _bad_disk(self, how: str, begin: float, end: float) -> None:
        self.after(begin, lambda: setattr(self.disk, "broken", how))

        def mended() -> None:
            self.disk.broken = ""
            self.disk.flush()

        self.after(end, mended)

    def _reload(self) -> None:
        q = self.rng.choice(list(self.queues.values()))
        what = self.rng.choice(("ce", "place", "spelling", "disable", "enable"))
        if what == "ce":
            q.ce = self.rng.choice([s for names in CES.values() for s in names])
        elif what == "place":
            q.place = self.rng.choice([s for names in SPELLINGS.values() for s in names])
        elif what == "spelling":
            one = self.accounts.places.resolve(q.place)
            q.place = self.rng.choice(SPELLINGS.get(one, (q.place,)))
        else:
            q.enabled = what == "enable"
        self.say(f"reload: {q}")

    def _operator_adopts(self) -> None:
        if not self.up:
            self.after(31, self._operator_adopts)
            return
        self.accused.clear()
        for place in self.accounts.places:
            adopt(self.accounts, place.name)

    # --- invariants -------------------------------------------------------------------------------

    def alive(self) -> list[Pilot]:
        """Return the pilots that live in truth."""
        return [p for s in self.everybody for p in s.alive] + [p for p in self.gone if p.alive]

    def _check_truth(self) -> None:
        """No queue has more pilots than it wants, no CE and no factory more than its cap."""
        by_queue: Counter[str] = Counter()
        by_ce: Counter[str] = Counter()
        total = 0
        for p in self.alive():
            if p.mark == self.disk.mark:
                by_queue[p.queue] += 1
                by_ce[next(one for one, names in CES.items() if p.ce in names)] += 1
                total += 1
        for name, n in by_queue.items():
            if n > self.queues[name].target:
                raise Violation(f"{n} pilots of {name}, target {self.queues[name].target}")
        for ce, n in by_ce.items():
            if n > self.caps[0].maximum:
                raise Violation(f"{n} pilots at {ce}, at most {self.caps[0].maximum}")
        if total > self.caps[1].maximum:
            raise Violation(f"{total} pilots, at most {self.caps[1].maximum}")

    def _check_book(self) -> None:
        """No pilot lives that the book does not count."""
        if not self.up:
            return
        book = self._book
        if not (self._more or book.touched or self.steps % 50 == 0):
            return
        book.touched = False
        if self._more or self.steps % 50 == 0:
            self._lived = self._ours_by_tag()
        # Between two submissions pilots only end: what lived at the last look is the most that can live now.
        if self._not_counted(self._lived):
            self._lived = self._ours_by_tag()
            if tag := self._not_counted(self._lived):
                line = self.accounts.book.line(tag)
                has = line.open if line else "no line"
                raise Violation(f"{self._lived[tag]} pilots of {tag} live, the book has {has}")
        if self.steps % 50 == 0:
            self._check_sums()

    def _ours_by_tag(self) -> dict[str, int]:
        """Return how many pilots of each tag of ours live in truth."""
        return Counter(p.tag for p in self.alive() if p.mark == self.disk.mark)

    def _not_counted(self, lives: dict[str, int]) -> str | None:
        """Return a tag of which more pilots live than the book has open."""
        line = self.accounts.book.line
        for tag, n in lives.items():
            known = line(tag)
            if known is None or known.open < n:
                return tag
        return None

    def _check_told(self, name: str) -> None:
        """A second factory is told of, some polls after it was there to be seen."""
        place = self.accounts.places.get(name)
        line = self.accounts.book.line
        there = any(p.mark != self.disk.mark and line(p.tag) is None for p in self._serving(name).alive)
        seen = there and bool(self._foreign_shown(place)) and place.name not in self.accused
        if not seen:
            self._untold.pop(place.name, None)
            return
        since, polls = self._untold.get(place.name, (self.now, 0))
        self._untold[place.name] = since, polls + 1
        if self.now - since > 250 and polls > 4:
            raise Violation(f"nobody is told of the second factory at {name}")

    def _foreign_shown(self, place: Place) -> int:
        """Return the pilots of other books that a place shows and that were not adopted."""
        book = self.accounts.book
        shown = sum(place.view.others.values()) if place.view else 0
        adopted = sum(b.open for b in book.lines(place.name) if b.mark != book.mark)
        ended = sum(n for (_, ours), n in place.ended.items() if not ours)
        return max(0, shown - adopted - ended)

    def _check_not_accused(self, batch: Batch) -> None:
        """Nothing is sent where a second factory was told of, or is to be seen."""
        if batch.place in self.accused:
            raise Violation(f"{batch.tag} is sent to {batch.place}, where a second factory sends too")
        if shown := self._foreign_shown(self.accounts.places.get(batch.place)):
            raise Violation(f"{batch.tag} is sent to {batch.place}, which shows {shown} of another mark")

    def _check_sums(self) -> None:
        book = self.accounts.book
        sums: Counter[str] = Counter()
        for line in book._lines.values():
            for scope in scopes(line.queue, line.ce, line.place):
                sums[scope] += line.open
            if line.ended < 0 or line.open + line.ended + line.lost.bit_count() != line.n:
                raise Violation(f"{line.tag} does not add up: {line}")
        if {k: v for k, v in sums.items() if v} != dict(book.totals()):
            raise Violation("the sums are not the sums of the lines")

    def _check_resolved(self, name: str, begun: float) -> None:
        """Two polls after the last fault no intent is open whose pilots the place knows.

        One that did not take place needs longer: it may be under way, and one look-up may lie.
        """
        if begun < self._quiet_since:
            return
        polls = self._quiet_polls.setdefault(name, [])
        polls.append(begun)
        if len(polls) < 2:
            return
        schedd, place = self._serving(name), self.accounts.places.get(name)
        known = {p.tag for p in [*schedd.pilots.values(), *schedd.ended]}
        # To its next poll an intent waits first, and then, at each of two limits, for the poll after it.
        most = POLICY.under_way + POLICY.apart + 3.5 * POLL
        for line in self.accounts.book.unresolved(place.name):
            if line.tag in known:
                raise Violation(f"{line.tag} is there, and two polls after the last fault nobody knows it")
            if begun - polls[0] > most:
                raise Violation(
                    f"{line.tag} is not there, and open {begun - polls[0]:.0f} s after a calm poll"
                )

    def _check_end(self) -> None:
        """Everything is resolved some polls after the last fault."""
        self._check_sums()
        book = self.accounts.book
        if left := book.unresolved():
            raise Violation(f"not resolved: {left}")
        for schedd in self.everybody:
            # What ended since the last poll, or the last two look-ups, may be open yet.
            patience = 2 * POLL + (0 if schedd.history else POLICY.apart_without_history + POLL)
            lived = Counter(p.tag for p in schedd.alive)
            lately = Counter(p.tag for p in schedd.dead if p.ended_at > self.now - patience)
            for line in book._lines.values():
                if line.tag not in schedd.tags:
                    continue
                if not lived[line.tag] <= line.open <= lived[line.tag] + lately[line.tag]:
                    raise Violation(f"{line.tag}: the book has {line.open}, {lived[line.tag]} live")
        for q in self.queues.values():
            place = self.accounts.places.get(q.place)
            if q.enabled and (reasons := holding.holds(self.accounts, place)):
                raise Violation(f"{place.name} is held back at the end: {reasons}")
        self._check_disk()
        self._check_never_sent()
        for q in self.queues.values():
            if q.enabled and self._serving(q.place).history:
                self._check_filled(q)

    def _check_disk(self) -> None:
        self.disk.flush()
        book = self.accounts.book
        for line in book._lines.values():
            kept = self.disk.lines.get(line.tag)
            if kept is None or kept.open < line.open:
                raise Violation(f"{line.tag} is not on disk as it is in the book: {kept} {line}")

    def _check_never_sent(self) -> None:
        """What is known to have run is not booked as never sent."""
        if self.told["forgotten"] or self.told["place-changed"]:
            return
        for schedd in self.everybody:
            known = {p.tag for p in [*schedd.alive, *schedd.ended] if p.mark == self.disk.mark}
            for tag in sorted(known):
                line = self.disk.lines.get(tag)
                if line is None or not line.n:
                    raise Violation(f"{tag} is booked as never sent, and the history has it")

    def _check_filled(self, q: Queue) -> None:
        """A queue has got what it wants, as far as the caps allow."""
        ours = self.alive()  # those of a second factory too: they were adopted
        mine = sum(p.queue == q.name for p in ours)
        at_ce = self.accounts.book.open(f"ce:{ce_name(q.ce)}")
        full = len(ours) >= self.caps[1].maximum or at_ce >= self.caps[0].maximum
        if mine < q.target and not full:
            raise Violation(f"{q.name} has {mine} of {q.target}, and nothing that stops it")


def run(seed: int, trace: Callable[[str], None] | None = None) -> World:
    """Go through the schedule of `seed`; raises Violation."""
    world = World(seed, trace)
    world.run()
    return world
