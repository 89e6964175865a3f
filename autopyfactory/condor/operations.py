"""What the child process does with the HTCondor bindings: one function per request."""

from __future__ import annotations

import ctypes
import gc
import re
import sys
import time
from typing import Any

import classad2
import htcondor2

from autopyfactory.condor import limits, matching
from autopyfactory.condor.convert import attribute, row, values

Row = dict[str, Any]

_ACTIONS = {
    "remove": htcondor2.JobAction.Remove,
    "removex": htcondor2.JobAction.RemoveX,
    "hold": htcondor2.JobAction.Hold,
    "release": htcondor2.JobAction.Release,
}
# Seconds that a schedd's word who it is counts for submissions. Another one at its address does not know our
# session: the first call to it fails, and `forget` drops that word. Where there are no sessions this is all.
KNOWN = 1.0
# The schedd applies the constraint a second time, to the sums that it has made: without what the constraint
# asks for, which is only in them if it is grouped by, the answer would silently be empty. Every job has this.
# It comes first where a constraint may be an error of what is undefined: `error || true` is one.
_SUM = "ProcId is undefined"


class BadRequest(ValueError):
    """The request itself is wrong; no daemon was asked."""


class NotFound(LookupError):
    """The collector answers, but does not know what we look for."""


class LimitReached(Exception):
    """The submission would pass a limit of the schedd; the text names it, and ends with its value."""


class AnotherSchedd(LookupError):
    """Another schedd answers under the name: nothing was asked of it."""


class Operations:
    """The calls to one schedd and its collector. Remembers where the schedd is until `forget`."""

    def __init__(self, schedd: str | None, collector: str | None) -> None:
        self._name = schedd
        self._pool = collector
        self._schedd: htcondor2.Schedd | None = None
        self._location: classad2.ClassAd | None = None
        self._since = time.monotonic()  # when that was asked for
        self._identity = ("", float("-inf"))  # its last word, and when that was asked for
        self._used: Any = None  # what the last answer was made from

    def forget(self) -> None:
        """Drop the known location, so that the next call locates the schedd anew."""
        self._schedd = None
        self._location = None
        self._identity = ("", float("-inf"))

    # ---- where

    def _locate(self) -> classad2.ClassAd:
        if self._location is None:
            self._since = time.monotonic()
            self._location = self._find()
        return self._location

    @property
    def age(self) -> float:
        """Seconds since it was asked for where the schedd is, if that is known."""
        return 0.0 if self._location is None else time.monotonic() - self._since

    def where(self) -> str:
        """Ask where the schedd is; leaves what is known of that as it is.

        Another collector at the address does not know our session with the one before, and says so once.
        """
        try:
            return str(self._find())
        except htcondor2.HTCondorException:
            return str(self._find())

    def settle(self, where: str, ago: float) -> None:
        """Take in what `where` told, asked in another process `ago` seconds ago; empty: nothing.

        One that is elsewhere by now is asked there, though who had its name may still answer.
        """
        if not where or self._location is None or self.age < ago:  # it was asked for since
            return
        found = classad2.parseOne(where)
        self._since = time.monotonic() - ago
        if attribute(found, "MyAddress") != attribute(self._location, "MyAddress"):
            self.forget()
            self._location = found

    def _find(self) -> classad2.ClassAd:
        collector = htcondor2.Collector(self._pool)
        if self._name is not None:
            ad = collector.locate(htcondor2.DaemonType.Schedd, self._name)
            if ad is None:  # Schedd(None) would silently mean the local one
                raise NotFound(f"the collector knows no schedd named {self._name!r}")
            return ad
        if self._pool is None:
            try:
                return collector.locate(htcondor2.DaemonType.Schedd)
            except htcondor2.HTCondorException:
                pass  # no address file on this host: ask the configured collector instead
        # The bindings would take the first of several, whichever that is today.
        ads = collector.locateAll(htcondor2.DaemonType.Schedd)
        if len(ads) == 1:
            return ads[0]
        if not ads:
            raise NotFound("the collector knows no schedd")
        names = ", ".join(sorted(str(attribute(ad, "Name")) for ad in ads))
        raise NotFound(f"the collector knows several schedds, name one of them: {names}")

    def _connect(self) -> htcondor2.Schedd:
        if self._schedd is None:
            self._schedd = htcondor2.Schedd(self._locate())
        return self._schedd

    def locate(self) -> dict[str, str]:
        """Ask the collector where the schedd is, whatever we knew before."""
        self.forget()
        ad = self._locate()
        full = str(attribute(ad, "CondorVersion") or "")
        number = re.search(r"\d+\.\d+\.\d+", full)
        found = {
            name: str(attribute(ad, name) or "") for name in ("Name", "MyAddress", "Machine", "CondorVersion")
        }
        return found | {"version": number.group() if number else ""}

    def identity(self) -> str:
        """Who answers at the schedd's address, by its own word; empty if it does not tell.

        Name and host, and when its job queue was made: that stays over restarts, and is new when the queue
        was wiped. The collector's copy may be of another schedd that advertises the same name.
        """
        asked, identity = time.monotonic(), ""
        address = str(attribute(self._locate(), "MyAddress") or "")
        wanted = ["Name", "Machine", "JobQueueBirthdate"]
        ads = htcondor2.Collector(address).query(htcondor2.AdType.Schedd, "true", wanted) if address else []
        if len(ads) == 1 and (born := attribute(ads[0], "JobQueueBirthdate")):
            name, host = (str(attribute(ads[0], what) or "").lower() for what in ("Name", "Machine"))
            identity = f"{name} on {host} (job queue of {born})"
        self._identity = identity, asked
        return identity

    def _lately(self) -> str:
        """Who answers, asked a moment ago or now."""
        identity, asked = self._identity
        return identity if time.monotonic() - asked < KNOWN else self.identity()

    def ping(self) -> dict[str, Any]:
        """Authenticate to the schedd and ask whether we may write."""
        ad = htcondor2.ping(self._locate(), "WRITE")
        names = {"user": "MyRemoteUserName", "method": "AuthMethods", "authorized": "AuthorizationSucceeded"}
        return {key: attribute(ad, name) for key, name in names.items()}

    def tidy(self) -> None:
        """Free what the last answer was made from: it takes a while, and nobody should wait for it."""
        self._used = None
        gc.collect()

    # ---- reads

    def counts(self, group_by: list[str], constraint: str) -> list[list[Any]]:
        """Jobs per distinct combination of attributes, added up by the schedd: their values, then the number.

        Without names, which a thousand queues would repeat three thousand times.
        """
        return self._sums(group_by, constraint, f"{_SUM} || ({constraint})")

    def _sums(self, group_by: list[str], constraint: str, and_sums: str) -> list[list[Any]]:
        """The schedd's sums of the jobs that match; `and_sums`: the constraint, and what lets sums pass."""
        check(constraint)
        ads = self._connect().query(and_sums, group_by, opts=htcondor2.QueryOpt.GroupBy)
        self._used = ads
        names = [*group_by, "JobCount"]
        return [values(ad, names) for ad in ads]

    def census(self, group_by: list[str], constraint: str) -> dict[str, Any]:
        """The schedd's identity, and the answer of `counts` for a constraint that is true or false of any ad.

        Not to look at `ProcId` for every job saves the schedd a twelfth of the time.
        """
        identity = self.identity()
        return {"identity": identity, "rows": self._sums(group_by, constraint, f"({constraint}) || {_SUM}")}

    def look_up(self, constraint: str, projection: list[str], limit: int) -> dict[str, Any]:
        """The schedd's identity, ads of the queue, of the history, and whether there is a history at all.

        The history is searched back from its end until `limit` ads are found.
        """
        queue = self.query(constraint, projection, -1)
        history = self.history(constraint, projection, limit, None)
        known = bool(history) or bool(self.history("true", ["ClusterId"], 1, None))
        return {"identity": self.identity(), "queue": queue, "history": history, "keeps_history": known}

    def endings(
        self, constraint: str, projection: list[str], since: str | None, started: int | None, limit: int
    ) -> dict[str, Any]:
        """The schedd's identity, jobs in the queue that are complete or started lately, what left it.

        The queue is not looked at if `started` is None: that takes the longer the more jobs there are.
        """
        lately = f"(JobStatus == 4 || (JobStatus == 2 && JobStartDate >= {started}))"
        queue = [] if started is None else self.query(f"({constraint}) && {lately}", projection, limit)
        history = self.history(constraint, projection, limit, since)
        return {"identity": self.identity(), "queue": queue, "history": history}

    def query(self, constraint: str, projection: list[str], limit: int) -> list[Row]:
        """Job ads of the queue."""
        check(constraint)
        ads = self._connect().query(constraint, projection, limit=limit)
        return [row(ad, projection) for ad in ads]

    def machines_with(self, name: str, values: list[str]) -> list[str]:
        """Which of `values` the attribute `name` has, in machines of the collector's pool."""
        listed = ", ".join(f'"{value}"' for value in values)
        constraint = f"member({name}, {{{listed}}})"
        check(constraint)
        ads = htcondor2.Collector(self._pool).query(htcondor2.AdType.Startd, constraint, [name])
        return sorted({str(attribute(ad, name)) for ad in ads})

    def match(self, constraint: str, machines: int) -> dict[str, Any] | None:
        """What keeps a job from the machines of the collector's pool (at most so many ads): see `matching`.

        Of the first job that matches `constraint`; None when there is none.
        """
        check(constraint)
        jobs = self._connect().query(constraint, [], limit=1)
        if not jobs:
            return None
        address = self._pool or htcondor2.param.get("COLLECTOR_HOST")
        slots = htcondor2.Collector(address).query(htcondor2.AdType.Startd, "true")[:machines]
        return matching.excluded(jobs[0], slots)

    def slots(self) -> int:
        """How many slots the collector's pool has."""
        address = self._pool or htcondor2.param.get("COLLECTOR_HOST")
        return len(htcondor2.Collector(address).query(htcondor2.AdType.Startd, "true", ["Name"]))

    def history(self, constraint: str, projection: list[str], limit: int, since: str | None) -> list[Row]:
        """Ads of jobs that left the queue, the latest first."""
        check(constraint)
        ads = self._connect().history(constraint, projection, match=limit, since=since)
        return [row(ad, projection) for ad in ads]

    # ---- writes

    def submit(
        self, description: dict[str, str], count: int, identity: str = "", spool: bool = False
    ) -> list[int]:
        """Submit `count` jobs as one cluster: [cluster, first proc, count]. Raises LimitReached.

        Only to the schedd of this identity, if one is given; AnotherSchedd if it is not that one.
        With `spool` their files are sent along; until that is done the schedd holds them.
        """
        if identity and self._lately() != identity and (found := self.identity()) != identity:
            raise AnotherSchedd(f"{found or 'one that does not say who it is'} answers instead of {identity}")
        schedd = self._connect()
        try:
            result = schedd.submit(htcondor2.Submit(description), count=count, spool=spool)
        except htcondor2.HTCondorException as error:
            if found_limit := limits.reached(str(error)):
                raise LimitReached(f"{error} limit is {self._setting(found_limit[0])}") from error
            raise
        if sys.version_info < (3, 12):
            # The bindings give back one reference to None too many on every submission. From Python 3.12 on
            # None is immortal; before, the interpreter aborts after some thousand submissions.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
        if spool:
            schedd.spool(result)
        return [result.cluster(), result.first_proc(), result.num_procs()]

    def bring_back(self, constraint: str, limit: int) -> int:
        """Fetch what jobs that match, at most `limit`, have written; let them go; return how many.

        For jobs that were spooled and are complete. Killed in between it does the same again.
        """
        check(constraint)
        ads = self._connect().query(constraint, ["ClusterId", "ProcId"], limit=limit)
        jobs = [f"{attribute(ad, 'ClusterId')}.{attribute(ad, 'ProcId')}" for ad in ads]
        if jobs:
            self._connect().retrieve(jobs)
            self._connect().edit(jobs, "LeaveJobInQueue", "false")
        return len(jobs)

    def capacity(self, ours: str, settings: list[str]) -> dict[str, Any]:
        """What the schedd's limits are, and what is used of them; see `capacity.capacity`.

        `ours` is the constraint for the jobs that are not counted among the others.
        """
        where = self._locate()
        remote = htcondor2.RemoteParam(where)
        here = _host_and_port(attribute(where, "MyAddress"))
        names = ["Name", "NumJobs", "JobLimit", "ScheddIpAddr"]
        ads = htcondor2.Collector(self._pool).query(htcondor2.AdType.Grid, "true", names)
        resources = [row(ad, names) for ad in ads]
        return {
            "user": self.ping()["user"] or "",
            "settings": {name: str(remote.get(name) or "") for name in settings},
            "ours": sum(n for *_, n in self.counts(["Owner"], ours)),
            "others": self.counts(["Owner"], f"({ours}) isnt true"),
            "resources": [
                [r["Name"], r["NumJobs"], r["JobLimit"]]
                for r in resources
                if here and _host_and_port(r["ScheddIpAddr"]) == here
            ],
        }

    def _setting(self, name: str) -> str:
        """A setting of the schedd, as it says; empty if it does not."""
        try:
            return str(htcondor2.RemoteParam(self._locate()).get(name) or "")
        except (htcondor2.HTCondorException, KeyError):
            return ""

    def act(self, action: str, constraint: str, reason: str) -> dict[str, int]:
        """Remove, hold or release the jobs that match."""
        if action not in _ACTIONS:
            raise BadRequest(f"no such action: {action!r} (known: {', '.join(_ACTIONS)})")
        check(constraint)
        # The bindings lose a reason given as a plain string. A double quote ends an expression for "hold"
        # and is plain text for "remove", so there must be none.
        said = (reason.replace('"', "'"), 0)
        ad = self._connect().act(_ACTIONS[action], f"({constraint})", reason=said)
        totals = ("Error", "Success", "NotFound", "BadStatus", "AlreadyDone", "PermissionDenied")
        return {f"Total{name}": int(attribute(ad, f"Total{name}") or 0) for name in totals}

    def note(self, constraint: str, attribute: str, number: int) -> None:
        """Write a number into the ads of the jobs that match."""
        check(constraint)
        self._connect().edit(f"({constraint})", attribute, str(int(number)))


def check(constraint: str) -> None:
    """Raise BadRequest if a constraint is not an expression."""
    try:
        classad2.ExprTree(constraint)
    except (classad2.ClassAdException, SyntaxError) as error:
        raise BadRequest(f"not a ClassAd expression: {constraint!r}") from error


def _host_and_port(sinful: object) -> str:
    """Return `host:port` of HTCondor's `<host:port?parameters>`."""
    return str(sinful or "").partition("?")[0].strip("<>")
