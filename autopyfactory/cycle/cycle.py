"""One cycle of a queue: read, gate, decide, send. It reads top to bottom, and its record says all of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.config.model import QueueConfig
from autopyfactory.credentials.wallet import Choice
from autopyfactory.cycle.carried import Carried
from autopyfactory.cycle.doing import AT_ONCE, PluginError
from autopyfactory.cycle.inputs import InputReader
from autopyfactory.cycle.log import CycleLog
from autopyfactory.cycle.neighbours import Neighbours, Paused
from autopyfactory.cycle.rules import Rules
from autopyfactory.cycle.sender import Resolved
from autopyfactory.cycle.takeback import TakeBack
from autopyfactory.cycle.turns import TURNS
from autopyfactory.cycle.ways import Ways
from autopyfactory.model.clock import Clock
from autopyfactory.model.decision import CycleInputs, Decision
from autopyfactory.model.record import CycleRecord, Outcome
from autopyfactory.model.text import count, span
from autopyfactory.plugins.base import SubmitUnknown


@dataclass(slots=True)
class Cycle:
    """What it takes to run cycles; used by the queue's thread."""

    config: QueueConfig
    book: Bookkeeper
    neighbours: Neighbours
    clock: Clock
    reader: InputReader
    ways: Ways
    rules: Rules
    carried: Carried
    takeback: TakeBack
    log: CycleLog
    begun: float = 0.0  # monotonic: the one that runs

    def run(self, number: int, started: datetime) -> CycleRecord:
        """Run cycle `number`; return its record."""
        self.begun = self.clock.monotonic()
        name = self.config.name
        resolved = self.ways.all[0].sender.resolved()
        missing = self.carried.gone(started)
        record: CycleRecord | None = None  # not known yet
        try:
            choice = self.carried.choose(started)
            with TURNS.turn(name):
                seen = self.book.open(name)  # before it is decided: what comes later counts against it
                before = self.clock.monotonic()
                record, pause = self._think(number, started, resolved, missing, choice)
                took = self.clock.monotonic() - before
            if took > AT_ONCE:  # a plugin that hung has returned: what it was told is old by now
                late = f"it took {span(took)} to decide: what that was made from is old, it is decided anew"
                record = record.changed(gate=(*record.gate, late))
            return self._act(record, pause, seen)
        except Exception as err:  # noqa: BLE001 - whatever it is: what was known and decided stays in the record
            return self._failed(record or CycleRecord(name, number, started, "failed", ""), err)

    def _failed(self, record: CycleRecord, err: Exception) -> CycleRecord:
        """Return the record of a cycle that `err` has ended, which is being handled."""
        if isinstance(err, PluginError):
            return self._end(record, "failed", str(err), err.__cause__)
        if isinstance(err, SubmitUnknown):
            return self._end(record, "failed", str(err))
        self.log.defect(err)
        return self._end(record, "failed", f"internal error: {err}")

    def _think(
        self,
        number: int,
        started: datetime,
        resolved: Resolved,
        missing: tuple[str, ...],
        choice: Choice | None,
    ) -> tuple[CycleRecord, Paused | None]:
        """Read, gate and decide; return the record so far, and the pause in force."""
        name = self.config.name
        inputs, readings = self.reader.read(started)
        self.log.inputs(number, inputs, readings)
        self.reader.remember(inputs)

        closed = self.neighbours.blocked() + missing + self.reader.gate(readings)
        closed += choice.closed if choice else ()
        pause = self.neighbours.paused(name)
        permit = self.ways.permit()
        decision, wrong = self._decided(inputs)
        if pause is None and not closed and decision is not None:
            self.log.steps(decision)
        record = CycleRecord(
            name,
            number,
            started,
            outcome="failed" if wrong else "nothing",
            reason=wrong,
            inputs=inputs,
            ages={r.key: r.age for r in readings if r.age is not None},
            errors={r.key: f"{r.label}: {r.trouble}" for r in readings if r.trouble},
            gate=closed,
            unresolved=resolved.unknown,
            found=resolved.found,
            pause=pause.words if pause is not None else None,
            decision=decision,
            wanted=decision.n if decision is not None else 0,
            wmsqueue=self.config.options.wmsqueue,
            breaker=permit.words,
            breaker_scope=permit.scope or "",
            bad_nodes=permit.nodes,
            credential=choice.words if choice else None,
            profile=choice.profile if choice else None,
        )
        return record, pause

    def _decided(self, inputs: CycleInputs) -> tuple[Decision | None, str]:
        """Return what the chain says, or none of it and what one of its rules did wrong."""
        try:
            return self.rules.decide(inputs), ""
        except PluginError as err:
            self.log.details(str(err), err.__cause__)
            return None, str(err)

    def _act(self, record: CycleRecord, pause: Paused | None, seen: int) -> CycleRecord:
        """Do what was decided; return the record with what came of it. Raises SubmitUnknown."""
        if record.wanted or pause is not None:
            self.log.acts()
        if pause is not None:
            gone = self.takeback.drain(record) if pause.drains else 0
            return self._end(record.changed(retired=gone), "paused", pause.words)
        if record.gate:
            return self._end(record, "held back", "; ".join(record.gate))
        if record.decision is None:
            return self._end(record, "failed", record.reason)
        agreed = self.takeback.agreed(record.wanted)
        if record.wanted < 0:
            gone, words = self.takeback.retire(record, agreed)
            return self._end(record.changed(retired=gone), "retired" if gone else "nothing", words)
        if record.wanted > 0:
            return self._send(record, seen)
        why = record.decision.decisive
        return self._end(record, "nothing", f"{why.plugin}: {why.reason}" if why else "the chain is empty")

    def _send(self, record: CycleRecord, seen: int) -> CycleRecord:
        closed, down = self.reader.shut, self.rules.down(record.inputs)
        shut = {
            way: why
            for way in self.ways.all
            if (why := closed.get(way.target) or self.carried.closed(way) or down.get(way.ce))
        }
        done = self.ways.send(record.wanted, seen, shut, self.reader.silent)
        record = record.changed(granted=done.granted, sent=done.sent, caps=done.notes)
        if done.hindered:
            return self._end(record, *done.hindered)
        problems = [s.error for s in record.sent if s.error]
        if problems and not (self.ways.several and record.submitted):
            return self._end(record, "failed", f"submission failed: {problems[0]}")
        if not record.sent:
            return self._end(record, "nothing", "; ".join(record.caps) or "the factory is stopping")
        limits = (*record.caps, *problems, *(("a probe, since a breaker is open",) if done.probed else ()))
        capped = f" of {record.wanted} wanted ({'; '.join(limits)})" if limits else ""
        whither = _whither(record, several=self.ways.several)
        return self._end(record, "sent", f"{count(record.submitted, 'pilot')}{capped} {whither}")

    def _end(
        self, record: CycleRecord, outcome: Outcome, reason: str, cause: BaseException | None = None
    ) -> CycleRecord:
        took = self.clock.monotonic() - self.begun
        record = record.changed(outcome=outcome, reason=reason, duration=took)
        self.log.end(record, cause)
        return record


def _whither(record: CycleRecord, *, several: bool) -> str:
    """Say where the pilots of a cycle went; `several`: its queue has several ways."""
    clusters = ", ".join(str(s.cluster) for s in record.sent if s.cluster or not several)
    targets = ", ".join(dict.fromkeys(s.target for s in record.sent))
    by_ce = Counter[str]()
    for one in record.sent:
        by_ce[one.ce] += one.count
    ces = ", ".join(f"{ce} ({n})" if len(by_ce) > 1 else ce for ce, n in by_ce.items())
    return f"to {ces} through {targets}, cluster {clusters}"
