"""How long a queue whose submissions are refused leaves the schedd alone; no I/O."""

from __future__ import annotations

from collections.abc import Sequence

from autopyfactory.model.record import Sent

FIRST = 1.0  # seconds; doubles with each refusal
LAST = 300.0


class Backoff:
    """Remembers refusals in a row. Times are monotonic."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self.sent: tuple[Sent, ...] = ()  # the refused submissions of the last try
        self.refusals = 0
        self._until = 0.0
        self._silent = False  # whether the schedd did not even say how many pilots it has

    def left(self, now: float) -> float:
        """Return the seconds until the next try; 0: it may be made."""
        return max(0.0, self._until - now)

    def heard(self) -> None:
        """Take in that the schedd answers: one that was silent at the last try is tried at once."""
        if self._silent:
            self._reset()

    def note(self, sent: Sequence[Sent], now: float, *, silent: bool = False) -> None:
        """Take in what came of a try; `silent`: the schedd did not answer other questions either.

        A submission whose outcome is not known is no refusal: it is looked up before the next one.
        """
        refused = tuple(s for s in sent if s.error and not s.count)
        if not refused:
            if sent:
                self._reset()
            return
        self.sent = refused
        self._until = now + min(LAST, FIRST * 2.0 ** min(self.refusals, 16))
        self.refusals += 1
        self._silent = silent
