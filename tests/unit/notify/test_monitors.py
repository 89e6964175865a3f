"""Monitors: each costs itself only, and hears of its own queues."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from autopyfactory.config.model import Configuration, MonitorConfig, PluginChoice
from autopyfactory.model.record import CycleRecord, FactoryEvent
from autopyfactory.notify.monitors import Monitors
from autopyfactory.options.declare import Options
from autopyfactory.options.section import Section
from contracts.records import T0, cycle
from fakes import FACTORY, queue_config
from patience import until


class Plugin:
    """A monitor that notes what it is told, and cannot be made while it is `broken`."""

    broken: ClassVar[str] = ""
    made: ClassVar[list[Plugin]] = []

    def __init__(self, options: Any, factory: Any) -> None:
        if self.broken:
            raise RuntimeError(self.broken)
        self.url: str | None = getattr(options, "url", None)
        self.cycles: list[str] = []
        self.hellos: list[list[str]] = []
        self.made.append(self)

    def cycle(self, record: CycleRecord) -> None:
        self.cycles.append(record.queue)

    def hello(self, queues: Any) -> None:
        self.hellos.append([q.name for q in queues])


class WithURL(Options):
    url: str | None = None


def monitor(name: str, url: str | None = None) -> MonitorConfig:
    choice: Any = PluginChoice("monitor", "X", Plugin, WithURL(url=url))  # type: ignore[arg-type]
    return MonitorConfig(Section(name), choice)


def configuration(**queues: tuple[MonitorConfig, ...]) -> Configuration:
    made = {n: replace(queue_config(n), monitors=its) for n, its in queues.items()}
    found: Any = Configuration.__new__(Configuration)
    object.__setattr__(found, "queues", made)
    object.__setattr__(found, "factory", FACTORY)
    return found


@pytest.fixture
def monitors() -> Iterator[Monitors]:
    Plugin.broken, Plugin.made = "", []
    one = Monitors()
    yield one
    for reporter in one.reporters():
        reporter.close(1.0)


A, B = monitor("a"), monitor("b", "http://b")


def test_each_hears_of_its_own_queues_and_all_of_the_factory(monitors: Monitors) -> None:
    conf = configuration(one=(A,), two=(A, B), three=())
    monitors.configure(conf)
    a, b = Plugin.made
    for name, queue in conf.queues.items():
        monitors.report(cycle(name), queue)
    monitors.report(FactoryEvent("started", T0))
    until(lambda: bool(a.hellos and b.hellos), "the monitors were told")
    assert (a.cycles, b.cycles) == (["one", "two"], ["two"])
    assert (a.hellos, b.hellos) == ([["one", "two"]], [["two"]])


def test_a_queue_that_is_switched_off_is_not_said_to_be_served(monitors: Monitors) -> None:
    conf = configuration(one=(A,), two=(A,))
    off = conf.queues["two"].options.model_copy(update={"enabled": False})
    conf.queues["two"] = replace(conf.queues["two"], options=off)  # type: ignore[index]
    monitors.configure(conf)
    monitors.report(FactoryEvent("reloaded", T0))
    until(lambda: bool(Plugin.made[0].hellos), "the monitor was told")
    assert Plugin.made[0].hellos == [["one"]]


def test_what_stays_as_it_is_goes_on_and_what_changes_is_made_anew(monitors: Monitors) -> None:
    monitors.configure(configuration(one=(A, B)))
    before = list(monitors.reporters())
    monitors.configure(configuration(one=(A, monitor("b", "http://other"))))
    after = list(monitors.reporters())
    assert len(Plugin.made) == 3
    assert before[0] is after[0] and before[1] is not after[1]
    monitors.configure(configuration(one=()))
    assert list(monitors.reporters()) == []


def test_pilots_report_to_the_first_that_takes_reports(monitors: Monitors) -> None:
    conf = configuration(one=(A, B), two=(A,), three=(monitor("c", "http://c"), B))
    monitors.configure(conf)
    assert [monitors.url(q) for q in conf.queues.values()] == ["http://b", None, "http://c"]


def test_one_that_cannot_be_made_is_told_of_once_and_tried_again(
    monitors: Monitors, caplog: pytest.LogCaptureFixture
) -> None:
    conf = configuration(one=(A,))
    Plugin.broken = "no such file"
    monitors.configure(conf)
    for _ in range(3):
        monitors.retry()
    assert monitors.missing == {"a": "RuntimeError: no such file"}
    assert len([r for r in caplog.records if "cannot be made" in r.message]) == 1
    monitors.report(cycle("one"), conf.queues["one"])  # goes nowhere, and does no harm
    assert monitors.url(conf.queues["one"]) is None
    Plugin.broken = ""
    monitors.retry()
    assert monitors.missing == {}
    assert [r.name for r in monitors.reporters()] == ["monitor a"]


def test_one_that_is_not_wanted_any_more_is_not_missed(monitors: Monitors) -> None:
    Plugin.broken = "no such file"
    monitors.configure(configuration(one=(A,)))
    monitors.configure(configuration(one=()))
    assert monitors.missing == {}


def test_what_changed_of_the_factory_reaches_a_monitor_that_did_not(monitors: Monitors) -> None:
    conf = configuration(one=(A,))
    monitors.configure(conf)
    monitors.configure(configuration(one=(A,)))
    assert len(Plugin.made) == 1, "nothing has changed"
    object.__setattr__(conf, "factory", FACTORY.model_copy(update={"admin_email": ("other@example.org",)}))
    monitors.configure(conf)
    assert len(Plugin.made) == 2
