"""What can go wrong with a call to HTCondor, by what the caller may conclude from it.

For a submission: after `Refused`, `Suspended` and `NotBegun` certainly nothing was submitted. After any other
error it may have been: look the jobs up by their tag.
"""

from __future__ import annotations

from autopyfactory.condor.target import Target


class CondorError(Exception):
    """A call to HTCondor gave no answer; `target` says whose."""

    def __init__(self, message: str, target: Target | None = None) -> None:
        super().__init__(message)
        self.target = target

    def __str__(self) -> str:
        text = super().__str__()
        return text if self.target is None else f"{self.target}: {text}"


class Overrun(CondorError):
    """The deadline passed during the call; the child process was killed."""


class WorkerDied(CondorError):
    """The child process ended during the call (crash, kill, or `abort`)."""


class Unreachable(CondorError):
    """The daemon could not be located or connected, did not let us authenticate, or timed out."""


class NotBegun(Unreachable):
    """The same, and before anything was asked: the daemon was not found, or no session with it was had."""


class Refused(CondorError):
    """The daemon answered no: permission, bad submit description, limits."""


class LimitReached(Refused):
    """The submission would have passed a limit of the schedd: `limit` by name, `value` (None: not known).

    room: how many jobs of that submission fit.
    """

    def __init__(self, target: Target | None, limit: str, value: int | None, room: int) -> None:
        size = "" if value is None else f" ({value})"
        super().__init__(f"{limit}{size} of the schedd leaves room for {room or 'no'} more", target)
        self.limit, self.value, self.room = limit, value, room


class Suspended(CondorError):
    """Not tried, because an earlier call hung so recently that this one would too."""


class Busy(Suspended):
    """Not tried, because other calls to the same target used up the time that this one had."""
