"""What goes wrong in a schedule, and the lives of pilots.

In a swarm schedule (of a seed below zero) each kind of fault comes not at all, as often as elsewhere, or
up to three times as often, and what is rare elsewhere is not: faults come together that hardly do elsewhere.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from autopyfactory.accounting.book import Batch
from simulation.model import LEASE, Pilot, Schedd
from simulation.setting import CES, FAULTS_END, QUIET, SPELLINGS

if TYPE_CHECKING:
    from simulation.world import World

RELAPSES, FORGED, MOVED = 0.1, 0.25, 0.15  # of the schedules
LIES = ("zero", "fifth", "half", "some queues", "old", "flip", "more", "nonsense")


class Faults:
    """Draws the faults of one schedule, and lets them happen."""

    def __init__(self, world: World):
        self.world = world
        self._levels = random.Random(f"swarm {world.seed}") if world.swarm else None

    def _times(self, most: int) -> int:
        """Return how often a fault of one kind happens that happens `most` times elsewhere."""
        level = self._levels.choice((0, 1, 1, 3)) if self._levels is not None else 1
        return self.world.rng.randint(0, most * level)

    def live(self) -> None:
        """Pilots start, end, and leave the queue."""
        rng = self.world.rng
        for schedd in self.world.everybody:
            for pilot in list(schedd.pilots.values()):
                roll = rng.random()
                if pilot.leaves:
                    if roll < 0.5 or self.world.calm:
                        schedd.archive(pilot)
                elif not pilot.running:
                    pilot.running = roll < 0.5
                elif (
                    roll < self.world.mortality * (0.2 if pilot.mark != self.world.disk.mark else 1)
                    and self.world.now < QUIET
                ):
                    schedd.end(pilot, self.world.now)
        self.world.after(rng.uniform(5, 40), self.live)

    def draw(self) -> None:
        """Draw the faults of this schedule."""
        if not self.world.conditions.tags:
            self._draw_of_numbers()
            return
        if self.world.conditions.dead_name:
            self._dead_name()
        rng = self.world.rng
        relapsing = self._relapses()
        self._forger()
        self._mover()
        for _ in range(self._times(3)):
            self.world.after(rng.uniform(10, FAULTS_END - 10), self.world.kill)
        for name, schedd in self.world.home.items():
            for _ in range(self._times(2)):
                begin, length = rng.uniform(0, FAULTS_END - 700), rng.uniform(20, 700)
                self._lying(schedd, rng.choice(LIES), begin, begin + length)
            if rng.random() < 0.4:
                begin = rng.uniform(0, FAULTS_END - 200)
                how, end = rng.choice(("nothing", "part", "short")), begin + rng.uniform(10, 100)
                if schedd is not relapsing:
                    self._blind(schedd, how, begin, end)
            if rng.random() < self.world.often(0.4):
                begin = rng.uniform(0, FAULTS_END - 400)
                self._outage(name, begin, begin + rng.uniform(5, 300))
            if rng.random() < self.world.often(0.3):
                self.world.after(rng.uniform(60, FAULTS_END), lambda s=schedd: self._lose_transactions(s))
            if rng.random() < 0.2:
                begin = rng.uniform(60, FAULTS_END - 800)
                self._impostor(name, begin, begin + rng.uniform(30, 600))
            elif rng.random() < 0.1:
                self.world.after(rng.uniform(60, FAULTS_END - 1100), lambda n=name: self._wipe(n))
            if rng.random() < self.world.often(0.2):
                self.world.after(rng.uniform(60, FAULTS_END), lambda s=schedd: self._second_factory(s))
        for _ in range(self._times(2)):
            begin = rng.uniform(0, FAULTS_END - 300)
            self._bad_disk(rng.choice(("full", "late")), begin, begin + rng.uniform(5, 200))
        for _ in range(self._times(5)):
            self.world.after(rng.uniform(10, FAULTS_END), self._reload)
        if rng.random() < self.world.often(0.3):
            self.world.after(rng.uniform(10, FAULTS_END), self._second_thread)
        if rng.random() < self.world.often(0.1):
            self.world.after(rng.uniform(100, FAULTS_END), self.world.operators.adopt_all)

    def _dead_name(self) -> None:
        """Let nobody answer any more under the other name of a schedd; queues are given the living one."""

        def die() -> None:
            self.world.say("twin@h is dead")
            self.world.dead_name = "twin@h"
            for queue in self.world.queues.values():
                queue.place = "p0@h" if queue.place == "twin@h" else queue.place

        self.world.after(random.Random(f"dead name {self.world.seed}").uniform(300, FAULTS_END), die)

    def _draw_of_numbers(self) -> None:
        """Draw faults of places that tell numbers only: nobody can know there who answers, and of whom.

        What they tell is wrong for less than half as long as has to be missing there, and true as long.
        """
        rng = self.world.rng
        for begin in range(0, int(FAULTS_END) - 450, 450):
            for schedd in self.world.home.values():
                if rng.random() < 0.4:
                    lie, first = rng.choice(LIES), begin + rng.uniform(0, 100)
                    self._lying(schedd, lie, first, first + rng.uniform(20, 150))
        for name, schedd in self.world.home.items():
            for _ in range(self._times(2)):
                begin = rng.uniform(0, FAULTS_END - 400)
                self._outage(name, begin, begin + rng.uniform(5, 300))
            if rng.random() < self.world.often(0.3):
                self.world.after(rng.uniform(60, FAULTS_END), lambda s=schedd: self._lose_transactions(s))
        for _ in range(self._times(3)):
            self.world.after(rng.uniform(10, FAULTS_END - 10), self.world.kill)
        for _ in range(self._times(2)):
            begin = rng.uniform(0, FAULTS_END - 300)
            self._bad_disk(rng.choice(("full", "late")), begin, begin + rng.uniform(5, 200))
        for _ in range(self._times(5)):
            self.world.after(rng.uniform(10, FAULTS_END), self._reload)

    def _forger(self) -> None:
        """Let somebody, in some schedules, have jobs with the ads of our pilots, and let them end.

        Drawn apart from the other faults, as the next one is: so the schedules of older seeds are what they
        were.
        """
        own = random.Random(f"forger {self.world.seed}")
        if own.random() > self.world.often(FORGED):
            return
        for _ in range(own.randint(1, 3)):
            begin, length = own.uniform(100, FAULTS_END - 400), own.uniform(30, 300)
            self.world.after(begin, lambda last=length: self._forge(own, last))

    def _mover(self) -> None:
        """Let a name of one schedd, in some schedules, lead to another one, for good or for a while."""
        own = random.Random(f"mover {self.world.seed}")
        if own.random() > self.world.often(MOVED) or self.world.conditions.dead_name:
            return
        begin = own.uniform(60, FAULTS_END - 1100)
        end = begin + own.uniform(30, 900) if own.random() < 0.5 else None
        self.world.after(begin, lambda: self._move(own, end))

    def _move(self, own: random.Random, end: float | None) -> None:
        """Both names are in use from now on: where nobody asks, nobody knows who lives."""
        world = self.world
        one, other = own.sample(("p0@h", "twin@h"), 2)
        stays, goes = own.sample(sorted(world.queues), 2)
        world.queues[stays].place, world.queues[goes].place = one, other
        world.queues[stays].enabled, world.pinned = True, stays
        world.say(f"{other} leads elsewhere, and {one} does not")
        new = Schedd(f"{other} moved {world.now:.0f}", world.rng, world.home["p0@h"].history)
        world.moved[other] = new
        world.everybody.append(new)
        world.checks.disturbed()
        if end is not None:
            world.after(end - world.now, lambda: self._move_back(other))

    def _move_back(self, name: str) -> None:
        self.world.say(f"{name} leads where it did")
        self._abandon(self.world.moved.pop(name))

    def _forge(self, own: random.Random, last: float) -> None:
        schedd = own.choice(list(self.world.home.values()))
        ours = [p for p in schedd.alive if p.mark == self.world.disk.mark and not p.forged]
        if not ours:
            return
        copied = own.choice(ours)
        self.world.say(f"somebody copies {copied.tag}")
        for copy in schedd.forge(copied, own.randint(1, 4)):
            self.world.after(last, lambda p=copy: self._end_forged(schedd, p))

    def _end_forged(self, schedd: Schedd, copy: Pilot) -> None:
        if copy.alive:
            schedd.end(copy, self.world.now)

    def _relapses(self) -> Schedd | None:
        """Let one schedd, in some schedules, twice know of nothing for a while.

        Between it tells the truth, or nothing. Each time is shorter than two look-ups are apart, and all of
        it is longer.
        """
        own = random.Random(f"two lies {self.world.seed}")
        if own.random() > self.world.often(RELAPSES):
            return None
        schedd = own.choice(list(self.world.home.values()))
        silent = random.Random(f"no answer between {self.world.seed}").random() > 0.5
        begin = own.uniform(200, 600)
        for first in (True, False):
            end = begin + own.uniform(70, 150)
            self._lying(schedd, "zero", begin, end)
            self._blind(schedd, "nothing", begin, end)
            begin = end + own.uniform(750, 1000)  # longer than a thread is paused: the truth is heard
            if silent and first:
                name = next(name for name, one in self.world.home.items() if one is schedd)
                self._outage(name, end, begin)
        return schedd

    def _lying(self, schedd: Schedd, lie: str, begin: float, end: float) -> None:
        self.world.after(max(0.0, begin), lambda: setattr(schedd, "lie", lie))
        self.world.after(end, lambda: setattr(schedd, "lie", ""))

    def _blind(self, schedd: Schedd, how: str, begin: float, end: float) -> None:
        self.world.after(begin, lambda: setattr(schedd, "blind", how))
        self.world.after(end, lambda: setattr(schedd, "blind", ""))

    def _outage(self, name: str, begin: float, end: float) -> None:
        self.world.after(begin, lambda: self.world.down.add(name))
        self.world.after(end, lambda: self.world.down.discard(name))

    def _lose_transactions(self, schedd: Schedd) -> None:
        """The schedd restarts without the last submissions; they never got to a CE."""
        lost = [p for p in schedd.alive if not p.running]
        for pilot in lost[-self.world.rng.randint(1, 6) :]:
            self.world.say(f"lost {pilot.tag}.{pilot.proc}")
            schedd.lose(pilot)

    def _impostor(self, name: str, begin: float, end: float) -> None:
        other = Schedd(f"impostor {name[:2]} {self.world.rng.randint(10, 99)}", self.world.rng)
        self.world.everybody.append(other)

        def come() -> None:
            if self.world.serving[name] is self.world.home[name]:
                self.world.say(f"an impostor at {name}")
                self.world.serving[name] = other

        def go() -> None:
            self.world.serving[name] = self.world.home[name]
            self._abandon(other)

        self.world.after(begin, come)
        self.world.after(end, go)

    def _wipe(self, name: str) -> None:
        """The job queue is made anew; its pilots run on at their CEs until their lease is over."""
        old = self.world.home[name]
        if self.world.serving[name] is not old or self.world.moved:
            return  # that a job queue is gone which its name did not lead to before nobody can know
        self.world.say(f"{name} is wiped")
        new = Schedd(f"{name} born {self.world.now:.0f}", self.world.rng, old.history)
        self.world.home[name] = self.world.serving[name] = new
        self.world.everybody.append(new)
        self._abandon(old)

    def _abandon(self, schedd: Schedd) -> None:
        """The pilots of a job queue that is gone end when their lease is over."""
        if schedd in self.world.everybody:
            self.world.everybody.remove(schedd)
            for pilot in schedd.alive:
                self.world.gone.append(pilot)
                self.world.after(self.world.rng.uniform(0, LEASE), lambda p=pilot: setattr(p, "alive", False))

    def _second_factory(self, schedd: Schedd) -> None:
        for _ in range(self.world.rng.randint(1, 3)):
            tag, queue = f"foreign{self.world.rng.random()}", self.world.rng.choice(list(self.world.queues))
            batch = Batch(tag, queue, "", "", self.world.rng.randint(1, 4), mark="other")
            schedd.submit(batch)
        self.world.say("a second factory sends")

    def _second_thread(self) -> None:
        if self.world.up and not self.world.calm:
            self.world.cycle_later(self.world.rng.choice(list(self.world.queues)), self.world.life, 0.0)

    def _bad_disk(self, how: str, begin: float, end: float) -> None:
        self.world.after(begin, lambda: setattr(self.world.disk, "broken", how))

        def mended() -> None:
            self.world.disk.broken = ""
            self.world.disk.flush()

        self.world.after(end, mended)

    def _reload(self) -> None:
        q = self.world.rng.choice(list(self.world.queues.values()))
        what = self.world.rng.choice(("ce", "place", "spelling", "disable", "enable"))
        if q.name == self.world.pinned and what != "ce":
            return
        if what == "ce":
            q.ce = self.world.rng.choice([s for names in CES.values() for s in names])
        elif what == "place":
            q.place = self.world.rng.choice([s for names in SPELLINGS.values() for s in names])
            q.place = self._in_use(q.place)
        elif what == "spelling":
            one = self.world.accounts.places.resolve(q.place)
            q.place = self._in_use(self.world.rng.choice(SPELLINGS.get(one, (q.place,))))
        else:
            q.enabled = what == "enable"
        self.world.say(f"reload: {q}")

    def _in_use(self, place: str) -> str:
        """Return how operators call a place: not by a dead name, or one that nobody can know for its."""
        avoided = place == "twin@h" and (self.world.dead_name == place or not self.world.conditions.tags)
        return "p0@h" if avoided else place
