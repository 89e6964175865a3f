"""Brings one call at a time to the child process of a target, and replaces the child when needed."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from autopyfactory.condor.calls import CallCounter
from autopyfactory.condor.diagnosis import diagnose
from autopyfactory.condor.errors import Busy, Overrun, Refused, Suspended, Unreachable, WorkerDied
from autopyfactory.condor.process import Ended, Process, worker_command, worker_environment
from autopyfactory.condor.suspension import Suspension
from autopyfactory.condor.target import Target
from autopyfactory.condor.worker import IDLE

log = logging.getLogger(__name__)

# An error that took longer than this is the bindings' own time-out: the daemon hangs, although less than
# the deadline.
_SLOW_FAILURE = 5.0
_TAIL = 5
# What may be asked a second time if the child died, because asking changes nothing.
_READS = frozenset(
    (
        *("counts", "census", "endings", "look_up", "query", "history"),
        *("locate", "ping", "capacity", "match", "slots"),
    )
)
# The part of its deadline that a call may wait for its turn. One that began with too little time left would
# be cut off without need, and leave behind a submission of which nobody knows.
_WAITING = 0.5
# A call that goes on for so long probably hangs. Whoever waits behind it had better say so and come back.
_STUCK = 5.0
_GLANCE = 1.0  # seconds between two looks at what we wait for
# How long a caller whose child was killed may need to notice.
_HAND_OVER = 5.0


class Caller:
    """The one way to a target's child process."""

    def __init__(
        self,
        target: Target,
        retry_after: float,
        recycle_after: int,
        recycle_above_kb: int,
        command: Sequence[str] | None,
    ) -> None:
        self.calls = CallCounter()
        self._target = target
        self._command = command
        self._recycle_after = recycle_after
        self._recycle_above_kb = recycle_above_kb
        self._suspension = Suspension(target, retry_after)
        self._turn = threading.Lock()
        self._under_way: tuple[str, float] | None = None  # the operation, and when it began
        self._process: Process | None = None
        self._submits = 0
        self._aborts = 0
        self._closed = False

    @property
    def suspended(self) -> bool:
        """True while calls other than probes are turned away."""
        return self._suspension.active

    @property
    def pid(self) -> int | None:
        """The child's process id, if there is a running child."""
        process = self._process
        return process.pid if process is not None and process.usable else None

    def call(self, operation: str, arguments: list[Any], deadline: float, probe: bool) -> Any:
        """The result of an operation of the child, or one of our errors, within `deadline` seconds."""
        with self.calls.one():
            return self._call(operation, arguments, deadline, probe)

    def _call(self, operation: str, arguments: list[Any], deadline: float, probe: bool) -> Any:
        start = time.monotonic()
        aborts = self._aborts
        self._admit(aborts, probe)
        self._take_turn(operation, start + deadline * _WAITING)
        self._under_way = (operation, time.monotonic())
        try:
            self._admit(aborts, probe)  # while we waited the call before us may have hung
            try:
                reply = self._exchange(operation, arguments, start + deadline, aborts)
            except TimeoutError:
                self._drop()
                silence = f"{operation}: no answer within {round(deadline, 2):g} s"
                self._suspension.begin(silence)
                raise Overrun(silence, self._target) from None
            except Ended as error:
                said = self._drop()
                raise WorkerDied(f"{operation}: {error}{said}", self._target) from None
            except OSError as error:
                raise WorkerDied(f"{operation}: no child process: {error}", self._target) from error
            return self._judge(operation, reply, time.monotonic() - start)
        finally:
            self._under_way = None
            self._turn.release()

    def abort(self) -> None:
        """Cut off the call under way and those that wait for their turn."""
        self._aborts += 1
        if (process := self._process) is not None:
            process.kill()

    def rest(self) -> None:
        """End the child, unless a call is under way; the next call starts another."""
        if self._turn.acquire(blocking=False):
            self._drop()
            self._turn.release()

    def close(self, timeout: float) -> None:
        """End the child for good, `timeout` seconds from now at the latest."""
        self._closed = True
        mine = self._turn.acquire(timeout=timeout)
        if not mine:
            self.abort()  # wakes whoever has the turn
            mine = self._turn.acquire(timeout=_HAND_OVER)
        if mine:
            self._drop()
            self._turn.release()

    def _take_turn(self, operation: str, end: float) -> None:
        """Wait for the calls before us until monotonic time `end`, but not behind one that seems to hang."""
        while not self._turn.acquire(timeout=max(0.0, min(_GLANCE, end - time.monotonic()))):
            now = time.monotonic()
            if now >= end:
                raise Busy(f"{operation} not tried: other calls took its time", self._target)
            other = self._under_way
            if other is not None and (seconds := now - other[1]) > _STUCK:
                raise Busy(
                    f"{operation} not tried: {other[0]} is under way for {seconds:.0f} s", self._target
                )

    def _admit(self, aborts: int, probe: bool) -> None:
        if self._closed:
            raise Suspended("not tried: closed", self._target)
        if aborts != self._aborts:
            raise Suspended("not tried: aborted", self._target)
        if not probe:
            self._suspension.check()

    def _exchange(self, operation: str, arguments: list[Any], end: float, aborts: int) -> Any:
        """One request and its reply, by a fresh child if there is none."""
        request = {"operation": operation, "arguments": arguments}
        chances = 2 if operation in _READS else 1
        while True:
            process = self._running(end)
            if aborts != self._aborts:  # an abort while the child was started found nothing to kill
                raise Ended(None, "aborted")
            try:
                return process.exchange(request, end)
            except Ended as error:
                # One that left for lack of work just when work came has not read the request.
                chances -= error.status != IDLE
                if chances == 0 or aborts != self._aborts:
                    raise
                self._drop()

    def _running(self, end: float) -> Process:
        if self._process is not None and not self._process.usable:
            self._drop()
        if self._process is None:
            command = self._command or worker_command(self._target)
            environment = worker_environment(self._target, os.environ)
            self._process = Process(command, environment, max(0.0, end - time.monotonic()))
            self._submits = 0
            self.calls.child()
        return self._process

    def _judge(self, operation: str, reply: Any, seconds: float) -> Any:
        """The result in a reply, or its error raised; replaces a child that is used up."""
        said = self._said()
        if operation == "submit":
            self._submits += 1
        if self._submits >= self._recycle_after or reply["rss"] > self._recycle_above_kb:
            self._drop()
        if "error" in reply:
            kind, text = reply["error"]
            error = diagnose(kind, text, said, self._target)
            if isinstance(error, Unreachable) and seconds > _SLOW_FAILURE:
                self._suspension.begin(f"{operation} failed after {seconds:.0f} s")
            elif isinstance(error, Refused):
                self._suspension.end()  # a no is an answer
            raise error
        self._suspension.end()
        return reply["result"]

    def _said(self, *, last: bool = False) -> list[str]:
        """What the child said on standard error; goes to the log. `last`: it is to be dropped."""
        said = self._process.said(last=last) if self._process is not None else []
        for line in said:
            log.debug("%s: %s", self._target, line)
        return said

    def _drop(self) -> str:
        """Kill the child; returns its last words, to be put after a message."""
        said = self._said(last=True)[-_TAIL:]
        if self._process is not None:
            self._process.discard()
            self._process = None
        return "".join(f"\n    {line}" for line in said)
