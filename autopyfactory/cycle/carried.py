"""What pilots carry: whether their files are there, and which credential goes with them on each way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from autopyfactory.credentials.wallet import Choice, of_several
from autopyfactory.cycle.doing import Doing, PluginError
from autopyfactory.cycle.files import LATELY, PilotFiles
from autopyfactory.cycle.ways import Way
from autopyfactory.plugins.base import SubmitError, SubmitUnknown


class Carried:
    """Looks anew in each cycle: first `gone`, then `choose`; used by the queue's thread."""

    def __init__(self, ways: Sequence[Way], doing: Doing, exists: Callable[[str], bool] = LATELY.exists):
        """Prepare; `exists` as in `PilotFiles`."""
        self._ways = ways
        self._doing = doing
        self._what = ways[0].route.words
        self._files = {way: PilotFiles(exists) for way in ways}
        self._expired: dict[Way, Choice] = {}  # ways on which a credential in a file has expired
        self._choices: dict[Way, Choice] = {}

    def gone(self, now: datetime) -> tuple[str, ...]:
        """Look at the files that pilots need; return which are gone, in words.

        A pilot that cannot be made is told when it is sent.
        """
        gone: dict[str, None] = {}
        self._expired = {}
        for way in self._ways:
            try:
                with self._doing.call(self._what):
                    described = way.route.submit.describe("", now)
                    gone |= dict.fromkeys(self._files[way].gone(described))
                    if (choice := self._files[way].expired(described, now)) is not None:
                        self._expired[way] = choice
            except (PluginError, SubmitError, SubmitUnknown):
                continue
        return tuple(gone)

    def choose(self, now: datetime) -> Choice | None:
        """Return which credential pilots are sent with; None: the queue names none. Raises PluginError.

        Of several CEs each may be shown another one: the first that is good.
        """
        with self._doing.call(self._what):
            found = {way: way.route.submit.credential(now) or self._expired.get(way) for way in self._ways}
        self._choices = {way: choice for way, choice in found.items() if choice is not None}
        return of_several([(way.ce, choice) for way, choice in found.items()])

    def closed(self, way: Way) -> str:
        """Return why nothing may go over `way` with the credential chosen for it; empty: something may."""
        return "; ".join(self._choices[way].closed) if way in self._choices else ""
