"""Wanted and actual: configuration says what is wanted, as a whole; this brings the threads to it.

Level-triggered: each `step` compares what runs with what is wanted now, whatever happened in between, and
does what is missing. Nobody else starts or ends a queue. So one name never has two threads, a queue that was
changed, switched off and on again between two steps ends up as the last word says, and a step that fails (a
plugin whose constructor raises) costs its own queue only and is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from autopyfactory.model.clock import Clock

log = logging.getLogger("autopyfactory.factory")

FIRST_RETRY = 5.0  # seconds until a queue that could not be made is tried again; doubles up to LAST_RETRY
LAST_RETRY = 300.0
MOST_LEFT = 3  # threads of one name that hang and were left behind, until no further one is started


class Worker(Protocol):
    """What is started and ended: a queue with its thread."""

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""

    @property
    def finished(self) -> bool:
        """Whether it ended by itself, having done all that it was asked to do."""

    @property
    def hangs(self) -> str:
        """What it hangs in, in words; empty: it does not."""

    @property
    def lingers(self) -> bool:
        """Whether its thread is there, be it left behind."""

    def start(self) -> None:
        """Start the thread."""

    def stop(self) -> None:
        """Ask the thread to end; returns at once. One that hangs is no longer alive then."""


W = TypeVar("W", bound=Worker)
S = TypeVar("S")
Spec = TypeVar("Spec", contravariant=True)


class Maker(Protocol[Spec, W]):
    """Makes and unmakes workers. Called by the reconciler only."""

    def make(self, name: str, spec: Spec, holder: str, before: W | None) -> W:
        """Return a worker that is not started yet; what it takes is held by `holder`.

        `before` is the one of the same name that it follows at once. May raise anything.
        """

    def unmake(self, holder: str) -> None:
        """Give back all that `holder` holds, also after a `make` that raised. Must not raise."""

    def same(self, old: Spec, new: Spec) -> bool:
        """Whether a worker of `old` does what `new` asks for."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a wanted worker does not run."""

    text: str
    since: datetime
    attempts: int
    again: float  # monotonic time of the next attempt


@dataclass(slots=True)
class _Actual(Generic[S, W]):
    """One that runs, or is ending."""

    worker: W
    spec: S
    holder: str


class Reconciler(Generic[S, W]):
    """Keeps exactly the wanted workers running. Not thread-safe: one lock of the caller's guards it."""

    def __init__(self, maker: Maker[S, W], clock: Clock):
        self._maker = maker
        self._clock = clock
        self._wanted: Mapping[str, S] = {}
        self._actual: dict[str, _Actual[S, W]] = {}
        self._ending: dict[str, _Actual[S, W]] = {}
        self._left: dict[str, list[W]] = {}  # those that were left behind, by name
        self._serial = 0
        self.workers: Mapping[str, W] = {}  # those that run, by name; replaced as a whole
        self.failures: dict[str, Failure] = {}

    # --- what is asked of it ----------------------------------------------------------------------

    def want(self, wanted: Mapping[str, S]) -> None:
        """Replace what is wanted, as a whole; the next `step` acts on it.

        What failed or hangs is tried again.
        """
        self._wanted = dict(wanted)
        for name in [name for name, one in self._actual.items() if one.worker.hangs]:
            self._let_go(name)
        self.failures = {n: replace(f, again=0.0) for n, f in self.failures.items() if n in wanted}

    def step(self) -> None:
        """Do everything that can be done now towards what is wanted; never waits for a thread to end."""
        self._dismiss()
        followed = self._collect()
        for name, spec in self._wanted.items():
            if name not in self._actual and name not in self._ending:
                self._engage(name, spec, followed.get(name))
        self._publish()
        for one in followed.values():  # after their successors took what both need: it is not stopped between
            self._maker.unmake(one.holder)

    def end(self) -> list[W]:
        """Want nothing any more, ask everything to end, and return what may still run."""
        self._wanted = {}
        self._dismiss()
        self._publish()
        return [one.worker for one in self._ending.values()]

    @property
    def settled(self) -> bool:
        """Whether nothing is ending or waiting for another attempt: what runs is what is wanted."""
        return not self._ending and not self.failures and self._actual.keys() == self._wanted.keys()

    @property
    def ending(self) -> Iterable[str]:
        """Return the names whose old thread has not ended yet."""
        return tuple(self._ending)

    def _publish(self) -> None:
        workers = {name: one.worker for name, one in self._actual.items()}
        if workers != self.workers:
            self.workers = workers

    # --- steps ------------------------------------------------------------------------------------

    def _dismiss(self) -> None:
        """Ask to end whatever is not wanted as it is, or has died without having finished."""
        for name, one in list(self._actual.items()):
            if name in self._wanted and self._maker.same(one.spec, self._wanted[name]):
                one.spec = self._wanted[name]  # equal in what it does; the old configuration can go
                if one.worker.alive or one.worker.finished:
                    continue
                self._failed(name, RuntimeError("its thread has died"))
            self._let_go(name)

    def _let_go(self, name: str) -> None:
        one = self._ending[name] = self._actual.pop(name)
        one.worker.stop()

    def _collect(self) -> dict[str, _Actual[S, W]]:
        """Return those that have ended since; the others are asked again: what hangs is left behind then."""
        for one in self._ending.values():
            one.worker.stop()
        ended = {name: one for name, one in self._ending.items() if not one.worker.alive}
        for name in ended:
            del self._ending[name]
        self._note_left(ended)
        return ended

    def _note_left(self, ended: Mapping[str, _Actual[S, W]]) -> None:
        for name, one in ended.items():
            self._left.setdefault(name, []).append(one.worker)
        still = {name: [w for w in workers if w.lingers] for name, workers in self._left.items()}
        self._left = {name: workers for name, workers in still.items() if workers}

    def _engage(self, name: str, spec: S, before: _Actual[S, W] | None) -> None:
        failure = self.failures.get(name)
        if failure is not None and self._clock.monotonic() < failure.again:
            return
        if (left := len(self._left.get(name, ()))) >= MOST_LEFT:
            self._failed(name, RuntimeError(f"{left} earlier threads of it still hang"))
            return
        self._serial += 1
        holder = f"{name}#{self._serial}"
        try:
            worker = self._maker.make(name, spec, holder, before.worker if before else None)
            worker.start()
        except Exception as err:  # noqa: BLE001 - whatever a plugin does wrong is its own queue's trouble
            self._maker.unmake(holder)
            self._failed(name, err)
            return
        self.failures.pop(name, None)
        self._actual[name] = _Actual(worker, spec, holder)

    def _failed(self, name: str, err: Exception) -> None:
        before = self.failures.get(name)
        text = f"{type(err).__name__}: {err}"
        if before is None or before.text != text:
            log.error("%s does not run, it is tried again: %s", name, text, exc_info=err)
        attempts = before.attempts + 1 if before else 1
        again = self._clock.monotonic() + min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(attempts - 1, 10))
        since = before.since if before else self._clock.now()
        self.failures[name] = Failure(text, since, attempts, again)
