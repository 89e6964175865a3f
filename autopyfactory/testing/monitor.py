"""What every monitor must do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autopyfactory.config.model import PluginChoice, QueueConfig
from autopyfactory.model.decision import CycleInputs, Decision, Step
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.model.record import CycleRecord, Sent
from autopyfactory.options.declare import Options
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import BatchSubmitPlugin
from autopyfactory.testing.plugin import PluginContract

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def records() -> list[CycleRecord]:
    """Return one record of each outcome that a cycle can have, from nearly empty to full."""
    inputs = CycleInputs("A", wms=WMSQueueInfo(ready=7), batch=BatchQueueInfo(pending=2, running=3))
    decision = Decision(5, (Step("Ready", 0, 5, "7 jobs ready, 2 pilots pending"),))
    sent = (Sent("tag-1", "schedd", "ce.example.org", 5, "17"),)
    lost = (Sent("tag-2", "schedd", "ce.example.org", 5, error="no answer"),)
    return [
        CycleRecord("A", 1, NOON, "held back", "batch status 412 s old", gate=("batch status 412 s old",)),
        CycleRecord("A", 2, NOON, "nothing", "no jobs ready", 0.1, inputs, {"wms": 3.0}, decision=decision),
        CycleRecord(
            "A", 3, NOON, "sent", "5 sent", 0.1, inputs, decision=decision, wanted=5, granted=5, sent=sent
        ),
        CycleRecord(
            "A", 4, NOON, "failed", "answer lost", 0.1, inputs, decision=decision, wanted=5, sent=lost
        ),
        CycleRecord("A", 5, NOON, "retired", "2 taken back", 0.1, inputs, retired=2),
        CycleRecord("A", 6, NOON, "paused", "paused until noon", pause="until noon: cooling works"),
    ]


class MonitorContract(PluginContract):
    """Tells an outside system what the factory does; raises when that fails.

    `working` gets an empty folder and returns the keys with which the system takes what it is told; `broken`
    those with which it does not, or None if that cannot happen.
    """

    kind = "monitor"

    def working(self, folder: Path) -> Mapping[str, str]:
        """Return keys with which telling succeeds."""
        raise NotImplementedError("say with which keys the monitor can be told")

    def broken(self, folder: Path) -> Mapping[str, str] | None:
        """Return keys with which it cannot."""
        raise NotImplementedError("say with which keys the monitor cannot be told")

    def make(self, queue: str = "QUEUE", keys: Mapping[str, str] | None = None) -> Any:
        """Return the plugin as the factory makes it."""
        return self.plugin(self.options(keys), self.factory())

    def queues(self) -> list[QueueConfig]:
        """Return the queues of a factory."""
        choice = PluginChoice("batchsubmit", "Exec", BatchSubmitPlugin, Options())
        return [QueueConfig(n, Section(n), self.context(n).queue_options, (), choice) for n in ("A", "B")]

    def test_its_url_is_a_text_or_none(self) -> None:
        """Pilots get it as APFMON."""
        assert isinstance(self.make().url, str | None)

    def test_it_takes_every_kind_of_record(self, tmp_path: Path) -> None:
        """Also those of cycles that knew nothing."""
        monitor = self.make(keys=self.working(tmp_path))
        monitor.hello(self.queues())
        for record in records():
            monitor.cycle(record)

    def test_what_did_not_get_through_is_raised(self, tmp_path: Path) -> None:
        """The reporter counts it, tells it, and tries again: what is swallowed here is lost."""
        keys = self.broken(tmp_path)
        if keys is None:
            return
        monitor = self.make(keys=keys)
        try:
            monitor.hello(self.queues())
            for record in records():
                monitor.cycle(record)
        except Exception as err:  # noqa: BLE001 - any exception says that it failed
            assert str(err).strip()
        else:
            raise AssertionError("nothing got through, but no exception was raised")
