"""Keeps one credential profile fresh: a thread of its own, apart from all cycles.

Level-triggered: each round looks at what is there and does what is missing, whatever happened in between. A
credential that is kept by others is only looked at. All that a round does has time limits of its own; one
profile that hangs delays no other.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from autopyfactory.credentials.credential import Credential, CredentialError, Presented
from autopyfactory.model.clock import Clock
from autopyfactory.model.text import span

log = logging.getLogger("autopyfactory.credentials")

TICK = 5.0  # seconds between two looks at whether a file has changed
STALE = 900.0  # seconds without a look, after which nothing is believed: longer than any renewal may take
FIRST_RETRY = 30.0  # seconds until a failed renewal is tried again; doubles up to the profile's checktime
ROUND = 60.0  # seconds after which no further renewal is begun before all are looked at again
BUSY = 120.0  # seconds that a person waits for a round under way
REMIND = 86400.0  # seconds after which a trouble that goes on is told again


class Profile(Protocol):
    """What is asked of a plugin of kind `auth`; its base class stands a floor above."""

    @property
    def checktime(self) -> float:
        """Return the seconds after which the credential is looked at, changed or not."""

    @property
    def renews(self) -> bool:
        """Whether `renew` makes a new one; else others do."""

    def variant(self, place: str) -> str:
        """Return which of the profile's credentials is for `place`: the CE itself, or always the same."""

    def file(self, variant: str) -> str:
        """Return the file in which a variant lies."""

    def presented(self, variant: str) -> Presented:
        """Return how pilots are sent with it; reads nothing."""

    def minlife(self, credential: Credential) -> float:
        """Return the seconds of life left below which `credential` is to be renewed."""

    def look(self, variant: str) -> Credential:
        """Read what is there. Raises CredentialError."""

    def renew(self, variant: str) -> None:
        """Make a new one, within a time limit of its own. Raises CredentialError; then the old one stays."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one variant of a profile."""

    variant: str
    credential: Credential | None = None  # as it was last read; may have ended since
    error: str = ""  # why it cannot be read
    trouble: str = ""  # why it was not renewed though it should have been
    since: datetime | None = None  # of the trouble or error
    renewed: datetime | None = None  # when it was last renewed by us
    looked: float | None = None  # monotonic time of the last look

    @property
    def words(self) -> str:
        """Say what is wrong; empty: nothing."""
        return "; ".join(text for text in (self.error, self.trouble) if text)


@dataclass(slots=True)
class _Effort:
    """When a variant is tended next."""

    look: float = 0.0  # monotonic
    renew: float = 0.0  # monotonic; not before
    failures: int = 0
    stamp: tuple[int, ...] = ()
    told: str = ""
    told_at: float = 0.0


class Keeper:
    """The thread of one profile."""

    def __init__(
        self,
        name: str,
        plugin: Profile,
        places: Callable[[], frozenset[str]],
        clock: Clock,
        tell: Callable[[str, str, bool], None],
        ready: Callable[[str], None] = lambda name: None,
    ):
        """Prepare. `places` returns the CEs that are sent to with it.

        `tell(profile, words, bad)` hears of troubles and their end; `ready(profile)` is called when a variant
        can be used that could not before.
        """
        self.name = name
        self.plugin = plugin
        self._places = places
        self._clock = clock
        self._tell = tell
        self._ready = ready
        self.standings: Mapping[str, Standing] = {}  # by variant; replaced as a whole
        self.tended = 0  # rounds
        self._efforts: dict[str, _Effort] = {}
        self._round = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._since: float | None = None  # monotonic; when the round under way began

    # --- the thread -----------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether the thread runs; one that hangs and was asked to end does not count."""
        runs = self._thread is not None and self._thread.is_alive()
        return runs and not (self._stop.is_set() and self.hangs)

    @property
    def lingers(self) -> bool:
        """Whether the thread is there, be it left behind."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def finished(self) -> bool:
        """Never: it is asked to end."""
        return False

    @property
    def hangs(self) -> str:
        """Say that its plugin has not come back for longer than its time limits allow; empty: it has."""
        since = self._since
        busy = 0.0 if since is None else self._clock.monotonic() - since
        return f"its plugin has not come back for {span(busy)}" if busy > STALE else ""

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name=f"credential {self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; a renewal under way ends by its own time limit."""
        self._stop.set()
        self._wake.set()

    def wake(self) -> None:
        """Have the next round now: what is wanted has changed."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._since = self._clock.monotonic()
            try:
                self.tend()
            except Exception:
                log.exception("looking after credential %s failed", self.name)
            self._since = None
            self._wake.wait(TICK)
            self._wake.clear()

    # --- one round ------------------------------------------------------------------------------

    def tend(self, renew: bool = True) -> None:
        """Look at every variant that is wanted and, if `renew`, make anew what is due.

        All are looked at first: an issuer that hangs must not make others look forgotten.
        """
        with self._round:
            wanted = self._wanted()
            self._efforts = {v: self._efforts.get(v) or _Effort() for v in wanted}
            kept = {v: self._seen(v, self.standings.get(v, Standing(v))) for v in sorted(wanted)}
            self._publish(kept)
            if renew and self.plugin.renews:
                self._renew_due(kept)
            for variant, standing in kept.items():
                self._news(variant, standing)
            self.tended += 1

    def _wanted(self) -> set[str]:
        wanted = {self.plugin.variant(place) for place in self._places()}
        if self.plugin.variant("x") == self.plugin.variant("y"):  # one for all: kept whoever uses it
            wanted.add(self.plugin.variant(""))
        return wanted

    def _publish(self, kept: dict[str, Standing]) -> None:
        before, self.standings = self.standings, dict(kept)
        if any(s.credential and not (v in before and before[v].credential) for v, s in kept.items()):
            self._ready(self.name)

    def _renew_due(self, kept: dict[str, Standing]) -> None:
        """Renew what is due until the time of one round is up; what ends first comes first."""
        begun, now = self._clock.monotonic(), self._clock.now()
        due = [v for v, s in kept.items() if self._short(s) and begun >= self._efforts[v].renew]
        # what has failed less often comes first: it may be another server that answers
        due.sort(key=lambda v: (self._efforts[v].failures, c.left(now) if (c := kept[v].credential) else 0.0))
        for variant in due:
            if self._stop.is_set() or self._clock.monotonic() - begun > ROUND:
                return
            kept[variant] = self._renewed(variant, kept[variant], self._efforts[variant])
            self._publish(kept)

    def renew(self) -> dict[str, str]:
        """Renew every variant now; return why it failed, by variant. Waits a while for a round under way."""
        if not self._round.acquire(timeout=BUSY):
            return {"": self.hangs or "its round takes long: try again later"}
        try:
            return self._renew_all()
        finally:
            self._round.release()

    def _renew_all(self) -> dict[str, str]:
        failed = {}
        for variant, standing in dict(self.standings).items():
            after = self._renewed(variant, standing, self._efforts.setdefault(variant, _Effort()))
            self.standings = {**self.standings, variant: after}
            self._news(variant, after)
            if after.words:
                failed[variant] = after.words
        return failed

    def _seen(self, variant: str, standing: Standing) -> Standing:
        """Look at a variant if it has changed or it is time to; judge whether others are late with it."""
        effort, mono = self._efforts[variant], self._clock.monotonic()
        stamp = _stamp(self.plugin.file(variant))
        if mono >= effort.look or stamp != effort.stamp:
            effort.stamp, effort.look = stamp, mono + self.plugin.checktime
            standing = self._looked(variant, standing)
        else:
            standing = replace(standing, looked=mono)
        if not self._short(standing):
            return replace(standing, trouble="", since=None) if standing.trouble else standing
        return standing if self.plugin.renews else self._nobody(standing)

    def _looked(self, variant: str, standing: Standing) -> Standing:
        now, mono = self._clock.now(), self._clock.monotonic()
        try:
            found = self.plugin.look(variant)
        except Exception as err:  # noqa: BLE001 - a third party's plugin may raise anything
            since = standing.since if standing.error else now
            return replace(standing, credential=None, error=_words(err), since=since, looked=mono)
        since = standing.since if standing.trouble else None
        return replace(standing, credential=found, error="", since=since, looked=mono)

    def _short(self, standing: Standing) -> bool:
        """Whether it is time to renew."""
        c = standing.credential
        return c is None or c.left(self._clock.now()) < self.plugin.minlife(c)

    def _nobody(self, standing: Standing) -> Standing:
        """Tell that whoever keeps this credential has not renewed it."""
        if standing.credential is None:
            return standing
        return replace(standing, trouble="nobody has renewed it", since=standing.since or self._clock.now())

    def _renewed(self, variant: str, standing: Standing, effort: _Effort) -> Standing:
        if not self.plugin.renews:
            return replace(standing, trouble="others keep it: it is not renewed here")
        try:
            self.plugin.renew(variant)
        except Exception as err:  # noqa: BLE001 - a third party's plugin may raise anything
            effort.failures += 1
            pause = min(self.plugin.checktime, FIRST_RETRY * 2.0 ** min(effort.failures - 1, 10))
            effort.renew = self._clock.monotonic() + pause
            trouble = f"it cannot be renewed: {_words(err)}"
            since = standing.since or self._clock.now()
            return replace(self._looked(variant, standing), trouble=trouble, since=since)
        effort.failures, effort.renew = 0, 0.0
        effort.stamp = _stamp(self.plugin.file(variant))
        done = self._looked(variant, standing)
        if done.credential is None:
            effort.renew = self._clock.monotonic() + self.plugin.checktime
            return done
        now = self._clock.now()
        log.info("credential %s: renewed, %s", named(self.name, variant), done.credential.until(now))
        if self._short(done):
            effort.renew = self._clock.monotonic() + self.plugin.checktime
            least = span(self.plugin.minlife(done.credential))
            short = f"a new one {done.credential.until(now)}, and {least} are wanted"
            return replace(done, trouble=short, since=done.since or now, renewed=now)
        return replace(done, trouble="", since=None, renewed=now)

    def _news(self, variant: str, standing: Standing) -> None:
        """Tell of a trouble when it appears, daily while it lasts, and when it is over."""
        effort, mono = self._efforts[variant], self._clock.monotonic()
        untried = self.plugin.renews and standing.credential is None and not standing.trouble
        words = "" if untried else standing.words
        if words and (not effort.told or mono - effort.told_at >= REMIND):
            ends = f"it {standing.credential.until(self._clock.now())}: " if standing.credential else ""
            self._tell(named(self.name, variant), f"{ends}{words}", True)
            effort.told_at = mono
        elif not words and effort.told:
            self._tell(named(self.name, variant), "is good again", False)
        effort.told = words


def _words(err: Exception) -> str:
    """Return the text of an error; of one that was not foreseen also its kind."""
    return str(err) if isinstance(err, CredentialError) else f"{type(err).__name__}: {err}"


def named(name: str, variant: str) -> str:
    """Return what a variant of the profile `name` is called where its trouble is told."""
    return f"{name} for {variant}" if variant else name


def _stamp(path: str) -> tuple[int, ...]:
    """Return what changes when the file is written again; empty when it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_ino, status.st_size
