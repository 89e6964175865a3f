"""APFQueue: one thread per queue. One cycle reads top to bottom in `cycle`."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.breakers.registry import Gate
from autopyfactory.config.model import QueueConfig
from autopyfactory.credentials.wallet import Choice, of_several
from autopyfactory.cycle.byhand import ANYWAY, NotSent, Order, allowed
from autopyfactory.cycle.components import Parts
from autopyfactory.cycle.doing import AT_ONCE, IN_TIME, Doing, LeftBehind, PluginError
from autopyfactory.cycle.files import PilotFiles
from autopyfactory.cycle.gate import held_back
from autopyfactory.cycle.inputs import InputReader, KnowsOthers
from autopyfactory.cycle.log import log_end, log_inputs, log_steps, same_words
from autopyfactory.cycle.sender import SUBMIT_DEADLINE, Resolved, Sending
from autopyfactory.cycle.turns import TURNS
from autopyfactory.cycle.ways import Way, Ways
from autopyfactory.model.clock import Clock
from autopyfactory.model.decision import CycleInputs, Decision, RecentPilots, Rule, Step, decide
from autopyfactory.model.declaration import CAPPED
from autopyfactory.model.record import CycleRecord, Outcome
from autopyfactory.model.secondanswer import Surplus
from autopyfactory.model.text import are, count, span
from autopyfactory.plugins.base import SubmitError, SubmitUnknown

FIRST_ANSWER = 60.0  # seconds the first cycle waits for its sources


class Paused(Protocol):
    """A pause in force."""

    @property
    def words(self) -> str:
        """Say who paused the queue, until when and why."""

    @property
    def drains(self) -> bool:
        """Whether pilots that do not run yet are to be taken back."""


class Neighbours(KnowsOthers, Protocol):
    """What a queue asks of its factory."""

    def paused(self, queue: str) -> Paused | None:
        """Return the pause of `queue` in force."""

    def blocked(self) -> tuple[str, ...]:
        """Return why no queue of the factory may send now; empty when they may."""


class APFQueue:
    """Decides for one queue, every `apfqueue.sleep` seconds, and sends the pilots."""

    def __init__(
        self,
        config: QueueConfig,
        parts: Parts,
        *,
        book: Bookkeeper,
        neighbours: Neighbours,
        report: Callable[[CycleRecord], None],
        clock: Clock,
        cycles: int | None = None,
        gates: Sequence[Gate] = (),
    ):
        self.config = config
        self.name = config.name
        self.parts = parts
        self.log = logging.getLogger(f"autopyfactory.queue.{config.name}")
        self.last: CycleRecord | None = None
        self.cycles_run = 0
        self._uncleaned = ""  # the last complaint about cleaning up
        self._complaint = ""  # of the last cycle that failed
        self._surplus = Surplus()
        self._doing = Doing(clock)
        self.reader = InputReader(config, parts, book, neighbours, clock, self._doing)
        self._neighbours = neighbours
        self._report = report
        self._clock = clock
        self._cycles = cycles
        self._stopping = False
        self._wake = threading.Event()
        self._orders: deque[Order] = deque()
        self._thread: threading.Thread | None = None
        self._ways = Ways(config, parts, book, clock, lambda: self._stopping, self._doing, gates)
        self._files = {way: PilotFiles() for way in self._ways.all}
        self._book = book
        self._choices: dict[Way, Choice] = {}  # of this cycle: the credential for each way
        self.gates = tuple(gates)  # of its CEs; none: nothing that its pilots do stops the queue

    # --- the thread -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to run cycles; does nothing when it has run all that it is to run."""
        if self.finished:
            return
        for source in self.parts.sources:
            source.listen(self.wake)
        self._thread = threading.Thread(target=self._run, name=f"queue {self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end after the submission under way; one that hangs in a plugin is left behind."""
        self._stopping = True
        self._wake.set()
        if self.alive and self._doing.leave():
            self._book.release(self.name)
            self.log.error("left behind: %s; should it return, it does nothing more", self._doing.overdue)

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end; return whether it did."""
        if self._thread is not None:
            self._thread.join(max(0.0, timeout))
        return not self.alive

    @property
    def alive(self) -> bool:
        """Whether the thread runs, and was not left behind."""
        return self._thread is not None and self._thread.is_alive() and not self._doing.left

    @property
    def lingers(self) -> bool:
        """Whether the thread is there, be it left behind."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def hangs(self) -> str:
        """Which plugin has not returned for too long, in words; empty: none."""
        return self._doing.overdue

    @property
    def finished(self) -> bool:
        """Whether it has run all the cycles that it is to run."""
        return self._cycles is not None and self.cycles_run >= self._cycles

    def wake(self) -> None:
        """Run the next cycle now: something that held the queue back has changed."""
        self._wake.set()

    def order(self, order: Order) -> None:
        """Have the thread send what a person asks for, before its next cycle."""
        self._orders.append(order)
        self._wake.set()

    def _run(self) -> None:
        try:
            self._go_on()
        except LeftBehind:
            self.log.warning("a plugin has returned to a thread that was left behind: it ends")
        for source in self.parts.sources:
            source.unlisten(self.wake)

    def _go_on(self) -> None:
        self._await_first_answers()
        while not self._stopping:
            started = self._clock.monotonic()
            while self._orders:
                self._orders.popleft().carry_out(self._by_hand)
            self._cycle_safely()
            if self.finished:
                self.log.info("ends after %s", count(self.cycles_run, "cycle"))
                break
            pause = self.config.options.sleep
            self._wake.wait(max(0.0, started + pause - self._clock.monotonic()))
            self._wake.clear()

    def _await_first_answers(self) -> None:
        end = self._clock.monotonic() + FIRST_ANSWER
        for source in self.parts.sources:
            while not self._stopping and self._clock.monotonic() < end:
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
        self._clean_up()
        self.cycles_run += 1
        record = replace(record, duration=self._clock.monotonic() - begun)
        self.last = record
        self._report(record)

    def _clean_up(self) -> None:
        """Let the submit plugin remove what ended pilots left behind, whatever the cycle did."""
        try:
            with self._doing.call(self._submit_plugin, IN_TIME):
                for route in self.parts.routes:
                    route.submit.cleanup(SUBMIT_DEADLINE)
        except (PluginError, SubmitError, SubmitUnknown) as err:  # a plugin's: it costs no cycle
            text = str(err) or type(err).__name__
            if text != self._uncleaned:
                self.log.warning("what ended pilots left behind cannot be removed: %s", text)
            self._uncleaned = text
        else:
            self._uncleaned = ""

    # --- one cycle ------------------------------------------------------------------------------

    def cycle(self, started: datetime) -> CycleRecord:
        """Read, gate, decide, send; return the record of all of it."""
        resolved = self._ways.all[0].sender.resolved()
        missing, expired = self._looked(started)
        record = CycleRecord(self.name, self.cycles_run, started, "failed", "")
        try:
            choice = self._credential(started, expired)
            with TURNS.turn(self.name):
                seen = self._book.open(self.name)  # before it is decided: what comes later counts against it
                begun = self._clock.monotonic()
                record, pause = self._think(started, resolved, missing, choice)
                took = self._clock.monotonic() - begun
            if took > AT_ONCE:  # a plugin that hung has returned: what it was told is old by now
                late = f"it took {span(took)} to decide: what that was made from is old, it is decided anew"
                record = replace(record, gate=(*record.gate, late))
            return self._act(record, pause, seen)
        except SubmitUnknown as err:
            return self._end(record, "failed", str(err))
        except PluginError as err:
            return self._end(record, "failed", str(err), err.__cause__)
        except Exception as err:  # what was known and decided stays in the record
            self.log.exception("this cycle failed: %s", err)
            return self._end(record, "failed", f"internal error: {err}")

    def _act(self, record: CycleRecord, pause: Paused | None, seen: int) -> CycleRecord:
        """Do what was decided; return the record with what came of it. Raises SubmitUnknown."""
        if pause is not None:
            return self._end(self._drain(record) if pause.drains else record, "paused", pause.words)
        if record.gate:
            return self._end(record, "held back", "; ".join(record.gate))
        if record.decision is None:
            return self._end(record, "failed", record.reason)
        agreed = self._surplus.agreed(max(0, -record.wanted), self.reader.taken)
        if record.wanted < 0:
            return self._retire(record, agreed)
        if record.wanted > 0:
            return self._send(record, seen)
        why = record.decision.decisive
        return self._end(record, "nothing", f"{why.plugin}: {why.reason}" if why else "the chain is empty")

    def _looked(self, now: datetime) -> tuple[tuple[str, ...], dict[Way, Choice]]:
        """Return which files of the pilots are gone, and on which ways a credential of theirs has expired.

        A pilot that cannot be made is told when it is sent.
        """
        gone: dict[str, None] = {}
        expired: dict[Way, Choice] = {}
        for way in self._ways.all:
            try:
                with self._doing.call(self._submit_plugin):
                    described = way.route.submit.describe("", now)
                    gone |= dict.fromkeys(self._files[way].gone(described))
                    if (choice := self._files[way].expired(described, now)) is not None:
                        expired[way] = choice
            except (PluginError, SubmitError, SubmitUnknown):
                continue
        return tuple(gone), expired

    def _credential(self, now: datetime, expired: Mapping[Way, Choice]) -> Choice | None:
        """Return which credential pilots are sent with; None: the queue names none. Raises PluginError.

        Of several CEs each may be shown another one: the first that is good.
        """
        with self._doing.call(self._submit_plugin):
            found = {way: way.route.submit.credential(now) or expired.get(way) for way in self._ways.all}
        self._choices = {way: choice for way, choice in found.items() if choice is not None}
        return of_several([(way.ce, choice) for way, choice in found.items()])

    @property
    def _submit_plugin(self) -> str:
        return f"the batchsubmit plugin {self.parts.submit.name}"

    def _decided(self, inputs: CycleInputs) -> tuple[Decision | None, str]:
        """Return what the chain says, or none of it and what one of its rules did wrong."""
        try:
            return decide(self.parts.chain, inputs, self._calculated), ""
        except PluginError as err:
            self._tell_details(str(err), err.__cause__)
            return None, str(err)

    def _calculated(self, rule: Rule, n: int, inputs: CycleInputs) -> Step:
        with self._doing.call(f"the rule {rule.name}"):
            step: object = rule.calc(n, inputs)
            if not isinstance(step, Step) or type(step.n_out) is not int:
                raise TypeError(f"it answered with {step!r:.80}, which is no step to a whole number")
        return step

    def _think(
        self, started: datetime, resolved: Resolved, missing: tuple[str, ...], choice: Choice | None
    ) -> tuple[CycleRecord, Paused | None]:
        """Read, gate and decide; return the record so far, and the pause in force."""
        inputs, readings = self.reader.read(started)
        log_inputs(self.log, self.cycles_run, inputs, readings)
        self.reader.remember(inputs)

        closed = self._neighbours.blocked() + missing + self.reader.gate(readings)
        closed += choice.closed if choice else ()
        pause = self._neighbours.paused(self.name)
        permit = self._ways.permit()
        decision, wrong = self._decided(inputs)
        if pause is None and not closed and decision is not None:
            log_steps(self.log, decision)
        record = CycleRecord(
            queue=self.name,
            number=self.cycles_run,
            started=started,
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

    def recent(self) -> RecentPilots | None:
        """Return what happened to this queue's pilots lately; None when nobody asked or nobody tells."""
        return self.reader.recent()

    def _send(self, record: CycleRecord, seen: int) -> CycleRecord:
        down = self._down(record.inputs)
        shut = {way: why for way in self._ways.all if (why := self._shut(way) or down.get(way.ce, ""))}
        done = self._ways.send(record.wanted, seen, shut, self.reader.silent)
        record = replace(record, granted=done.granted, sent=done.sent, caps=done.notes)
        if done.hindered:
            return self._end(record, *done.hindered)
        problems = [s.error for s in record.sent if s.error]
        if problems and not (self._ways.several and record.submitted):
            return self._end(record, "failed", f"submission failed: {problems[0]}")
        if not record.sent:
            return self._end(record, "nothing", "; ".join(record.caps) or "the factory is stopping")
        limits = (*record.caps, *problems, *(("a probe, since a breaker is open",) if done.probed else ()))
        capped = f" of {record.wanted} wanted ({'; '.join(limits)})" if limits else ""
        return self._end(
            record, "sent", f"{count(record.submitted, 'pilot')}{capped} {self._whither(record)}"
        )

    def _shut(self, way: Way) -> str:
        """Return why nothing may go over one of several ways; empty: something may."""
        choice = self._choices.get(way)
        return self.reader.shut.get(way.target, "") or "; ".join(choice.closed if choice else ())

    def _down(self, inputs: CycleInputs | None) -> dict[str, str]:
        """Return the CEs, of several, that rules say get nothing now, and why."""
        found: dict[str, str] = {}
        if inputs is None or not self._ways.several:
            return found
        for rule in self.parts.chain:
            with self._doing.call(f"the rule {rule.name}"):
                found |= rule.shuts(inputs)
        return found

    def _closed(self, way: Way) -> str:
        """Return why nothing may go over a way, also if a person wants it; empty: something may."""
        why = self._shut(way) if self._ways.several else ""  # else the caller has looked
        return why or "; ".join(self._book.holds(way.target))

    def _whither(self, record: CycleRecord) -> str:
        """Say where the pilots of a cycle went."""
        clusters = ", ".join(str(s.cluster) for s in record.sent if s.cluster or not self._ways.several)
        targets = ", ".join(dict.fromkeys(s.target for s in record.sent))
        by_ce = Counter[str]()
        for one in record.sent:
            by_ce[one.ce] += one.count
        several = len(by_ce) > 1
        ces = ", ".join(f"{ce} ({n})" if several else ce for ce, n in by_ce.items())
        return f"to {ces} through {targets}, cluster {clusters}"

    def _by_hand(self, order: Order) -> Sending:
        """Send what a person asked for, within all limits. Raises NotSent, and what the plugins raise."""
        now = self._clock.now()
        pause = self._neighbours.paused(self.name)
        if pause is not None and "pause" not in order.overrules:
            raise NotSent(f"the queue is {pause.words}", "us", ANYWAY)
        missing, expired = self._looked(now)
        if closed := (*self._neighbours.blocked(), *missing):
            raise NotSent("; ".join(closed))
        choice = self._credential(now, expired)
        if choice is not None and choice.closed:
            raise NotSent("; ".join(choice.closed), "credentials")
        with TURNS.turn(self.name):
            seen = self._book.open(self.name)
            inputs, readings = self.reader.read(now)
            down = {} if "rules" in order.overrules else self._down(inputs)
            shut = {way: why for way in self._ways.all if (why := self._closed(way) or down.get(way.ce, ""))}
            if len(shut) == len(self._ways.all):
                raise NotSent("; ".join(dict.fromkeys(shut.values())))
            stale = {str(r.key) for r in readings if held_back([r])}
            stale |= {"site"} if "wms" in stale else set()
            begun = self._clock.monotonic()
            n = allowed(order, self.parts.chain, inputs, stale, self._calculated)
            if self._clock.monotonic() - begun > AT_ONCE:
                raise NotSent("a rule has hung: what was known is old, ask again")
        way = self._ways.freest(shut)
        if way.permit.words and n > 1:
            raise NotSent(f"a breaker is open: {way.permit.words}", "us", "send one pilot, to see")
        # one pilot is a probe then, whenever the next one was due
        taken = way.permit.words is not None and way.gate is not None and way.gate.take_probe()
        done = way.sender.send(n, seen)
        if taken and way.gate is not None and not any(one.count for one in done.sent):
            way.gate.give_back()
        if not done.sent:
            why = "; ".join(done.notes) or "the factory is stopping"
            raise NotSent(why, CAPPED.who, CAPPED.next, full=bool(done.notes))
        return done

    def _retire(self, record: CycleRecord, agreed: int) -> CycleRecord:
        """Answer a chain that says there are too many pilots; two answers agree that `agreed` are."""
        n = -record.wanted
        batch = record.inputs.batch if record.inputs else None
        if batch is not None and (hidden := batch.unseen + batch.missing):
            # They may have ended: fine for sending less, not for removing others.
            return self._end(record, "nothing", f"{n} too many, but {hidden} {are(hidden)} not visible")
        if not agreed:
            return self._end(record, "nothing", f"{n} too many, if later answers of all sources agree")
        if not (most := self.config.options.most_taken_back):
            return self._end(record, "nothing", f"{n} too many, and apfqueue.maxretire is 0: all stay")
        why = record.decision.decisive if record.decision else None
        asked = record.ages.get("batch")
        before = None if asked is None else record.started.timestamp() - asked
        spared = why is not None and why.spares_running
        retired = self._take_back(min(agreed, most), spare_running=spared, started_before=before)
        if not retired:
            return self._end(record, "nothing", f"{count(n, 'pilot')} too many: they end by themselves")
        return self._end(replace(record, retired=retired), "retired", f"took back {retired} of {n} too many")

    def _drain(self, record: CycleRecord) -> CycleRecord:
        """Take back what does not run yet."""
        pending = record.inputs.batch.pending if record.inputs and record.inputs.batch else 0
        if not pending or record.gate:
            return record
        return replace(record, retired=self._take_back(pending, spare_running=True))

    def _take_back(self, n: int, *, spare_running: bool, started_before: float | None = None) -> int:
        """Take back `n` pilots, schedd by schedd; return how many went. Raises SubmitUnknown."""
        gone = 0
        for way in {way.target: way for way in self._ways.all}.values():
            if gone < n and not (self._ways.several and way.target in self.reader.shut):
                gone += way.sender.take_back(
                    n - gone, spare_running=spare_running, started_before=started_before
                )
        return gone

    def _tell_details(self, reason: str, cause: BaseException | None) -> None:
        """Log where a plugin failed, when it has not failed like that in the last cycle."""
        if cause is not None and same_words(reason) != self._complaint:
            self.log.error("%s", reason, exc_info=cause)

    def _end(
        self, record: CycleRecord, outcome: Outcome, reason: str, cause: BaseException | None = None
    ) -> CycleRecord:
        record = replace(record, outcome=outcome, reason=reason)
        self._tell_details(reason, cause)
        complaint = same_words(reason) if outcome == "failed" else ""
        log_end(self.log, record, news=complaint != self._complaint or not complaint)
        if outcome not in ("paused", "held back"):
            self._complaint = complaint
        return record
