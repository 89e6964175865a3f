"""What the factory asks of one schedd or collector, each call with a deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autopyfactory.condor.caller import Caller
from autopyfactory.condor.calls import Calls
from autopyfactory.condor.capacity import SETTINGS, Capacity, capacity
from autopyfactory.condor.errors import Refused
from autopyfactory.condor.quoting import check_description
from autopyfactory.condor.target import Target
from autopyfactory.model.record import Match

Row = dict[str, Any]

MACHINES = 5000  # ads of slots that are looked at to tell why a job gets none


@dataclass(frozen=True)
class Submitted:
    """Jobs that the schedd took: procs `first_proc` to `first_proc + count - 1` of `cluster`."""

    cluster: int
    first_proc: int
    count: int


@dataclass(frozen=True)
class Identity:
    """Who the schedd takes us for, and how we proved it."""

    user: str
    method: str


class CondorClient:
    """All calls to one schedd and its collector; may be used by several threads, one call runs at a time.

    Every `deadline` is in seconds and covers the whole call, with the wait for other callers (half of it at
    most) and the start of the child process. Every call raises the errors of `autopyfactory.condor.errors`,
    and ValueError if what it was given makes no sense to anybody. In rows that are returned, attributes
    appear under the names that were asked for; one that is undefined or missing is None; one that is an
    expression is its text.

    While the target is suspended (see `Suspended`) only calls with `probe=True` are tried.
    """

    def __init__(
        self,
        target: Target,
        *,
        retry_after: float = 60.0,
        recycle_after: int = 2000,
        recycle_above_mb: int = 128,
        command: Sequence[str] | None = None,
    ) -> None:
        """Make a client; it starts no process before its first call.

        retry_after: seconds for which calls are turned away after one that hung.
        recycle_after, recycle_above_mb: the child process is replaced, between two calls, after so many
        submissions or when it has grown above so many MB.
        command: what to run as the child process (for tests).
        """
        self.target = target
        self._caller = Caller(target, retry_after, recycle_after, recycle_above_mb * 1024, command)

    # ---- reads

    def counts(
        self, group_by: Sequence[str], constraint: str, *, deadline: float, probe: bool = False
    ) -> list[Row]:
        """Jobs per distinct combination of the attributes: rows with these attributes and "JobCount".

        The schedd adds up. Not by ProcId, which tells sums from jobs.
        """
        names = [*group_by, "JobCount"]
        found = self._caller.call("counts", [list(group_by), constraint], deadline, probe)
        return [dict(zip(names, values, strict=True)) for values in found]

    def census(
        self, group_by: Sequence[str], constraint: str, *, deadline: float, probe: bool = False
    ) -> tuple[str, list[tuple[Any, ...]]]:
        """The schedd's identity (empty: it does not tell), and what `counts` returns, without names.

        The constraint must be true or false whatever an ad holds (made of `=?=`), or there are no sums. Each
        row holds the values of `group_by`, then the number of jobs.
        """
        found = self._caller.call("census", [list(group_by), constraint], deadline, probe)
        return str(found["identity"]), [tuple(values) for values in found["rows"]]

    def endings(
        self,
        constraint: str,
        projection: Sequence[str],
        *,
        since: str | None,
        started: int | None,
        limit: int,
        deadline: float,
    ) -> tuple[str, list[Row], list[Row]]:
        """The schedd's identity, jobs in its queue that are complete or new, and those that left it.

        The new ones run, and have started at Unix time `started` or later; with None the queue is not looked
        at. Of those that left the latest comes first, back to the one that is `since`, as "cluster.proc".
        """
        found = self._caller.call(
            "endings", [constraint, list(projection), since, started, limit], deadline, True
        )
        return str(found["identity"]), found["queue"], found["history"]

    def look_up(
        self, constraint: str, projection: Sequence[str], *, limit: int, deadline: float
    ) -> tuple[str, list[Row], list[Row], bool]:
        """The schedd's identity, matching jobs in queue and history, and whether it keeps a history."""
        found = self._caller.call("look_up", [constraint, list(projection), limit], deadline, True)
        return str(found["identity"]), found["queue"], found["history"], bool(found["keeps_history"])

    def query(
        self,
        constraint: str,
        projection: Sequence[str],
        *,
        limit: int = -1,
        deadline: float,
        probe: bool = False,
    ) -> list[Row]:
        """Ads of jobs in the queue; all attributes if `projection` is empty, all jobs if `limit` is -1."""
        return self._rows("query", [constraint, list(projection), limit], deadline, probe)

    def history(
        self,
        constraint: str,
        projection: Sequence[str],
        *,
        limit: int,
        since: str | None = None,
        deadline: float,
    ) -> list[Row]:
        """Ads of jobs that left the queue, the latest first: at most `limit`, back to the job `since`.

        since: "cluster.proc" of the first job not wanted any more, or an expression that is true for it.
        """
        return self._rows("history", [constraint, list(projection), limit, since], deadline, False)

    def locate(self, *, deadline: float, probe: bool = False) -> dict[str, str]:
        """Where the schedd is: Name, MyAddress, Machine, CondorVersion, and version as "23.9.6".

        Always asks anew, so success proves that the collector answers. It says nothing about the schedd.
        """
        found = self._caller.call("locate", [], deadline, probe)
        return {str(key): str(value) for key, value in found.items()}

    def ping(self, *, deadline: float, probe: bool = False) -> Identity:
        """Authenticate to the schedd; returns if it lets us write, else raises Refused or Unreachable."""
        reply = self._caller.call("ping", [], deadline, probe)
        identity = Identity(reply["user"] or "", reply["method"] or "")
        if not reply["authorized"]:
            raise Refused(f"{identity.user or 'we'} may not write (by {identity.method})", self.target)
        return identity

    def capacity(self, ours: str, *, deadline: float) -> Capacity:
        """What the schedd's limits are, and what is used of them. `ours`: the constraint for our own jobs."""
        return capacity(self._caller.call("capacity", [ours, list(SETTINGS)], deadline, False))

    def machines_with(self, attribute: str, values: Sequence[str], *, deadline: float) -> set[str]:
        """Which of `values` machines of the collector's pool have in `attribute`; values are plain words."""
        plain = [value for value in values if value.replace("-", "").isalnum()]
        found = self._caller.call("machines_with", [attribute, plain], deadline, False)
        return {str(value) for value in found}

    def match(self, constraint: str, *, deadline: float) -> Match | None:
        """What keeps the first job that matches from the machines of its pool; None: there is no such job."""
        found = self._caller.call("match", [constraint, MACHINES], deadline, False)
        if found is None:
            return None
        clauses = tuple((str(text), int(n)) for text, n in found["clauses"])
        return Match(int(found["machines"]), int(found["fit"]), clauses, int(found["refuse"]))

    def slots(self, *, deadline: float) -> int:
        """How many slots the collector's pool has."""
        return int(self._caller.call("slots", [], deadline, False))

    # ---- writes

    def submit(
        self,
        description: Mapping[str, str],
        count: int,
        *,
        deadline: float,
        identity: str = "",
        spool: bool = False,
    ) -> Submitted:
        """Submit `count` jobs as one cluster, all or none; keep it to about a hundred, others wait meanwhile.

        description: submit commands; values are in submit language, see `quoting` for text that must arrive
        as it is. Never repeated once it may have reached the schedd: after an error other than Refused,
        Suspended, NotBegun and ValueError the jobs may be there, so look for them by their tag.
        identity: of the schedd that is meant; Refused if another one answers. Empty: whoever answers.
        spool: send the jobs' files along, to a schedd that shares none with us.
        """
        check_description(description)
        if count < 1:  # HTCondor would make 1 of 0
            raise ValueError(f"cannot submit {count} jobs")
        cluster, first_proc, number = self._caller.call(
            "submit", [dict(description), count, identity, *([True] if spool else [])], deadline, False
        )
        return Submitted(cluster, first_proc, number)

    def act(self, action: str, constraint: str, *, reason: str = "", deadline: float) -> dict[str, int]:
        """Do "remove", "removex", "hold" or "release" to the jobs that match; returns the schedd's totals.

        "removex" drops jobs whose removal does not come to an end, and no others.
        The totals: TotalSuccess, TotalNotFound, TotalPermissionDenied, TotalBadStatus, TotalAlreadyDone,
        TotalError. Matching nothing is no error. Double quotes in a reason become single ones.
        """
        if "\0" in reason or "\n" in reason:
            raise ValueError("a reason must be one line")
        found = self._caller.call("act", [action, constraint, reason], deadline, False)
        return {str(key): int(value) for key, value in found.items()}

    def note(self, constraint: str, attribute: str, number: int, *, deadline: float) -> None:
        """Write a number into the ads of the jobs that match; matching nothing is an error.

        What the ads hold already is written over, so that doing it twice does no harm.
        """
        self._caller.call("note", [constraint, attribute, number], deadline, False)

    def bring_back(self, constraint: str, limit: int, *, deadline: float) -> int:
        """Fetch the output of spooled jobs that match and are complete, and let them leave the queue.

        Returns how many they were, at most `limit`.
        """
        return int(self._caller.call("bring_back", [constraint, limit], deadline, False))

    # ---- life

    @property
    def suspended(self) -> bool:
        """True while calls other than probes are turned away."""
        return self._caller.suspended

    @property
    def calls(self) -> Calls:
        """How calls went up to now."""
        return self._caller.calls.sums()

    @property
    def pid(self) -> int | None:
        """The child's process id, if there is a child."""
        return self._caller.pid

    def abort(self) -> None:
        """Cut off the call under way (it gets WorkerDied) and turn away those that wait; from any thread."""
        self._caller.abort()

    def rest(self) -> None:
        """End the child until the next call, if it has nothing to do: for who calls seldom."""
        self._caller.rest()

    def close(self, timeout: float = 0.0) -> None:
        """End the child for good, after `timeout` seconds at most for the call under way.

        Later calls raise Suspended.
        """
        self._caller.close(timeout)

    def _rows(self, operation: str, arguments: list[Any], deadline: float, probe: bool) -> list[Row]:
        rows: list[Row] = self._caller.call(operation, arguments, deadline, probe)
        return rows
