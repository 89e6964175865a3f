"""What all ways of sending pilots through a schedd share: to send, find and take back.

A new kind of CE is a subclass with `commands()`: the submit commands that are its own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from autopyfactory.condor.capacity import CAPACITIES
from autopyfactory.condor.client import CondorClient, Submitted
from autopyfactory.condor.errors import CondorError, LimitReached, NotBegun, Refused, Suspended
from autopyfactory.condor.jobstatus import IS_IDLE
from autopyfactory.condor.quoting import constraint_string
from autopyfactory.condor.registry import client
from autopyfactory.logs.setup import queue_logger
from autopyfactory.model.decision import Cap
from autopyfactory.model.ending import TAKEN_BACK
from autopyfactory.model.once import once
from autopyfactory.plugins.base import SentPilots, SubmitError, SubmitUnknown
from autopyfactory.plugins.batchsubmit.condordescription import REPORT_TOKENS, BaseOptionsT, CondorDescription
from autopyfactory.plugins.batchsubmit.draining import drain_time
from autopyfactory.plugins.batchsubmit.pilotwrapper import report_tokens
from autopyfactory.plugins.pilotgroup import QUEUE
from autopyfactory.plugins.submitrecord import place_of
from autopyfactory.wrapper.compose import RecipeError

# Spooled pilots that are complete, and those whose files did not come for so long that they never will.
ENDED = "(JobStatus == 4 && LeaveJobInQueue isnt undefined && LeaveJobInQueue isnt false)"
UNSPOOLED = "(JobStatus == 5 && HoldReasonCode == 16 && time() - EnteredCurrentStatus > 300)"
NEVER_SPOOLED = "AutoPyFactory: the pilot's files never came"
AT_ONCE = 50  # pilots whose output is brought back in one cycle
NOT_RUNNING, RUNNING = "(JobStatus == 1 || JobStatus == 5)", "(JobStatus == 2)"
WAITING = f"(JobStatus == 5 || {IS_IDLE})"


class CondorBase(CondorDescription[BaseOptionsT]):
    """Sends pilots through a schedd."""

    def submit(self, n: int, tag: str, deadline: float) -> SentPilots:
        """Send `n` pilots as one cluster. Raises SubmitError, SubmitUnknown."""
        return self.submit_to("", n, tag, deadline)

    def submit_to(self, identity: str, n: int, tag: str, deadline: float) -> SentPilots:
        """Send `n` pilots as one cluster, if the schedd is the one of this identity; empty: whichever it is.

        Raises SubmitError, SubmitUnknown.
        """
        now = datetime.now(UTC)
        choice = self.credential(now)
        if choice is not None and choice.presented is None:  # it was valid when the cycle began
            raise SubmitError("; ".join(choice.closed))
        try:
            described = self.described(now, choice)
            described.place.folder.mkdir(parents=True, exist_ok=True)
            if self._wrapper:
                self._wrapper.keep(lambda digest: self._referred(digest, deadline))
            description = described.tagged(tag)
            tokens = report_tokens(self.context, tag, n)
            secret = {REPORT_TOKENS: ",".join(tokens)} if tokens else {}
            done = self._send({**description, **secret}, n, identity, deadline)
        except (Refused, Suspended, NotBegun, ValueError, RecipeError) as err:
            raise SubmitError(str(err)) from err
        except OSError as err:
            raise SubmitError(f"no place for the pilots' logs or wrapper: {err}") from err
        except CondorError as err:
            raise SubmitUnknown(str(err)) from err
        text = "".join([f"{k} = {v}\n" for k, v in description.items()]) + f"queue {done.count}\n"
        path = place_of(described.place.folder, self.context.factory) / f"submit.{done.cluster}.jdl"
        self.context.shared.submit_records.write(path, text)
        return SentPilots(str(done.cluster), done.count, done.first_proc)

    def _send(self, description: Mapping[str, str], n: int, identity: str, deadline: float) -> Submitted:
        """Submit `n` pilots, or as many as the schedd's own limits leave room for. Raises CondorError."""
        schedd, end, spool = client(self._target), time.monotonic() + deadline, self.options.spool
        try:
            return schedd.submit(description, n, deadline=deadline, identity=identity, spool=spool)
        except LimitReached as full:  # all or none: nothing was submitted
            left = end - time.monotonic()
            if not 0 < full.room < n or left <= 0:
                raise
            queue_logger(self.context.queue).warning("%d of %d pilots are sent: %s", full.room, n, full)
            return schedd.submit(description, full.room, deadline=left, identity=identity, spool=spool)

    def limits(self) -> Sequence[Cap]:
        """Return the schedd's limits, and its gridmanager's for this CE, as they were told last."""
        return CAPACITIES.caps(self._target, self._grid_resource)

    @once
    def _grid_resource(self) -> str:
        return self.commands().get("grid_resource", "")

    def cleanup(self, deadline: float) -> None:
        """Bring back the output of pilots that have ended at a schedd which shares no files with us.

        Those whose files never got there (somebody was killed just then) will not start: they are removed.
        Raises SubmitError.
        """
        if not self.options.spool:
            return
        end = time.monotonic() + deadline
        try:
            states = client(self._target).query(
                f"{self._mine} && ({ENDED} || {UNSPOOLED})", ["JobStatus"], limit=1, deadline=deadline
            )
            if not states:
                return
            client(self._target).act(
                "remove",
                f"{self._mine} && {UNSPOOLED}",
                reason=NEVER_SPOOLED,
                deadline=end - time.monotonic(),
            )
            fetching = CondorClient(
                self._target
            )  # its own: files may take a while, and nobody waits for them
            try:
                fetching.bring_back(
                    f"{self._mine} && {ENDED}", AT_ONCE, deadline=max(1.0, end - time.monotonic())
                )
            finally:
                fetching.close()
        except (CondorError, ValueError) as err:
            raise SubmitError(f"the output of pilots cannot be brought back: {err}") from err

    @property
    def _mine(self) -> str:
        """Return the constraint for this queue's pilots."""
        return (  # `=?=`, since `==` takes Q for q
            f"ApfFactory =?= {constraint_string(self.context.factory.factory_id)} && "
            f"{QUEUE} =?= {constraint_string(self.context.queue)}"
        )

    def _referred(self, digest: str, deadline: float) -> bool:
        """Whether a pilot in the schedd's queue runs the wrapper with this digest; yes, when not known."""
        wanted = f"substr(ApfWrapper, 0, {len(digest)}) == {constraint_string(digest)}"
        try:
            return bool(client(self._target).query(wanted, ["ClusterId"], deadline=deadline))
        except CondorError:
            return True

    def lookup(self, tag: str, deadline: float) -> SentPilots | None:
        """Return the pilots in the schedd's queue that carry `tag`. Raises SubmitUnknown."""
        wanted = f"ApfSubmission == {constraint_string(tag)}"
        try:
            ads = client(self._target).query(wanted, ["ClusterId", "ProcId"], deadline=deadline)
        except CondorError as err:
            raise SubmitUnknown(str(err)) from err
        if not ads:
            return None
        return SentPilots(str(ads[0]["ClusterId"]), len(ads), min(int(ad["ProcId"]) for ad in ads))

    def retire(self, n: int, deadline: float, started_before: float | None = None) -> int:
        """Remove `n` pilots, those that do not run first.

        While `peaceful` only pilots that drain: then removing one lets what runs in it end.
        """
        if self.options.peaceful and not drain_time(self.context.queue_options):
            return 0
        waiting = self._take_back(n, NOT_RUNNING, deadline)
        if waiting >= n:
            return waiting
        known = "" if started_before is None else f" && JobCurrentStartDate < {int(started_before)}"
        return waiting + self._take_back(n - waiting, f"({RUNNING}{known})", deadline)

    def withdraw(self, n: int, deadline: float) -> int:
        """Remove up to `n` pilots that do not run."""
        return self._take_back(n, WAITING, deadline)

    def _take_back(self, n: int, state: str, deadline: float) -> int:
        mine = f"{self._mine} && {state}"
        try:
            wanted = ["ClusterId", "ProcId", "QDate", "GridJobId"]
            ads = client(self._target).query(mine, wanted, deadline=deadline)
            ads.sort(key=_age, reverse=self.options.killorder == "newest")
            ads.sort(key=_at_ce)  # first those that the CE has not seen: they cannot have started
            chosen = ads[:n]
            return sum(self._remove(chosen[i : i + 100], mine, deadline) for i in range(0, len(chosen), 100))
        except CondorError as err:
            raise SubmitUnknown(f"pilots may or may not have been taken back: {err}") from err

    def _remove(self, ads: list[dict[str, Any]], mine: str, deadline: float) -> int:
        ids = " || ".join(f"(ClusterId == {a['ClusterId']} && ProcId == {a['ProcId']})" for a in ads)
        # All is asked for again: a pilot that started meanwhile has found work and is left alone.
        totals = client(self._target).act(
            "remove",
            f"{mine} && ({ids})",
            reason=TAKEN_BACK,
            deadline=deadline,
        )
        return totals.get("TotalSuccess", 0)


def _at_ce(ad: Mapping[str, Any]) -> bool:
    return bool(ad.get("GridJobId"))


def _age(ad: Mapping[str, Any]) -> tuple[int, int, int]:
    return (int(ad["QDate"] or 0), int(ad["ClusterId"]), int(ad["ProcId"]))
