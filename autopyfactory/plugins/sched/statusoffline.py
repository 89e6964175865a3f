"""StatusOffline: a fixed number of pilots, as a rule none, while the WMS says that the site is offline."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Bite, Declaration
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import by_status

OFFLINE = Bite("offline", "site", "wait until the WMS says it is online, or ask who set it offline")


class StatusOfflineOptions(Options):
    """What `StatusOffline` can be told."""

    pilots: int = option(
        0,
        key="sched.statusoffline.pilots",
        unit="pilots",
        description="Pilots to keep pending while the site's status is offline",
    )


class StatusOffline(SchedPlugin[StatusOfflineOptions]):
    """Site status `offline`: the given number; else `n`."""

    name = "StatusOffline"
    Options = StatusOfflineOptions
    declares: ClassVar[Declaration] = Declaration("holds", status="offline", cause=OFFLINE)
    needs: ClassVar[frozenset[Need]] = frozenset({"wms", "site", "batch"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return the number for a site that is offline, or `n`."""
        return by_status(self.name, "offline", self.options.pilots, n, inputs)
