"""APFQueue: one thread per queue. One cycle reads top to bottom in `cycle`."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from autopyfactory.clock import Clock
from autopyfactory.config.model import QueueConfig
from autopyfactory.decision import Cap, CycleInputs, Decision, PastCycle, RecentPilots, decide
from autopyfactory.gate import Reading, held_back, reading
from autopyfactory.info import BatchStatus, WMSStatus
from autopyfactory.ledger import Intent, Ledger
from autopyfactory.plugins.base import (
    BatchStatusPlugin,
    BatchSubmitPlugin,
    SchedPlugin,
    SubmitError,
    SubmitUnknown,
    WMSStatusPlugin,
)
from autopyfactory.recent import WINDOW, PilotEvents, recent_pilots
from autopyfactory.record import CycleRecord, Outcome, Sent
from autopyfactory.reservations import Reservations
from autopyfactory.sources import StatusSource

SUBMIT_DEADLINE = 60.0  # seconds for one submission of up to `chunk` pilots
LOOKUP_DEADLINE = 20.0
PAST = 200  # cycles that rules may look back
FIRST_ANSWER = 60.0  # seconds the first cycle waits for its sources
LOOK_AGAIN = 4.0  # seconds until an unresolved intent is looked up again


class Paused(Protocol):
    """A pause in force."""

    @property
    def words(self) -> str:
        """Say who paused the queue, until when and why."""

    @property
    def drains(self) -> bool:
        """Whether pilots that do not run yet are to be taken back."""


class Neighbours(Protocol):
    """What a queue asks of its factory."""

    def paused(self, queue: str) -> Paused | None:
        """Return the pause of `queue` in force."""

    def surroundings(self, queue: str) -> Mapping[str, Any]:
        """Return the CycleInputs fields that depend on other queues (factory_active, share, ...)."""


@dataclass(frozen=True)
class Parts:
    """What a queue is made of."""

    chain: Sequence[SchedPlugin[Any]]
    submit: BatchSubmitPlugin[Any]
    wms: WMSStatusPlugin[Any] | None = None
    wms_source: StatusSource[WMSStatus] | None = None
    batch: BatchStatusPlugin[Any] | None = None
    batch_source: StatusSource[BatchStatus] | None = None
    events_source: StatusSource[PilotEvents] | None = None

    @property
    def sources(self) -> Iterator[StatusSource[Any]]:
        """Yield the sources this queue depends on."""
        if self.batch_source is not None:
            yield self.batch_source
        if self.wms_source is not None:
            yield self.wms_source
        if self.events_source is not None:
            yield self.events_source


class APFQueue:
    """Decides for one queue, every `apfqueue.sleep` seconds, and sends the pilots."""

    def __init__(
        self,
        config: QueueConfig,
        parts: Parts,
        *,
        ledger: Ledger,
        reservations: Reservations,
        neighbours: Neighbours,
        report: Callable[[CycleRecord], None],
        clock: Clock,
        cycles: int | None = None,
    ):
        self.config = config
        self.name = config.name
        self.parts = parts
        self.log = logging.getLogger(f"autopyfactory.queue.{config.name}")
        self.last: CycleRecord | None = None
        self.cycles_run = 0
        self._ledger = ledger
        self._reservations = reservations
        self._neighbours = neighbours
        self._report = report
        self._clock = clock
        self._cycles = cycles
        self._past: deque[tuple[float, PastCycle]] = deque(maxlen=PAST)
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    # --- the thread -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to run cycles."""
        for source in self.parts.sources:
            source.listen(self.wake)
        self._thread = threading.Thread(target=self._run, name=f"queue {self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end after the submission under way."""
        self._stop.set()
        self._wake.set()

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end; return whether it did."""
        if self._thread is not None:
            self._thread.join(max(0.0, timeout))
        return not self.alive

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self) -> None:
        """Run the next cycle now: something that held the queue back has changed."""
        self._wake.set()

    def _run(self) -> None:
        self._await_first_answers()
        while not self._stop.is_set():
            started = self._clock.monotonic()
            self._cycle_safely()
            if self._cycles is not None and self.cycles_run >= self._cycles:
                self.log.info("has run its %d cycles", self.cycles_run)
                break
            pause = self.config.options.sleep
            if self._ledger.unresolved(self.name):
                pause = min(pause, LOOK_AGAIN)
            self._wake.wait(max(0.0, started + pause - self._clock.monotonic()))
            self._wake.clear()
        for source in self.parts.sources:
            source.unlisten(self.wake)

    def _await_first_answers(self) -> None:
        end = self._clock.monotonic() + FIRST_ANSWER
        for source in self.parts.sources:
            while not self._stop.is_set() and self._clock.monotonic() < end:
                if source.wait_first(0.5):
                    break

    def _cycle_safely(self) -> None:
        started = self._clock.now()
        begun = self._clock.monotonic()
        try:
            record = self.cycle(started)
        except Exception as err:
            self.log.exception("this cycle failed: %s", err)
            record = CycleRecord(self.name, self.cycles_run, started, "failed", f"internal error: {err}")
        self.cycles_run += 1
        record = replace(record, duration=self._clock.monotonic() - begun)
        self.last = record
        self._report(record)

    # --- one cycle ------------------------------------------------------------------------------

    def cycle(self, started: datetime) -> CycleRecord:
        """Read, gate, decide, send; return the record of all of it."""
        inputs, readings = self.read_inputs(started)
        self._log_inputs(inputs, readings)
        self._remember(inputs)

        unresolved = self._resolve_intents()
        closed = self.gate(readings) + unresolved
        pause = self._neighbours.paused(self.name)
        decision = decide(self.parts.chain, inputs)
        record = CycleRecord(
            queue=self.name,
            number=self.cycles_run,
            started=started,
            outcome="nothing",
            reason="",
            inputs=inputs,
            ages={r.key: r.age for r in readings if r.age is not None},
            errors={r.key: r.trouble for r in readings if r.trouble},
            gate=closed,
            unresolved=unresolved,
            pause=pause.words if pause is not None else None,
            decision=decision,
            wanted=decision.n,
            wmsqueue=self.config.options.wmsqueue,
        )
        if pause is not None:
            return self._paused(record, pause)
        if closed:
            return self._end(record, "held back", "; ".join(closed))
        self._log_steps(decision)
        if decision.n > 0:
            return self._send(record, decision)
        if decision.n < 0:
            return self._retire(record, -decision.n)
        self.parts.submit.cleanup(SUBMIT_DEADLINE)
        why = decision.decisive
        return self._end(record, "nothing", f"{why.plugin}: {why.reason}" if why else "the chain is empty")

    def _retire(self, record: CycleRecord, n: int) -> CycleRecord:
        """Answer a chain that says there are `n` pilots too many."""
        batch = record.inputs.batch if record.inputs else None
        if batch is not None and batch.unseen:
            # It may be in the snapshot and count as unseen too: fine for sending less, not for removing.
            return self._end(record, "nothing", f"{n} too many, but {batch.unseen} are not visible yet")
        why = record.decision.decisive if record.decision else None
        submit = self.parts.submit
        take_back = submit.withdraw if why is not None and why.spares_running else submit.retire
        retired = take_back(n, SUBMIT_DEADLINE)
        if not retired:
            return self._end(record, "nothing", f"{n} pilots too many: they end by themselves")
        return self._end(replace(record, retired=retired), "retired", f"took back {retired} of {n} too many")

    def _paused(self, record: CycleRecord, pause: Paused) -> CycleRecord:
        """Send nothing; a queue that drains also takes back what does not run yet."""
        pending = record.inputs.batch.pending if record.inputs and record.inputs.batch else 0
        if pause.drains and pending and not record.gate:
            record = replace(record, retired=self.parts.submit.withdraw(pending, SUBMIT_DEADLINE))
        return self._end(record, "paused", pause.words)

    def read_inputs(self, now: datetime) -> tuple[CycleInputs, tuple[Reading, ...]]:
        """Return all that is known now, and how old it is."""
        mono = self._clock.monotonic()
        p = self.parts
        inputs = CycleInputs(
            queue=self.name,
            now=now,
            cores=self.config.options.cores,
            memory_mb=self.config.options.memory_mb,
            **self._neighbours.surroundings(self.name),
        )
        readings = []
        if p.batch is not None and p.batch_source is not None:
            bstate = p.batch_source.state
            if bstate.snapshot is not None:
                unseen = self._ledger.unseen(p.submit.target, bstate.snapshot.taken_mono, self.name)
                inputs = replace(inputs, batch=bstate.snapshot.data.queue(self.name).with_unseen(unseen))
            readings.append(reading("batch", p.batch_source.label, bstate, p.batch.maxage, mono, self.name))
        if p.wms is not None and p.wms_source is not None:
            state = p.wms_source.state
            if inputs.batch is not None:
                p.wms.observe(inputs.batch)
            if state.snapshot is not None:
                status = state.snapshot.data
                inputs = replace(inputs, wms=p.wms.queue_info(status), site=p.wms.site_info(status))
            readings.insert(0, reading("wms", p.wms_source.label, state, p.wms.maxage, mono, self.name))
        if p.batch is not None and p.events_source is not None:
            inputs = replace(inputs, history=self.recent(), past=self._past_cycles(mono))
            readings.append(
                reading(
                    "history",
                    p.events_source.label,
                    p.events_source.state,
                    p.batch.maxage,
                    mono,
                    self.name,
                )
            )
        return inputs, tuple(readings)

    def recent(self) -> RecentPilots | None:
        """Return what happened to this queue's pilots lately; None when nobody asked or nobody tells."""
        source = self.parts.events_source
        if source is None or source.state.snapshot is None:
            return None
        return recent_pilots(
            source.state.snapshot.data,
            self.name,
            total=self._ledger.total(self.name),
            submitted=self._ledger.sent_since(self.name, WINDOW),
        )

    def _past_cycles(self, mono: float) -> tuple[PastCycle, ...]:
        return tuple(replace(past, ago=mono - at) for at, past in self._past)

    def _remember(self, inputs: CycleInputs) -> None:
        if inputs.wms is not None and inputs.batch is not None:
            past = PastCycle(
                0.0, inputs.wms.ready, inputs.wms.running, inputs.batch.pending, inputs.batch.running
            )
            self._past.appendleft((self._clock.monotonic(), past))

    def gate(self, readings: Sequence[Reading]) -> tuple[str, ...]:
        """Return why what is known is not good enough to act on."""
        needs = frozenset[str]().union(*(rule.needs for rule in self.parts.chain))
        matter = [r for r in readings if r.key != "wms" or needs & {"wms", "site"}]
        return held_back(matter)

    def _resolve_intents(self) -> tuple[str, ...]:
        """Look up submissions whose outcome is not known; return a reason for each that stays unknown."""
        return tuple(why for i in self._ledger.unresolved(self.name) if (why := self._resolve(i)))

    def _resolve(self, intent: Intent) -> str | None:
        try:
            found = self.parts.submit.lookup(intent.tag, LOOKUP_DEADLINE)
        except SubmitUnknown as err:
            intent.nothing_found_at = None
            return f"the outcome of an earlier submission of {intent.n} pilots is not known: {err}"
        if found is not None:
            self._ledger.confirm(intent, found.cluster, found.count)
            self.log.info(
                "found the %d pilots of an earlier submission, cluster %s", found.count, found.cluster
            )
            return None
        if self._ledger.found_nothing(intent):
            self.log.info("an earlier submission of %d pilots did not take place", intent.n)
            return None
        return f"an earlier submission of {intent.n} pilots is being looked up"

    def _send(self, record: CycleRecord, decision: Decision) -> CycleRecord:
        """Reserve, write the intent, submit and confirm, chunk by chunk."""
        left, granted = decision.n, 0
        sent: list[Sent] = []
        notes: tuple[str, ...] = ()
        while left > 0 and not self._stop.is_set():
            grant = self._reservations.reserve(
                self.name, self.parts.submit.target, min(left, self.parts.submit.chunk), self._caps()
            )
            notes = grant.notes or notes
            if grant.intent is None:
                break
            granted += grant.intent.n
            left -= grant.intent.n
            sent.append(self._submit(grant.intent))
            if sent[-1].error or grant.notes:
                break
        record = replace(record, granted=granted, sent=tuple(sent), caps=notes)
        return self._sent_record(record)

    def _submit(self, intent: Intent) -> Sent:
        submit = self.parts.submit
        try:
            pilots = submit.submit(intent.n, intent.tag, SUBMIT_DEADLINE)
        except SubmitError as err:
            self._ledger.forget(intent)
            return Sent(intent.tag, submit.target, submit.ce, 0, error=str(err))
        except SubmitUnknown as err:
            return Sent(intent.tag, submit.target, submit.ce, intent.n, error=f"outcome not known: {err}")
        self._ledger.confirm(intent, pilots.cluster, pilots.count)
        self.log.info(
            "sent %d pilots to %s through %s, cluster %s",
            pilots.count,
            submit.ce,
            submit.target,
            pilots.cluster,
        )
        return Sent(intent.tag, submit.target, submit.ce, pilots.count, pilots.cluster, pilots.first_proc)

    def _sent_record(self, record: CycleRecord) -> CycleRecord:
        problems = [s.error for s in record.sent if s.error]
        if problems:
            return self._end(record, "failed", f"submission failed: {problems[0]}")
        if not record.sent:
            return self._end(record, "nothing", "; ".join(record.caps) or "the factory is stopping")
        clusters = ", ".join(str(s.cluster) for s in record.sent)
        capped = f" of {record.wanted} wanted ({'; '.join(record.caps)})" if record.caps else ""
        return self._end(
            record, "sent", f"{record.submitted} pilots{capped} to {self.parts.submit.ce}, cluster {clusters}"
        )

    def _caps(self) -> Iterator[Cap]:
        for rule in self.parts.chain:
            for cap in rule.caps():
                yield replace(cap, scope=f"ce:{self.parts.submit.ce}") if cap.scope == "ce" else cap

    # --- the queue's log ------------------------------------------------------------------------

    def _end(self, record: CycleRecord, outcome: Outcome, reason: str) -> CycleRecord:
        level = logging.WARNING if outcome == "failed" else logging.INFO
        self.log.log(level, "%s: %s", outcome, reason)
        return replace(record, outcome=outcome, reason=reason)

    def _log_inputs(self, inputs: CycleInputs, readings: Sequence[Reading]) -> None:
        ages = {r.kind: f"{r.age:.0f} s old" if r.age is not None else "none yet" for r in readings}
        parts = []
        if inputs.wms is not None:
            parts.append(f"work: {inputs.wms.ready} ready, {inputs.wms.running} running")
        parts.append(f"WMS status {ages.get('WMS status', 'not asked')}")
        if inputs.site is not None and inputs.site.status:
            parts.append(f"site {inputs.site.status}")
        if (b := inputs.batch) is not None:
            counts = {
                "not yet at the CE": b.unsubmitted,
                "waiting there": b.waiting,
                "held": b.held,
                "just sent": b.unseen,
            }
            split = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
            parts.append(f"pilots: {b.pending} pending{split and f' ({split})'}, {b.running} running")
        parts.append(f"batch status {ages.get('batch status', 'not asked')}")
        self.log.info("cycle %d: %s", self.cycles_run, "; ".join(parts))

    def _log_steps(self, decision: Decision) -> None:
        for step in decision.steps:
            self.log.info("  %s: %d -> %d: %s", step.plugin, step.n_in, step.n_out, step.reason)
