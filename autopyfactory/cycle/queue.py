"""APFQueue: one thread per queue. It sends what people ask for, runs a cycle, and waits until it is woken."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.breakers.registry import Gate
from autopyfactory.config.model import QueueConfig
from autopyfactory.cycle.byhand import ByHand, Order
from autopyfactory.cycle.carried import Carried
from autopyfactory.cycle.cleaning import Cleaning
from autopyfactory.cycle.components import Parts
from autopyfactory.cycle.cycle import Cycle
from autopyfactory.cycle.doing import Doing, LeftBehind
from autopyfactory.cycle.inputs import InputReader
from autopyfactory.cycle.log import CycleLog
from autopyfactory.cycle.neighbours import Neighbours
from autopyfactory.cycle.rules import Rules
from autopyfactory.cycle.takeback import TakeBack
from autopyfactory.cycle.turns import TURNS
from autopyfactory.cycle.ways import Ways
from autopyfactory.model.clock import Clock
from autopyfactory.model.decision import RecentPilots
from autopyfactory.model.record import CycleRecord
from autopyfactory.model.text import count

FIRST_ANSWER = 60.0  # seconds the first cycle waits for its sources


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
        self.gates = tuple(gates)  # of its CEs; none: nothing that its pilots do stops the queue
        self._book = book
        self._report = report
        self._clock = clock
        self._cycles = cycles
        self._stopping = False
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()  # an Event takes a fifth more
        self._asleep = False  # until it is woken or its time has come
        self._orders: deque[Order] = deque()
        self._thread: threading.Thread | None = None

        self._doing = Doing(clock)
        self.reader = InputReader(config, parts, book, neighbours, clock, self._doing)
        ways = Ways(config, parts, book, clock, lambda: self._stopping, self._doing, gates)
        rules, carried = Rules(parts, self._doing), Carried(ways.all, self._doing)
        takeback = TakeBack(ways, self.reader, config.options.most_taken_back)
        self._cycle = Cycle(
            config, book, neighbours, clock, self.reader, ways, rules, carried, takeback, CycleLog(self.log)
        )
        self._by_hand = ByHand(self.name, book, neighbours, clock, self.reader, ways, rules, carried)
        self._cleaning = Cleaning(parts.routes, self._doing, self.log)

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
        self._wake.put(None)
        if self.alive and self._doing.leave():
            self._book.release(self.name)
            self._cycle.log.acts()  # what it knew when it came to hang: its thread does not come back to that
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
        TURNS.line.call(self._rouse)

    def _rouse(self) -> bool:
        asleep = self._asleep
        self._wake.put(None)
        return asleep

    def order(self, order: Order) -> None:
        """Have the thread send what a person asks for, before its next cycle."""
        self._orders.append(order)
        self._wake.put(None)

    def _run(self) -> None:
        try:
            self._go_on()
        except LeftBehind:
            self.log.warning("a plugin has returned to a thread that was left behind: it ends")
        TURNS.line.back(self._rouse)
        for source in self.parts.sources:
            source.unlisten(self.wake)

    def _go_on(self) -> None:
        self._await_first_answers()
        while not self._stopping:
            started = self._clock.monotonic()
            while self._orders:
                self._orders.popleft().carry_out(self._by_hand.send)
            self._cycle_safely()
            if self.finished:
                self.log.info("ends after %s", count(self.cycles_run, "cycle"))
                break
            pause = self.config.options.sleep
            self._sleep(started + pause)

    def _sleep(self, until: float) -> None:
        TURNS.line.back(self._rouse)
        self._asleep = True
        with contextlib.suppress(queue.Empty):
            self._wake.get(timeout=max(0.0, until - self._clock.monotonic()))
        self._asleep = False
        while not self._wake.empty():
            self._wake.get_nowait()

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
            took, reason = self._clock.monotonic() - begun, f"internal error: {err}"
            record = CycleRecord(self.name, self.cycles_run, started, "failed", reason, took)
        self._cleaning.clean_up()
        self.cycles_run += 1
        self.last = record
        self._report(record)

    def cycle(self, started: datetime) -> CycleRecord:
        """Read, gate, decide, send; return the record of all of it."""
        return self._cycle.run(self.cycles_run, started)

    def recent(self) -> RecentPilots | None:
        """Return what happened to this queue's pilots lately; None when nobody asked or nobody tells."""
        return self.reader.recent()
