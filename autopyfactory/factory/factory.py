"""Factory: builds, starts, reloads and stops queues and what they share."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path

from autopyfactory.accounting.anchor import Anchor, AnchorWatch
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.claims import Claims
from autopyfactory.accounting.endings import EndingStream
from autopyfactory.accounting.endingstore import EndingStore
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.protocol.accounts import policy
from autopyfactory.accounting.tally import TallyStore
from autopyfactory.breakers.options import BreakerOptions, BreakerPart
from autopyfactory.breakers.registry import Breakers
from autopyfactory.condor import registry
from autopyfactory.condor.target import Target
from autopyfactory.config.model import Configuration, QueueConfig
from autopyfactory.credentials.wallet import Wallet
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.cycle.turns import TURNS
from autopyfactory.factory.credentials import Credentials
from autopyfactory.factory.hangwatch import HangWatch
from autopyfactory.factory.heldpilots import Surroundings
from autopyfactory.factory.leftbehind import LeftBehind
from autopyfactory.factory.neighbours import Answers
from autopyfactory.factory.pilotcare import PilotCare
from autopyfactory.factory.probes import Probes
from autopyfactory.factory.profileusers import ProfileUsers
from autopyfactory.factory.queuemaker import QueueMaker, QueueSpec
from autopyfactory.factory.reconciler import Failure, Reconciler
from autopyfactory.factory.reload import Reloader, ReloadReport
from autopyfactory.factory.reporting import LAST_WORDS, Reporting
from autopyfactory.factory.room import room_watch
from autopyfactory.factory.troublewatch import trouble_watch
from autopyfactory.factory.underway import underway
from autopyfactory.model.clock import Clock, SystemClock
from autopyfactory.model.record import CycleRecord
from autopyfactory.model.text import count
from autopyfactory.notify import pilotreports
from autopyfactory.notify.acknowledged import Acknowledgements
from autopyfactory.pauses import Pauses
from autopyfactory.plugins.base import Shared
from autopyfactory.plugins.lastcycles import Board
from autopyfactory.sources.downtimes import DowntimeOptions, DowntimePart, DowntimeWatch
from autopyfactory.sources.pool import SourcePool
from autopyfactory.why import schedds
from autopyfactory.why.treatment import HeldOptions, HeldPart
from autopyfactory.why.work import WorkWatch

log = logging.getLogger("autopyfactory.factory")

TICK = 0.5  # seconds between two looks of the housekeeping at what has changed


class Factory:
    """One factory; the daemon starts it, calls `run` and shuts it down."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        load: Callable[[], Configuration],
        clock: Clock | None = None,
        logdir: Path | None = None,
        oneshot_cycles: int | None = None,
        sleep: float | None = None,
    ):
        self.configuration = configuration
        self.clock = clock or SystemClock()
        self.watchdog: Callable[[], None] = lambda: None
        self.settled: Callable[[], None] = lambda: None  # called when much has been made or replaced
        self.state_dir = Path(configuration.factory.state_dir).expanduser()
        self.logdir = logdir
        self.started_at = self.clock.now()
        self._cycles = oneshot_cycles if oneshot_cycles is not None else configuration.factory.cycles
        self._sleep = sleep if sleep is not None else configuration.factory.sleep
        self._lock = threading.RLock()  # held while queues come and go

        # What is kept in the state folder.
        factory_id = configuration.factory.factory_id
        self.ledger = Ledger(self.state_dir / "ledger.db", self.clock)
        self.pauses = Pauses(self.state_dir / "pauses.json")
        self.acknowledged = Acknowledgements(self.state_dir / "acknowledged.json")
        self.endings = EndingStream(EndingStore(self.state_dir / "endings.db"))
        rules = policy(configuration.factory)
        self.book = Bookkeeper(self.ledger, self.clock, rules, self.endings, Claims(factory_id))
        self.breakers = Breakers(self.state_dir / "breakers.json", self.clock)
        self.tally = TallyStore(self.state_dir / "tally.db")

        # Who hears of everything.
        self.reporting = Reporting(
            configuration,
            self.clock,
            taken=lambda queue: self.acknowledged.of(queue, self.clock.now()),
            users=lambda credential: self.credentials.queues_with(credential),
        )
        self.announce = self.reporting.announce

        # What queues share.
        self.sources = SourcePool(self.clock, self.book)
        self.shared = Shared(
            Board(self.clock),
            mark=self.ledger.mark,
            wallet=Wallet(self.clock),
            report_key=pilotreports.key_for(configuration.parts.get("reports"), self.state_dir),
        )
        self.downtimes = DowntimeWatch(
            lambda: self.configuration.part(DowntimePart.name, DowntimeOptions()),
            self.clock,
            self.state_dir / "downtimes.json",
        )
        self.room = room_watch(lambda: self.configuration.factory, self.state_dir, [logdir] if logdir else [])
        self._anchor = AnchorWatch(Anchor([self.state_dir, self.state_dir / "ledger.db"]))

        # The queues, and their credentials.
        self.neighbours = Answers(
            lambda: self.queues, self.book, self.pauses, self.downtimes, self._anchor, self.room, self.clock
        )
        self._reconciler = Reconciler(
            QueueMaker(
                book=self.book,
                breakers=self.breakers,
                sources=self.sources,
                shared=self.shared,
                monitors=self.reporting.monitors,
                clock=self.clock,
                neighbours=self.neighbours,
                report=self._report,
                cycles=self._cycles,
            ),
            self.clock,
        )
        self._told: frozenset[str] = frozenset()  # queues whose failure to start was announced
        self.profile_users = ProfileUsers(lambda: self.queues, self.clock)
        self.credentials = Credentials(
            self.shared.wallet,
            self.profile_users.known,
            self.clock,
            self._credential_news,
            self.profile_users.wake,
        )
        self.reloader = Reloader(
            load,
            running=lambda: self.configuration,
            apply=self._apply,
            lock=self._lock,
            tell=self.announce,
        )

        # Who looks after queues and pilots.
        self.hangs = HangWatch(self.announce)
        self._left_behind = LeftBehind(self.book, self.sources, self.shared)
        self.care = PilotCare(self._surroundings(), self.breakers, self.clock)
        self.probes = Probes(lambda: self.queues, self.announce)
        work = WorkWatch()
        self.troubles = trouble_watch(
            factory_id,
            queues=lambda: self.queues,
            targets=self._targets,
            pilots=self.endings,
            work=work,
            clock=self.clock,
        )

        # Who hears what from whom.
        self.reporting.listeners += [work.note, self.shared.last_cycles.note]
        self.book.listeners.append(self.reporting.book_tells)
        for hear in (self.care.endings, self.tally.note, self.probes.endings):
            self.endings.subscribe(hear)

    # --- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start sources and queues; returns at once."""
        for problem in self.configuration.problems:
            log.log(logging.ERROR if problem.severity == "error" else logging.WARNING, "%s", problem)
        self.room.start()
        self._anchor.start()
        self.pauses.watch()
        self.downtimes.start()
        self.endings.start()
        with self._lock:
            self._want(self.configuration)
        self.troubles.start()
        self.care.start()
        self.reporting.hear_pilots(self.configuration, self.shared.report_key, self.book.queue_of)
        left_out = len(self.configuration.broken)
        self.announce("started", f"{count(len(self.queues), 'queue')}, {left_out} left out")
        self.settled()

    def run(self, stop: threading.Event) -> None:
        """Keep house until `stop` is set, or all queues have run their cycles."""
        next_round = next_reload = 0.0
        while not stop.wait(TICK):
            self.watchdog()
            TURNS.line.look()
            now = self.clock.monotonic()
            with self._lock:
                self._reconcile()
                self.hangs.look(self.queues)
                if self._all_done():
                    log.info("no queue is left running")
                    return
            if now >= next_round:
                next_round = now + self._sleep
                with self._lock:
                    self._left_behind.look_after(self.configuration)
                    self.reporting.monitors.retry()
            if self.configuration.factory.reconfig:
                if next_reload and now >= next_reload:
                    self.reload()
                if not next_reload or now >= next_reload:
                    next_reload = now + self.configuration.factory.reconfig_interval

    def _all_done(self) -> bool:
        running = any(q.alive for q in self.queues.values()) or bool(self._reconciler.ending)
        if running:
            return False
        return self._cycles is not None or self.configuration.factory.abort_no_queues

    def shutdown(self, deadline: float) -> None:
        """End everything within `deadline` seconds, whatever hangs.

        A submission under way may end by itself in the first half of that time; after it the call is cut
        off, and its intent stays in the ledger for the next start to look up.
        """
        end = self.clock.monotonic() + deadline
        with self._lock:
            queues = self._reconciler.end()
            self.credentials.end()
        self.sources.stop()
        self.troubles.stop()
        self.care.stop()
        self.probes.stop()
        self.downtimes.stop()
        self.endings.stop()
        self.room.stop()
        self._anchor.stop()
        self.pauses.stop()
        self.announce("stopped", "pilots go on by themselves")
        patience = end - deadline / 2
        for queue in queues:
            queue.join(patience - self.clock.monotonic())
        registry.close_all(max(0.0, patience - self.clock.monotonic()))
        schedds.close()
        late = [q.name for q in queues if not q.join(end - 1 - self.clock.monotonic())]
        if late:
            log.warning("still busy at the end: %s", ", ".join(late))
        self.shared.submit_records.flush(max(0.0, min(LAST_WORDS, end - self.clock.monotonic())))
        self.reporting.close(end)
        self.care.join(min(1.0, end - self.clock.monotonic()))
        self.endings.close()
        self.tally.close()
        if not late:
            self.book.close()
            self.ledger.close()

    # --- queues come and go ---------------------------------------------------------------------

    @staticmethod
    def enabled(configuration: Configuration) -> dict[str, QueueConfig]:
        """Return the queues of `configuration` that are to run."""
        if not configuration.factory.enable_queues:
            return {}
        return {n: q for n, q in configuration.queues.items() if q.options.enabled}

    @property
    def queues(self) -> Mapping[str, APFQueue]:
        """Return the queues that run, by name."""
        return self._reconciler.workers

    @property
    def failures(self) -> Mapping[str, Failure]:
        """Return why queues that should run do not, by name."""
        return self._reconciler.failures

    def _want(self, configuration: Configuration) -> None:
        """Make `configuration` what is wanted, and do at once what can be done."""
        self.reporting.monitors.configure(configuration)
        self.book.configure(policy(configuration.factory))
        self.credentials.want(configuration)
        self._reconciler.want(
            {name: QueueSpec(q, configuration) for name, q in self.enabled(configuration).items()}
        )
        self._reconcile()

    def _reconcile(self) -> None:
        self.credentials.step()
        before = self._reconciler.workers
        self._reconciler.step()
        if self._reconciler.workers is not before:
            self.credentials.wake()
        failing = dict(self._reconciler.failures)
        for name in failing.keys() - self._told:
            self.announce("problem", f"does not run: {failing[name].text}", name, "broken-configuration")
        self._told = frozenset(failing)

    def reload(self, *, allow_empty: bool = False) -> ReloadReport:
        """Load the configuration anew and apply what changed; on any new error keep all as it is.

        Queues that vanish all at once are an error too, unless `allow_empty`.
        """
        report = self.reloader.reload(allow_empty=allow_empty)
        self.settled()
        return report

    def _apply(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._sleep = configuration.factory.sleep
        self._want(configuration)

    # --- what is told and asked -----------------------------------------------------------------

    def underway(self) -> Mapping[str, Set[str]] | None:
        """Return by queue the clusters with pilots that may not have ended, sent before today (UTC).

        Empty among them: a cluster that is not known; None: the book is lost, so nobody can say.
        """
        if self._anchor.lost():
            return None
        return underway(self.book, self.configuration.queues, self.clock.now())

    def _report(self, record: CycleRecord) -> None:
        queue = self.queues.get(record.queue)
        self.reporting.cycle(self.troubles.added_to(record), queue.config if queue else None)

    def _credential_news(self, profile: str, words: str, bad: bool) -> None:
        kind, text = "problem" if bad else "credential", f"credential {profile}: {words}"
        self.announce(kind, text, code="credential" if bad else "", credential=profile)

    def _targets(self) -> Iterable[Target]:
        return schedds.targets(self.enabled(self.configuration).values())

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            self.configuration.factory.factory_id,
            queues=lambda: dict(self.queues),
            targets=self._targets,
            breaker_options=lambda: self.configuration.part(BreakerPart.name, BreakerOptions()),
            held_options=lambda: self.configuration.part(HeldPart.name, HeldOptions()),
            ce_of=self.book.ce_of,
            closed=self.book.holds,
            tell=self.announce,
        )
