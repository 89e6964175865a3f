"""Taking pilots back: those that two answers agree are too many, and those of a queue that drains."""

from __future__ import annotations

from autopyfactory.cycle.inputs import InputReader
from autopyfactory.cycle.ways import Ways
from autopyfactory.model.record import CycleRecord
from autopyfactory.model.secondanswer import Surplus
from autopyfactory.model.text import are, count


class TakeBack:
    """Takes back over all ways of one queue; used by the queue's thread."""

    def __init__(self, ways: Ways, reader: InputReader, most: int):
        """Prepare; `most`: how many pilots one cycle takes back, at most."""
        self._ways = ways
        self._reader = reader
        self._most = most
        self._surplus = Surplus()

    def agreed(self, wanted: int) -> int:
        """Take in what a cycle wants; return how many pilots two answers agree are too many."""
        return self._surplus.agreed(max(0, -wanted), self._reader.taken)

    def retire(self, record: CycleRecord, agreed: int) -> tuple[int, str]:
        """Answer a chain that says there are too many; return how many went, and what to say of it.

        Of what is too many two answers agree on `agreed`. Raises SubmitUnknown.
        """
        n = -record.wanted
        batch = record.inputs.batch if record.inputs else None
        if batch is not None and (hidden := batch.unseen + batch.missing):
            # They may have ended: fine for sending less, not for removing others.
            return 0, f"{n} too many, but {hidden} {are(hidden)} not visible"
        if not agreed:
            return 0, f"{n} too many, if later answers of all sources agree"
        if not self._most:
            return 0, f"{n} too many, and apfqueue.maxretire is 0: all stay"
        why = record.decision.decisive if record.decision else None
        asked = record.ages.get("batch")
        before = None if asked is None else record.started.timestamp() - asked
        spared = why is not None and why.spares_running
        retired = self._take_back(min(agreed, self._most), spare_running=spared, started_before=before)
        if not retired:
            return 0, f"{count(n, 'pilot')} too many: they end by themselves"
        return retired, f"took back {retired} of {n} too many"

    def drain(self, record: CycleRecord) -> int:
        """Take back what does not run yet; return how many went. Raises SubmitUnknown."""
        pending = record.inputs.batch.pending if record.inputs and record.inputs.batch else 0
        if not pending or record.gate:
            return 0
        return self._take_back(pending, spare_running=True)

    def _take_back(self, n: int, *, spare_running: bool, started_before: float | None = None) -> int:
        """Take back `n` pilots, schedd by schedd; return how many went. Raises SubmitUnknown."""
        gone = 0
        for way in {way.target: way for way in self._ways.all}.values():
            if gone < n and not (self._ways.several and way.target in self._reader.shut):
                gone += way.sender.take_back(
                    n - gone, spare_running=spare_running, started_before=started_before
                )
        return gone
