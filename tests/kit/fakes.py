"""A clock that stands still, and plugins that do as they are told."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from autopyfactory.accounting.requests import Searched, Surveyed, TagCount, TagFound
from autopyfactory.config.model import PluginChoice, QueueConfig
from autopyfactory.credentials.wallet import Choice
from autopyfactory.model.decision import Cap, CycleInputs, Step
from autopyfactory.model.info import BatchQueueInfo, BatchStatus, SiteInfo, WMSQueueInfo, WMSStatus
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import Options
from autopyfactory.options.polled import PolledOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import (
    BatchStatusPlugin,
    BatchSubmitPlugin,
    QueueContext,
    SchedPlugin,
    SentPilots,
    WMSStatusPlugin,
)


class FakeClock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.t = 1000.0
        self.wall = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.t

    def now(self) -> datetime:
        return self.wall

    def advance(self, seconds: float) -> None:
        self.t += seconds
        self.wall += timedelta(seconds=seconds)


FACTORY = FactoryOptions(factory_id="f1", base_log_dir="/nowhere", state_dir="/nowhere")


def queue_options(**kwargs: Any) -> QueueOptions:
    return QueueOptions(**{"enabled": True, "sched": ("X",), "batchsubmit": "X", "wmsqueue": "W", **kwargs})


def context(queue: str = "q", **kwargs: Any) -> QueueContext:
    return QueueContext(queue, queue_options(**kwargs), FACTORY)


def queue_config(name: str = "q", **kwargs: Any) -> QueueConfig:
    choice = PluginChoice("batchsubmit", "X", FakeSubmit, Options())
    return QueueConfig(name, Section(name), queue_options(**kwargs), (), choice)


class Want(SchedPlugin[Options]):
    """Wants as many as told."""

    name = "Want"
    needs = frozenset({"batch"})

    def __init__(self, n: int, caps: tuple[Cap, ...] = (), keep: bool = False):
        super().__init__(Options(), context())
        self.n, self._caps, self.keep = n, caps, keep

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        assert inputs.batch is not None
        want = self.n - inputs.batch.pending if self.keep else self.n
        return self.step(n, want, f"{want} wanted")

    def caps(self) -> tuple[Cap, ...]:
        return self._caps


class FakeBatch(BatchStatusPlugin[PolledOptions]):
    target = "schedd"
    interval = 1.0
    maxage = 100.0
    Options = PolledOptions

    def __init__(self, queues: Mapping[str, BatchQueueInfo] | None = None):
        super().__init__(PolledOptions(), context())
        self.queues = dict(queues or {})
        self.error: Exception | None = None
        self.tags: Mapping[str, int] | None = None  # pilots by tag; None: it cannot tell them apart

    def fetch(self) -> BatchStatus:
        if self.error:
            raise self.error
        return BatchStatus(dict(self.queues))

    def survey(self) -> Surveyed:
        if self.tags is None:
            return super().survey()
        return Surveyed("", {tag: TagCount("q", "", n) for tag, n in self.tags.items()})

    def search(self, tags: frozenset[str], most: int) -> Searched:
        assert self.tags is not None
        return Searched("", {t: TagFound("1", (1 << n) - 1, 0) for t, n in self.tags.items() if t in tags})


class FakeWMS(WMSStatusPlugin[PolledOptions]):
    name = "FakeWMS"
    interval = 1.0
    maxage = 100.0
    Options = PolledOptions

    def __init__(self, ready: int = 0):
        super().__init__(PolledOptions(), context())
        self.ready = ready
        self.error: Exception | None = None

    def fetch(self) -> WMSStatus:
        if self.error:
            raise self.error
        return WMSStatus({"W": WMSQueueInfo(ready=self.ready)}, {"W": SiteInfo("online")})


class FakeSubmit(BatchSubmitPlugin[Options]):
    """A schedd in memory: `pilots` maps a tag to how many carry it."""

    name = "FakeSubmit"

    def __init__(self, ce: str = "ce1") -> None:
        super().__init__(Options(), context())
        self.pilots: dict[str, int] = {}
        self.fail: Exception | None = None
        self.lose_reply = False
        self.lookup_error: Exception | None = None
        self.retired = 0
        self.choice: Choice | None = None
        self.described: Mapping[str, str] = {}
        self._ce = ce
        self.lock = threading.Lock()

    @property
    def target(self) -> str:
        return "schedd"

    @property
    def ce(self) -> str:
        return self._ce

    def credential(self, now: datetime) -> Choice | None:
        return self.choice

    def describe(self, tag: str, now: datetime | None = None) -> Mapping[str, str]:
        return self.described

    def submit(self, n: int, tag: str, deadline: float) -> SentPilots:
        if self.fail and not self.lose_reply:
            raise self.fail
        with self.lock:
            assert tag not in self.pilots
            self.pilots[tag] = n
        if self.fail:
            raise self.fail
        return SentPilots(str(len(self.pilots)), n)

    def lookup(self, tag: str, deadline: float) -> SentPilots | None:
        if self.lookup_error:
            raise self.lookup_error
        return SentPilots("9", self.pilots[tag]) if tag in self.pilots else None

    def retire(self, n: int, deadline: float, started_before: float | None = None) -> int:
        self.retired += n
        return n

    withdraw = retire

    @property
    def sent(self) -> int:
        return sum(self.pilots.values())
