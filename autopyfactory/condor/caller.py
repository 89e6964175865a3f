"""Brings one call at a time to the child process of a target, and replaces the child when needed."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Sequence
from typing import Any

from autopyfactory.condor.calls import CallCounter
from autopyfactory.condor.diagnosis import diagnose
from autopyfactory.condor.errors import (
    Busy,
    CondorError,
    Overrun,
    Refused,
    Suspended,
    Unreachable,
    WorkerDied,
)
from autopyfactory.condor.frames import pack
from autopyfactory.condor.process import Ended, Process, worker_command, worker_environment
from autopyfactory.condor.suspension import Suspension
from autopyfactory.condor.target import Target
from autopyfactory.condor.waitingcalls import Ask, WaitingCalls
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
        self._turns = WaitingCalls()
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
        request = pack({"operation": operation, "arguments": arguments})
        ask = Ask(operation, request, self._aborts, probe)
        self._admit(ask)
        self._take_turn(ask, start + deadline * _WAITING)
        good = False
        try:
            if ask.unsent is None:  # else the child has begun with it
                self._under_way = (operation, time.monotonic())
                self._admit(ask)  # while we waited the call before us may have hung
            reply = self._answered(ask, start, deadline)
            result = self._judge(operation, reply, time.monotonic() - start)
            good = True
            return result
        finally:
            self._under_way = None
            self._turns.give(self._begin if good else None)

    def _answered(self, ask: Ask, start: float, deadline: float) -> Any:
        """The child's reply, or one of our errors."""
        try:
            return self._exchange(ask, start + deadline)
        except TimeoutError:
            self._drop()
            silence = f"{ask.operation}: no answer within {round(deadline, 2):g} s"
            self._suspension.begin(silence)
            raise Overrun(silence, self._target) from None
        except Ended as error:
            said = self._drop()
            raise WorkerDied(f"{ask.operation}: {error}{said}", self._target) from None
        except OSError as error:
            raise WorkerDied(f"{ask.operation}: no child process: {error}", self._target) from error
        except BaseException:  # the reply may still come: it is nobody else's
            self._drop()
            raise

    def _begin(self, ask: Ask) -> None:
        """Give the child the request of who comes next, if it may be tried and there is a child."""
        if self._process is None or self._closed or ask.aborts != self._aborts:
            return
        self._under_way = (ask.operation, time.monotonic())
        with contextlib.suppress(Ended, OSError):  # then another child gets the request
            ask.unsent = self._process.begin(ask.request)

    def abort(self) -> None:
        """Cut off the call under way and those that wait for their turn."""
        self._aborts += 1
        if (process := self._process) is not None:
            process.kill()

    def rest(self) -> None:
        """End the child, unless a call is under way; the next call starts another."""
        ask = Ask("rest")
        if self._turns.enter(ask):
            self._drop()
        elif self._turns.leave(ask):
            return
        self._turns.give()

    def close(self, timeout: float) -> None:
        """End the child for good, `timeout` seconds from now at the latest."""
        self._closed = True
        ask = Ask("close")
        mine = self._turns.enter(ask) or self._turns.wait(ask, timeout)
        if not mine:
            self.abort()  # wakes whoever has the turn
            mine = self._turns.wait(ask, _HAND_OVER) or not self._turns.leave(ask)
        if mine:
            self._drop()
            self._turns.give()

    def _take_turn(self, ask: Ask, end: float) -> None:
        """Wait for the calls before us until monotonic time `end`, but not behind one that seems to hang."""
        if self._turns.enter(ask):
            return
        try:
            while not self._turns.wait(ask, max(0.0, min(_GLANCE, end - time.monotonic()))):
                if why := self._hopeless(end):
                    if self._turns.leave(ask):
                        raise Busy(f"{ask.operation} not tried: {why}", self._target)
                    return
        except CondorError:
            raise
        except BaseException:  # who does not come back must not be given the turn
            if not self._turns.leave(ask):
                self._drop()  # it may have been begun
                self._turns.give()
            raise

    def _hopeless(self, end: float) -> str:
        """Why there is no use in waiting any longer, in words; empty: there is."""
        now = time.monotonic()
        if now >= end:
            return "other calls took its time"
        other = self._under_way
        if other is not None and (seconds := now - other[1]) > _STUCK:
            return f"{other[0]} is under way for {seconds:.0f} s"
        return ""

    def _admit(self, ask: Ask) -> None:
        if self._closed:
            raise Suspended("not tried: closed", self._target)
        if ask.aborts != self._aborts:
            raise Suspended("not tried: aborted", self._target)
        if not ask.probe:
            self._suspension.check()

    def _exchange(self, ask: Ask, end: float) -> Any:
        """One request and its reply, by a fresh child if there is none."""
        chances = 2 if ask.operation in _READS else 1
        process = self._process if ask.unsent is not None else None
        while True:
            try:
                if process is None or ask.unsent is None:
                    process = self._running(end)
                    if ask.aborts != self._aborts:  # an abort while it was started found nothing to kill
                        raise Ended(None, "aborted")
                    if time.monotonic() >= end:
                        raise TimeoutError
                    ask.unsent = process.begin(ask.request)
                return process.finish(ask.unsent, end)
            except Ended as error:
                # One that left for lack of work just when work came has not read the request.
                chances -= error.status != IDLE
                if chances == 0 or ask.aborts != self._aborts:
                    raise
                self._drop()
                ask.unsent = None

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
