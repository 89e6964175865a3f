"""StatusTest: a fixed number of pilots while the WMS says that the site is under test."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Bite, Declaration
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import by_status

IN_TEST = Bite("test-status", "site", "nothing: a test site gets as many pilots as the rule says")


class StatusTestOptions(Options):
    """What `StatusTest` can be told."""

    pilots: int = option(
        0,
        key="sched.statustest.pilots",
        unit="pilots",
        description="Pilots to keep pending while the site's status is test",
    )


class StatusTest(SchedPlugin[StatusTestOptions]):
    """Site status `test`: the given number; else `n`."""

    name = "StatusTest"
    Options = StatusTestOptions
    declares: ClassVar[Declaration] = Declaration("holds", status="test", cause=IN_TEST)
    needs: ClassVar[frozenset[Need]] = frozenset({"wms", "site", "batch"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return the number for a site under test, or `n`."""
        return by_status(self.name, "test", self.options.pilots, n, inputs)
