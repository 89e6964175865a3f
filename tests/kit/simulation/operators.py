"""What operators do when they are told something. They have learned what is true before they act.

Drawn apart from the faults: so the schedules of older seeds are what they were until then.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from autopyfactory.accounting.book import Batch
from autopyfactory.accounting.protocol.foreign import adopt
from autopyfactory.accounting.protocol.identity import forget
from autopyfactory.accounting.requests import Tell
from simulation.setting import FAULTS_END

if TYPE_CHECKING:
    from simulation.world import World

QUICK = 0.3  # of the schedules: their operators act soon after they are told
LATE_RIVAL = FAULTS_END + 620.0  # all others have been adopted by then


class Operators:
    """Adopt what a second factory sent, and forget what a job queue that is gone had."""

    def __init__(self, world: World):
        self.world = world
        self._own = random.Random(f"operators {world.seed}")
        self._quick = self._own.random() < world.often(QUICK)
        self._in_next_poll: set[str] = set()  # of these places: adopt between two steps of it
        self._asked: set[str] = set()

    def draw(self) -> None:
        """Let all adopt when the faults have ended; in some schedules a second factory comes after that."""
        self.world.after(FAULTS_END, self.adopt_all)
        self.world.after(FAULTS_END + 600, self.adopt_all)
        if self._quick and self.world.conditions.tags:
            self.world.after(LATE_RIVAL, self._late_rival)

    def adopt_all(self) -> None:
        """Adopt whatever there is, at every place."""
        if not self.world.up:
            self.world.after(31, self.adopt_all)
            return
        for place in self.world.accounts.places:
            self._adopt(place.name)

    def told(self, request: Tell) -> None:
        """Do what is to be done about what the factory tells."""
        if not self._quick:
            return
        name, soon = request.place, self._own.uniform(0, 300)
        if request.kind == "foreign":
            if self.world.now > LATE_RIVAL:
                self._in_next_poll |= {name} - self._asked
                self._asked.add(name)  # to be told again would be wrong
            else:
                self.world.after(soon, lambda: self._adopt(name))
        elif request.kind == "stranger":
            self.world.after(soon, lambda: self._forget(name))

    def polled(self, name: str) -> None:
        """A poll begins of the place that somebody calls `name`."""
        name = self.world.accounts.places.resolve(name)
        if name in self._in_next_poll:
            self._in_next_poll.discard(name)
            self.world.after(self._own.uniform(0, 0.6), lambda: self._adopt(name))

    def _adopt(self, name: str) -> None:
        if self.world.up:
            self.world.say(f"an operator adopts what is at {name}")
            self.world.checks.adopted(self.world.accounts.places.resolve(name))
            adopt(self.world.accounts, name)

    def _forget(self, name: str) -> None:
        """Forget the pilots of a job queue that is gone, after the last of them was stopped."""
        world = self.world
        place = world.accounts.places.get(name)
        if not world.up or place.stranger_since is None:
            return
        answering = (*world.home.values(), *world.serving.values(), *world.moved.values())
        if place.identity in {s.identity for s in answering}:
            return  # somebody else answers in its place for now: its pilots live
        ours = {b.tag for b in world.accounts.book.lines(place.name)}
        for pilot in world.gone:
            pilot.alive = pilot.alive and pilot.tag not in ours
        world.say(f"an operator forgets what was at {name}")
        world.drive(forget(world.accounts, name, "an operator says so"))

    def _late_rival(self) -> None:
        schedd = self.world.serving[self._own.choice(list(self.world.serving))]
        queue = self._own.choice(list(self.world.queues))
        schedd.submit(
            Batch(f"late{self._own.random()}", queue, "", "", self._own.randint(1, 4), mark="other")
        )
        self.world.say("a second factory sends")
