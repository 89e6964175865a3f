"""The invariants, checked against the truth after each step, each poll, and at the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from autopyfactory.accounting.book import Batch, scopes
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.protocol import holding
from autopyfactory.accounting.requests import Tell
from autopyfactory.accounting.spelling import ce as ce_name
from simulation.setting import CES, FAULTS_END, POLICY, Queue, Violation

if TYPE_CHECKING:
    from simulation.world import World

MOST_UNTOLD = 1  # polls that show a second factory before people are told of it


class Checks:
    """Looks at one world; raises Violation."""

    def __init__(self, world: World):
        self.world = world
        self.poll, self.tags = world.conditions.poll, world.conditions.tags
        self.more = False  # since the last look there are more pilots
        self.acted = False  # since the last look the factory did something
        self.sent: Counter[str] = Counter()  # pilots that schedds took from us, by queue
        # Places where a second factory was told of in this life, and who they were then.
        self.accused: dict[str, str] = {}
        self._told: Counter[str] = Counter()
        self._quiet_since = FAULTS_END  # no fault, and nothing that one left under way, since
        self._quiet_polls: dict[str, list[float]] = {}  # when those of each place since then were begun
        # Since when nobody was told, and in how many polls that began after that and were answered in full.
        self._untold: dict[str, tuple[float, int]] = {}
        self._lived: dict[str, int] = {}

    # --- what the world reports -------------------------------------------------------------------

    def begun(self) -> None:
        """A life of the factory begins."""
        self.disturbed()
        self.accused.clear()
        self._untold.clear()

    def disturbed(self) -> None:
        """Something of a fault happens: what is to be resolved within two polls is so from now on."""
        self._quiet_since = max(self._quiet_since, self.world.now)
        self._quiet_polls.clear()

    def submitted(self, batch: Batch) -> None:
        """A schedd has taken pilots of ours."""
        self.more = True
        self.sent[batch.queue] += batch.n

    def adopted(self, name: str) -> None:
        """An operator adopts whatever is at the place `name`."""
        self.accused.pop(name, None)
        self._untold.pop(name, None)

    def told(self, request: Tell) -> None:
        """People are told something."""
        self._told[request.kind] += 1
        if request.kind == "foreign":
            self._untold.pop(request.place, None)
            self.accused[request.place] = self.world.accounts.places.get(request.place).identity
        elif request.kind in ("forgotten", "place-changed"):
            self.accused.pop(request.place, None)
            self._give_up()
        elif request.kind == "parted":  # one of them is new, and the other is called otherwise, perhaps
            both = {"p0@h", "twin@h"}
            places = self.world.accounts.places
            for name in both:
                self.accused.pop(name, None)
                if places.get(name).foreign_since is not None:
                    self.accused[name] = places.get(name).identity

    def _give_up(self) -> None:
        """A job queue that tells nothing for the whole lease, while others answer under its name, is gone.

        As far as anybody can know: its pilots may live, and are found again when it answers.
        """
        for schedd in self.world.everybody:
            if self.world.now - schedd.heard >= POLICY.lease:
                for pilot in schedd.alive:
                    pilot.given_up = True

    def step(self) -> None:
        """Check what must hold at any moment."""
        if self.more:
            self._check_truth()
        if self.more or self.acted:
            self._check_book()
        self.more = self.acted = False

    def polled(self, name: str, begun: float, *, told_all: bool) -> None:
        """Check what must hold after a poll begun then; `told_all`: whatever it asked was answered."""
        self._check_told(name, begun, told_all)
        self._check_resolved(name, begun)

    # --- at any moment ----------------------------------------------------------------------------

    def _check_truth(self) -> None:
        """No queue has more pilots than it wants, no CE and no factory more than its cap."""
        by_queue: Counter[str] = Counter()
        by_ce: Counter[str] = Counter()
        total = 0
        for p in self.world.alive():
            if p.mark == self.world.disk.mark and not p.given_up:
                by_queue[p.queue] += 1
                by_ce[next(one for one, names in CES.items() if p.ce in names)] += 1
                total += 1
        for name, n in by_queue.items():
            if n > self.world.queues[name].target:
                raise Violation(f"{n} pilots of {name}, target {self.world.queues[name].target}")
        for ce, n in by_ce.items():  # of which CE they have ended nobody knows who is told numbers only
            if self.tags and n > self.world.caps[0].maximum:
                raise Violation(f"{n} pilots at {ce}, at most {self.world.caps[0].maximum}")
        if total > self.world.caps[1].maximum:
            raise Violation(f"{total} pilots, at most {self.world.caps[1].maximum}")

    def _check_book(self) -> None:
        """No pilot lives that the book does not count."""
        if not self.world.up:
            return
        book = self.world.book
        if not (self.more or book.touched or self.world.steps % 50 == 0):
            return
        book.touched = False
        if self.more or self.world.steps % 50 == 0:
            self._lived = self._ours_by_tag()
        # Between two submissions pilots only end: what lived at the last look is the most that can live now.
        if self._not_counted(self._lived):
            self._lived = self._ours_by_tag()
            if tag := self._not_counted(self._lived):
                line = self.world.accounts.book.line(tag)
                has = line.open if line else "no line"
                raise Violation(f"{self._lived[tag]} pilots of {tag} live, the book has {has}")
        if self.world.steps % 50 == 0:
            self._check_sums()

    def _ours_by_tag(self) -> dict[str, int]:
        """Return how many pilots of each tag of ours live in truth, or of each queue if nobody tells tags."""
        mine = [p for p in self.world.alive() if p.mark == self.world.disk.mark and not p.given_up]
        return Counter(p.tag if self.tags else p.queue for p in mine)

    def _not_counted(self, lives: dict[str, int]) -> str | None:
        """Return a tag, or a queue, of which more pilots live than the book has open."""
        if not self.tags:
            book = self.world.accounts.book
            return next((queue for queue, n in lives.items() if book.open(f"queue:{queue}") < n), None)
        line = self.world.accounts.book.line
        for tag, n in lives.items():
            known = line(tag)
            if known is None or known.open < n:
                return tag
        return None

    def _check_told(self, name: str, begun: float, told_all: bool) -> None:
        """A second factory is told of, some polls after it was there to be seen."""
        place = self.world.accounts.places.get(name)
        line = self.world.accounts.book.line
        there = any(
            p.mark != self.world.disk.mark and line(p.tag) is None for p in self.world.serving_at(name).alive
        )
        # Told under the name that its place had then: that this is parted is told a little later.
        told = place.name in self.accused or place.identity in self.accused.values()
        if told or not there or not self._foreign_shown(place):
            self._untold.pop(place.name, None)
            return
        since, polls = self._untold.get(place.name, (self.world.now, 0))
        polls += told_all and begun > since
        self._untold[place.name] = since, polls
        if polls > MOST_UNTOLD:
            raise Violation(f"nobody is told of the second factory at {name}")

    def _foreign_shown(self, place: Place) -> int:
        """Return the pilots of other books that a place shows and that were not adopted."""
        book = self.world.accounts.book
        shown = sum(place.view.others.values()) if place.view else 0
        adopted = sum(b.open for b in book.lines(place.name) if b.mark != book.mark)
        ended = sum(n for (_, ours), n in place.ended.items() if not ours)
        return max(0, shown - adopted - ended)

    def not_accused(self, batch: Batch) -> None:
        """Nothing is sent where a second factory was told of, or is to be seen."""
        # A name that was parted may lead elsewhere before that is told: the disk may be slow.
        if self.accused.get(batch.place) == batch.identity:
            raise Violation(f"{batch.tag} is sent to {batch.place}, where a second factory sends too")
        if shown := self._foreign_shown(self.world.accounts.places.get(batch.place)):
            raise Violation(f"{batch.tag} is sent to {batch.place}, which shows {shown} of another mark")

    def _check_sums(self) -> None:
        book = self.world.accounts.book
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
        schedd, place = self.world.serving_at(name), self.world.accounts.places.get(name)
        known = {p.tag for p in [*schedd.pilots.values(), *schedd.ended]}
        # To its next poll an intent waits first, and then, at each of two limits, for the poll after it.
        most = self.world.accounts.policy.under_way + self.world.accounts.policy.apart + 3.5 * self.poll
        for line in self.world.accounts.book.unresolved(place.name):
            if line.tag in known and self.tags:
                raise Violation(f"{line.tag} is there, and two polls after the last fault nobody knows it")
            if begun - polls[0] > most:
                raise Violation(
                    f"{line.tag} is not there, and open {begun - polls[0]:.0f} s after a calm poll"
                )

    def end(self) -> None:
        """Everything is resolved some polls after the last fault."""
        self._check_sums()
        book = self.world.accounts.book
        if left := [b for b in book.unresolved() if b.place not in self._unreachable()]:
            raise Violation(f"not resolved: {left}")
        unreachable = self._unreachable()
        for schedd in self.world.everybody if self.tags else ():
            # What ended since the last poll, or the last two look-ups, may be open yet.
            patience = 2 * self.poll + (
                0 if schedd.history else self.world.accounts.policy.apart_without_history + self.poll
            )
            lived = Counter(p.tag for p in schedd.alive)
            lately = Counter(p.tag for p in schedd.dead if p.ended_at > self.world.now - patience)
            for line in book._lines.values():
                if line.tag not in schedd.tags or line.place in unreachable:
                    continue
                if not lived[line.tag] <= line.open <= lived[line.tag] + lately[line.tag]:
                    raise Violation(f"{line.tag}: the book has {line.open}, {lived[line.tag]} live")
        for q in self.world.queues.values():
            place = self.world.accounts.places.get(q.place)
            if q.enabled and (reasons := holding.holds(self.world.accounts, place)):
                raise Violation(f"{place.name} is held back at the end: {reasons}")
        if not self.tags:
            self._check_numbers()
        self._check_nobody_unknown()
        self._check_disk()
        self._check_totals()
        self._check_never_sent()
        for q in self.world.queues.values():
            if self._unreachable() & set(book.places):
                break  # pilots there fill caps for ever
            if q.enabled and self.world.serving_at(q.place).history:
                self._check_filled(q)

    def _unreachable(self) -> set[str]:
        """Return the places with no name that anybody answers at: of their pilots only operators know."""
        places, dead = self.world.accounts.places, self.world.dead_name
        return {p.name for p in places if p.name == dead and not places.another_name(p, dead)}

    def _check_nobody_unknown(self) -> None:
        """Pilots of a second factory are in the book, or were told of, also when others ended meanwhile."""
        for name in self.world.home:
            place = self.world.accounts.places.get(name)
            if place.view is None or self.world.now - place.view.asked > 2 * self.poll:
                continue  # nobody looks there: no queue sends there
            tags = {p.tag for p in self.world.serving_at(name).alive if p.mark != self.world.disk.mark}
            unknown = {tag for tag in tags if self.world.accounts.book.line(tag) is None}
            if unknown and place.name not in self.accused:
                raise Violation(f"{sorted(unknown)} at {name} are neither in the book nor told of")

    def _check_numbers(self) -> None:
        """Of each queue as many pilots are open as live, and as have ended lately."""
        limit = self.world.now - self.world.accounts.policy.apart_without_history - 3 * self.poll
        lived = Counter(p.queue for p in self.world.alive())
        lately = Counter(p.queue for s in self.world.everybody for p in s.dead if p.ended_at > limit)
        for queue in self.world.queues:
            n = self.world.accounts.book.open(f"queue:{queue}")
            if not lived[queue] <= n <= lived[queue] + lately[queue]:
                raise Violation(f"{queue}: the book has {n}, {lived[queue]} live")

    def _check_disk(self) -> None:
        self.world.disk.flush()
        book = self.world.accounts.book
        for line in book._lines.values():
            kept = self.world.disk.lines.get(line.tag)
            if kept is None or kept.open < line.open:
                raise Violation(f"{line.tag} is not on disk as it is in the book: {kept} {line}")

    def _check_totals(self) -> None:
        """What is told to have been sent is what the lines say, and no more than has been sent in truth."""
        disk = self.world.disk
        for queue in self.world.queues:
            lines = sum(
                b.n
                for b in disk.lines.values()
                if b.queue == queue and b.mark == disk.mark and b.state != "intended"
            )
            if lines != disk.totals[queue]:
                raise Violation(f"{queue}: the lines have {lines} pilots, the total is {disk.totals[queue]}")
            told = self.world.accounts.book.sent[queue]
            if told != lines:
                raise Violation(f"{queue}: the lines have {lines} pilots, {told} are told to have been sent")
            if lines > self.sent[queue] and self.tags:
                raise Violation(f"{queue}: the lines have {lines} pilots, {self.sent[queue]} were sent")

    def _check_never_sent(self) -> None:
        """What is known to have run is not booked as never sent."""
        if self._told["forgotten"] or self._told["place-changed"]:
            return
        for schedd in self.world.everybody:
            known = {p.tag for p in [*schedd.alive, *schedd.ended] if p.mark == self.world.disk.mark}
            for tag in sorted(known):
                line = self.world.disk.lines.get(tag)
                if line is None or not line.n:
                    raise Violation(f"{tag} is booked as never sent, and the history has it")

    def _check_filled(self, q: Queue) -> None:
        """A queue has got what it wants, as far as the caps allow."""
        ours = self.world.alive()  # those of a second factory too: they were adopted
        mine = sum(p.queue == q.name for p in ours)
        at_ce = self.world.accounts.book.open(f"ce:{ce_name(q.ce)}")
        full = len(ours) >= self.world.caps[1].maximum or at_ce >= self.world.caps[0].maximum
        if mine < q.target and not full:
            raise Violation(f"{q.name} has {mine} of {q.target}, and nothing that stops it")
