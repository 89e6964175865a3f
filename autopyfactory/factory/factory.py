"""Factory: builds, starts, reloads and stops queues and what they share."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from autopyfactory.accounting.anchor import Anchor, AnchorWatch
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.claims import Claims
from autopyfactory.accounting.endings import EndingStream
from autopyfactory.accounting.endingstore import EndingStore
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.protocol.accounts import policy
from autopyfactory.accounting.requests import Tell
from autopyfactory.accounting.tally import TallyStore
from autopyfactory.breakers.options import BreakerOptions, BreakerPart
from autopyfactory.breakers.registry import Breakers
from autopyfactory.condor import registry
from autopyfactory.config.diff import Diff, diff
from autopyfactory.config.model import Configuration, QueueConfig
from autopyfactory.config.postponed import Started
from autopyfactory.config.vanished import vanished
from autopyfactory.credentials import pilotfiles
from autopyfactory.credentials.wallet import Choice, Wallet, of_several
from autopyfactory.cycle.queue import APFQueue, Neighbours
from autopyfactory.external.clocks import CLOCKS
from autopyfactory.factory.credentials import Credentials, Users, users_of
from autopyfactory.factory.crossqueue import declared_for, other_queues
from autopyfactory.factory.hangwatch import HangWatch
from autopyfactory.factory.heldpilots import Surroundings
from autopyfactory.factory.leftbehind import LeftBehind
from autopyfactory.factory.pilotcare import PilotCare
from autopyfactory.factory.probes import Probes
from autopyfactory.factory.queuemaker import QueueMaker, QueueSpec
from autopyfactory.factory.reconciler import Failure, Reconciler
from autopyfactory.factory.room import Least, RoomWatch, trees
from autopyfactory.factory.underway import underway
from autopyfactory.history.attach import history_reporter
from autopyfactory.model.clock import Clock, SystemClock
from autopyfactory.model.decision import OtherQueues, RecentPilots
from autopyfactory.model.record import CycleRecord, Event, FactoryEvent
from autopyfactory.model.text import count
from autopyfactory.notify import pilotreports, wrapperpings
from autopyfactory.notify.acknowledged import Acknowledgements
from autopyfactory.notify.cycletotals import CycleTotals
from autopyfactory.notify.delivery import BatchReporter
from autopyfactory.notify.mail import mailer
from autopyfactory.notify.monitors import Monitors
from autopyfactory.notify.trends import Trends
from autopyfactory.options.declare import Options
from autopyfactory.options.problem import ConfigError, Problem
from autopyfactory.pauses import Pause, Pauses
from autopyfactory.plugins.base import Shared
from autopyfactory.plugins.lastcycles import Board
from autopyfactory.sources.downtimes import DowntimeOptions, DowntimePart, DowntimeWatch
from autopyfactory.sources.pool import SourcePool
from autopyfactory.why import schedds
from autopyfactory.why.treatment import HeldOptions, HeldPart
from autopyfactory.why.watch import ASK, TroubleWatch
from autopyfactory.why.work import WorkWatch

log = logging.getLogger("autopyfactory.factory")

PartT = TypeVar("PartT", bound=Options)
TICK = 0.5  # seconds between two looks of the housekeeping at what has changed


@dataclass(frozen=True)
class ReloadReport:
    """What a reload did, or why it did nothing."""

    applied: bool
    changes: Diff | None = None
    problems: tuple[Problem, ...] = ()


class Factory(Neighbours):
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
        self._started_with = Started.of(configuration)
        self.clock = clock or SystemClock()
        self.watchdog: Callable[[], None] = lambda: None
        self.settled: Callable[[], None] = lambda: None  # called when much has been made or replaced
        self.state_dir = Path(configuration.factory.state_dir).expanduser()
        self.logdir = logdir
        self.started_at = self.clock.now()
        self.ledger = Ledger(self.state_dir / "ledger.db", self.clock)
        self.pauses = Pauses(self.state_dir / "pauses.json")
        self.acknowledged = Acknowledgements(self.state_dir / "acknowledged.json")
        self.endings = EndingStream(EndingStore(self.state_dir / "endings.db"))
        claims = Claims(configuration.factory.factory_id)
        rules = policy(configuration.factory)
        self.book = Bookkeeper(self.ledger, self.clock, rules, self.endings, claims)
        self.book.listeners.append(self._book_tells)
        self.breakers = Breakers(self.state_dir / "breakers.json", self.clock)
        self.care = PilotCare(self._surroundings(configuration), self.breakers, self.clock)
        self.book.endings.subscribe(self.care.endings)
        self.tally = TallyStore(self.state_dir / "tally.db")
        self.book.endings.subscribe(self.tally.note)
        self.downtimes = DowntimeWatch(
            lambda: self._part(DowntimePart.name, DowntimeOptions()),
            self.clock,
            self.state_dir / "downtimes.json",
        )
        self.probes = Probes(lambda: self.queues, self.announce)
        self.book.endings.subscribe(self.probes.endings)
        self.sources = SourcePool(self.clock, self.book)
        self.shared = Shared(
            Board(self.clock),
            mark=self.ledger.mark,
            wallet=Wallet(self.clock),
            report_key=pilotreports.key_for(configuration.parts.get("reports"), self.state_dir),
        )
        self.credentials = Credentials(
            self.shared.wallet,
            self._users_of_profiles,
            self.clock,
            self._credential_news,
            self._credential_ready,
        )
        self._profile_users: tuple[Mapping[str, APFQueue], Users] = {}, {}
        self._left_behind = LeftBehind(self.book, self.sources, self.shared)
        self.monitors = Monitors()
        self.listeners: list[Callable[[Event], None]] = []  # history, mail, ...: each must return at once
        self.trends = Trends()
        self.listeners.append(self.trends.note)
        self.work = WorkWatch()
        self.listeners.append(self.work.note)
        self.cycle_totals = CycleTotals()
        self.listeners.append(self.cycle_totals.note)
        self.listeners.append(self.shared.last_cycles.note)
        self.history = history_reporter(configuration.factory)
        if self.history is not None:
            self.listeners.append(self.history.report)
        self.pings: wrapperpings.Listener | None = None
        self.reports: pilotreports.Listener | None = None
        self.mailer = mailer(
            configuration,
            lambda name: self.acknowledged.of(name, self.clock.now()),
            self.credentials.queues_with,
        )
        if self.mailer is not None:
            self.listeners.append(self.mailer.report)
        self.troubles = TroubleWatch(
            configuration.factory.factory_id,
            lambda: schedds.targets(self.enabled(self.configuration).values()),
            schedds.reporting_client,
            pilots=self.endings,
            work=self.work.of,
            unserved=self._unserved,
            credentials=lambda: pilotfiles.of_queues(
                {name: [r.submit for r in q.parts.routes] for name, q in dict(self.queues).items()},
                self.clock.now(),
            ),
        )
        self._anchor = AnchorWatch(Anchor([self.state_dir, self.state_dir / "ledger.db"]))
        self.room = RoomWatch(self._trees, self._least_room)
        self._load = load
        self._cycles = oneshot_cycles if oneshot_cycles is not None else configuration.factory.cycles
        self._sleep = sleep if sleep is not None else configuration.factory.sleep
        self._lock = threading.RLock()  # held while queues come and go
        self._reconciler = Reconciler(
            QueueMaker(
                book=self.book,
                breakers=self.breakers,
                sources=self.sources,
                shared=self.shared,
                monitors=self.monitors,
                clock=self.clock,
                neighbours=self,
                report=self._report,
                cycles=self._cycles,
            ),
            self.clock,
        )
        self.hangs = HangWatch(self.announce)
        self._told: frozenset[str] = frozenset()  # queues whose failure to start was announced

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
        if self.history is not None:
            options, name = self.configuration.parts.get("pings"), self.configuration.factory.factory_id
            self.pings = wrapperpings.listener(options, name, self.history.report)
            self.reports = pilotreports.listener(
                self.configuration.parts.get("reports"),
                self.shared.report_key,
                self.history.report,
                self.book.queue_of,
            )
        left_out = len(self.configuration.broken)
        self.announce("started", f"{count(len(self.queues), 'queue')}, {left_out} left out")
        self.settled()

    def run(self, stop: threading.Event) -> None:
        """Keep house until `stop` is set, or all queues have run their cycles."""
        next_round = next_reload = 0.0
        while not stop.wait(TICK):
            self.watchdog()
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
                    self.monitors.retry()
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
        for reporter in self.reporters():
            reporter.close(max(0.0, min(1.0, end - self.clock.monotonic())))
        for ears in (self.pings, self.reports):
            if ears is not None:
                ears.close()
        if self.mailer is not None:
            self.mailer.close(max(0.0, min(1.0, end - self.clock.monotonic())))
        self.care.join(min(1.0, end - self.clock.monotonic()))
        self.endings.close()
        self.tally.close()
        if not late:
            self.book.close()
            self.ledger.close()

    def reporters(self) -> list[BatchReporter]:
        """Return what carries events to the monitors and to the history."""
        return [*self.monitors.reporters(), *([self.history] if self.history else [])]

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
        self.monitors.configure(configuration)
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

    # --- reload ---------------------------------------------------------------------------------

    def reload(self, *, allow_empty: bool = False) -> ReloadReport:
        """Load the configuration anew and apply what changed; on any new error keep all as it is.

        Queues that vanish all at once are an error too, unless `allow_empty`.
        """
        try:
            report = self._reload(allow_empty)
        except ConfigError as err:
            report = ReloadReport(False, None, tuple(err.problems))
        except Exception as err:
            log.exception("the reload failed")
            report = ReloadReport(False, None, (Problem("error", f"internal error: {err}"),))
        if not report.applied:
            self._tell_refusal(report.problems)
        self.settled()
        return report

    def _tell_refusal(self, problems: tuple[Problem, ...]) -> None:
        log.error("reload refused, the running configuration stays:")
        for problem in problems:
            log.error("  %s", problem)
        if problems:
            self.announce("problem", f"reload refused: {problems[0]}")

    def _reload(self, allow_empty: bool) -> ReloadReport:
        new = self.read_configuration()
        with self._lock:
            old = self.configuration
            if wrong := self.refusals(new, allow_empty=allow_empty):
                return ReloadReport(False, None, wrong)
            changes, later = diff(old, new), self.postponed(new)
            self.configuration = new
            self._sleep = new.factory.sleep
            self._want(new)
        self.announce(
            "reloaded",
            f"{count(len(changes.added), 'queue')} added, {len(changes.removed)} removed, "
            f"{len(changes.changed)} changed",
        )
        for problem in later:
            log.warning("%s", problem)
        return ReloadReport(True, changes, (*new.problems, *later))

    def read_configuration(self) -> Configuration:
        """Return the configuration as its sources have it now. Raises ConfigError."""
        return self._load()

    def refusals(self, new: Configuration, *, allow_empty: bool = False) -> tuple[Problem, ...]:
        """Return why `new` may not be applied: new errors, what needs a restart, queues that vanish."""
        old = self.configuration
        known = {(p.section, p.key, p.message) for p in old.problems}
        fresh = [
            p for p in new.problems if p.severity == "error" and (p.section, p.key, p.message) not in known
        ]
        fixed = self._started_with.refused(new)
        return (*fresh, *fixed, *(() if allow_empty else vanished(old, new)))

    def postponed(self, new: Configuration) -> tuple[Problem, ...]:
        """Return what of `new` would be accepted by a reload, and taken up by the next start only.

        It is told until a start, or until it says again what the factory was started with.
        """
        return self._started_with.waiting(new)

    # --- what queues ask ------------------------------------------------------------------------

    def paused(self, queue: str) -> Pause | None:
        """Return the pause of `queue` in force."""
        return self.pauses.get(queue, self.clock.now())

    def _trees(self) -> dict[str, Path]:
        pilots = Path(self.configuration.factory.base_log_dir).expanduser()
        return trees(self.state_dir, pilots, [self.logdir] if self.logdir else [])

    def _least_room(self) -> Least:
        options = self.configuration.factory
        return Least(options.room_minimum * 1_000_000, options.room_inodes)

    def blocked(self) -> tuple[str, ...]:
        """Return why no queue may send now: its state or its logs would not be kept."""
        lost, wrong = self._anchor.lost(), CLOCKS.ours()
        return (*((lost,) if lost else ()), *self.room.full(), *((wrong,) if wrong else ()))

    def other_queues(self, queue: str) -> OtherQueues:
        """Return what `queue` has to know of the others, as far as its rules need it."""
        mine = self.queues.get(queue)
        if mine is None:
            return OtherQueues()
        found = other_queues(mine, self.queues, self.book, self.recent)
        return replace(found, declared=declared_for(mine, self.downtimes.of))

    def underway(self) -> Mapping[str, Set[str]] | None:
        """Return by queue the clusters with pilots that may not have ended, sent before today (UTC).

        Empty among them: a cluster that is not known; None: the book is lost, so nobody can say.
        """
        if self._anchor.lost():
            return None
        return underway(self.book, self.configuration.queues, self.clock.now())

    def recent(self, queue: str) -> RecentPilots | None:
        """Return what happened to the pilots of `queue` lately; None when it is not known."""
        return self.queues[queue].recent() if queue in self.queues else None

    def _surroundings(self, configuration: Configuration) -> Surroundings:
        return Surroundings(
            configuration.factory.factory_id,
            queues=lambda: dict(self.queues),
            targets=lambda: schedds.targets(self.enabled(self.configuration).values()),
            breaker_options=lambda: self._part(BreakerPart.name, BreakerOptions()),
            held_options=lambda: self._part(HeldPart.name, HeldOptions()),
            ce_of=self.book.ce_of,
            closed=self.book.holds,
            tell=self.announce,
        )

    def _part(self, name: str, default: PartT) -> PartT:
        """Return a group of options of [Factory], as it is configured now."""
        found = self.configuration.parts.get(name)
        return found if isinstance(found, type(default)) else default

    # --- credentials ----------------------------------------------------------------------------

    def _users_of_profiles(self) -> Users:
        """Return for each profile the queues that name it, and the CE that each sends to."""
        queues, known = self._profile_users
        if queues is not self.queues:  # which are replaced as a whole
            queues = self.queues
            known = users_of(queues)
            self._profile_users = queues, known
        return known

    def _credential_news(self, profile: str, words: str, bad: bool) -> None:
        kind, text = "problem" if bad else "credential", f"credential {profile}: {words}"
        self.announce(kind, text, code="credential" if bad else "", credential=profile)

    def _credential_ready(self, profile: str) -> None:
        """Have the queues that waited for it run their next cycle now."""
        for name in self._users_of_profiles().get(profile, {}):
            if (queue := self.queues.get(name)) is not None:
                queue.wake()

    def credential_choice(self, queue: str) -> Choice | None:
        """Return which credential `queue` sends with now; None when it is not known, or names no profile.

        Of several CEs also which get nothing.
        """
        running = self.queues.get(queue)
        routes, now = (running.parts.routes if running else ()), self.clock.now()
        try:
            return of_several([(r.submit.ce, r.submit.credential(now)) for r in routes])
        except Exception:  # noqa: BLE001 - a third party's plugin may raise anything; its cycles tell it
            return None

    def _unserved(self, queue: str) -> Sequence[str]:
        """Return what jobs of `queue` ask for that its pilots may not have, as far as the WMS can tell."""
        running = self.queues.get(queue)
        wms = running.parts.wms if running is not None else None
        return wms.unserved(ASK) if wms is not None else ()

    def _book_tells(self, tell: Tell) -> None:
        facts: dict[str, int | float | str] = {"place": tell.place, "pilots": tell.pilots}
        event = FactoryEvent(f"pilots {tell.kind}", self.clock.now(), tell.text, tell.queue, facts)
        for listener in self.listeners:
            listener(event)

    # --- what everybody hears -------------------------------------------------------------------

    def _report(self, record: CycleRecord) -> None:
        queue = self.queues.get(record.queue)
        troubles, credential = self.troubles.of(record.queue), self.troubles.credential(record.queue)
        if troubles is not None or credential is not None:
            record = replace(record, troubles=troubles, credential=record.credential or credential)
        for listener in self.listeners:
            listener(record)
        if queue is not None:
            self.monitors.report(record, queue.config)

    def announce(
        self, kind: str, text: str, queue: str | None = None, code: str = "", credential: str = ""
    ) -> None:
        """Tell all that listen what happened to the factory.

        `code`: of the cause in `why`, of a problem; `credential`: that it is of, in place of a queue.
        """
        log.info("%s%s", f"{queue}: " if queue else "", text if text.startswith(kind) else f"{kind}: {text}")
        facts = {"code": code, "credential": credential}
        event = FactoryEvent(kind, self.clock.now(), text, queue, {k: v for k, v in facts.items() if v})
        for listener in self.listeners:
            listener(event)
        self.monitors.report(event)
