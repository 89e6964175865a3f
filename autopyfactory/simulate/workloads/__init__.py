"""The shipped workloads: those that rules are tuned on, and those that they are judged by."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from autopyfactory.simulate.models import Workload
from autopyfactory.simulate.workloads.developing import DEVELOPING
from autopyfactory.simulate.workloads.judging import JUDGING

Maker = Callable[[Random], Workload]

FOR_DEVELOPING: dict[str, Maker] = {f.__name__: f for f in DEVELOPING}
FOR_JUDGING: dict[str, Maker] = {f.__name__: f for f in JUDGING}
WORKLOADS: dict[str, Maker] = {**FOR_DEVELOPING, **FOR_JUDGING}
