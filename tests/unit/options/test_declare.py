"""Option ranges are never narrower than 2.4's: what its files hold is no error, and makes sense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from autopyfactory.config.registry import KINDS, installed
from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import LONGEST, Options, specs
from autopyfactory.options.describe import allowed
from autopyfactory.options.section import Section
from autopyfactory.plugins.auth.proxyoptions import X509Options
from autopyfactory.plugins.batchstatus.condor import CondorOptions as BatchCondor
from autopyfactory.plugins.queueconfig.cric import CRICOptions
from autopyfactory.plugins.sched.fillactivated import FillactivatedOptions
from autopyfactory.plugins.sched.fixed import FixedOptions
from autopyfactory.plugins.sched.keepnqueuelife import KeepNQueueLifeOptions
from autopyfactory.plugins.sched.keepnrunning import KeepNRunningOptions
from autopyfactory.plugins.sched.maxpercycle import MaxPerCycleOptions
from autopyfactory.plugins.sched.maxtorun import MaxToRunOptions
from autopyfactory.plugins.sched.minpercycle import MinPerCycleOptions
from autopyfactory.plugins.sched.ready import ReadyOptions
from autopyfactory.plugins.sched.scale import ScaleOptions
from autopyfactory.plugins.sched.statustest import StatusTestOptions
from autopyfactory.plugins.sched.throttle import ThrottleOptions
from autopyfactory.plugins.sched.weightedactivated import WeightedActivatedOptions
from autopyfactory.plugins.wmsstatus.condor import CondorOptions as WMSCondor
from autopyfactory.plugins.wmsstatus.panda import PandaOptions
from autopyfactory.plugins.wmsstatus.queue import QueueOptions as WMSQueue

GIVEN = {
    FactoryOptions: {"factoryId": "f", "baseLogDir": "/l", "statedir": "/s"},
    QueueOptions: {"enabled": "True", "schedplugin": "Ready", "batchsubmitplugin": "CondorLocal"},
    WMSQueue: {"wmsstatus.queue.qname": "other"},
    X509Options: {"x509.proxyfile": "/p", "x509.vorole": "atlas:/atlas", "x509.baseproxy": "/b"},
}
YEAR = LONGEST["s"]


def taken(cls: type[Options], key: str, text: str) -> Any:
    """Return the value that `key = text` gives, be it the queue's or the factory's."""
    section = Section.from_texts("S", {**GIVEN.get(cls, {}), key: text})
    options, problems = bind(cls, section, section)
    assert options is not None, problems
    (spec,) = [s for s in specs(cls) if key in s.keys + s.legacy]
    return getattr(options, spec.field)


@pytest.mark.parametrize(
    ("cls", "key", "text", "value"),
    [
        # periods: 2.4 slept so long and one or two seconds more
        (QueueOptions, "apfqueue.sleep", "0", 1),
        (QueueOptions, "apfqueue.sleep", "-5", 1),
        (FactoryOptions, "factory.sleep", "0", 1),
        (FactoryOptions, "config.reconfig.interval", "0", 60),
        (FactoryOptions, "config.reconfig.interval", "999999999", YEAR),
        (FactoryOptions, "factoryMinEmailRepeatSeconds", "-1", 0),
        (FactoryOptions, "cleanlogs.keepdays", "99999", LONGEST["days"]),
        (QueueOptions, "cleanlogs.keepdays", "0", 0),
        (QueueOptions, "cleanlogs.keepdays", "-1", 0),
        (FactoryOptions, "cleanlogs.keepdays", "-7", 0),
        (CRICOptions, "config.queues.agis.sleep", "-1", 0),
        # it stopped after the cycle in which it saw that there had been enough
        (FactoryOptions, "cycles", "-1", 1),
        (FactoryOptions, "cycles", "0", 0),
        (BatchCondor, "batchstatus.condor.sleep", "0", 1),
        (WMSCondor, "wmsstatus.condor.sleep", "0", 1),
        (PandaOptions, "wmsstatus.panda.sleep", "0", 1),
        (WMSQueue, "wmsstatus.queue.sleep", "0", 1),
        # ages: any number meant "however old", which nobody shall act on
        (BatchCondor, "batchstatus.condor.maxage", "0", 360),
        (PandaOptions, "wmsstatus.panda.maxage", "0", 360),
        (PandaOptions, "wmsstatus.panda.maxage", "9999999999", YEAR),
        # rules: whole numbers and fractions of any sign
        (ReadyOptions, "sched.ready.offset", "-3", -3),
        (ScaleOptions, "sched.scale.factor", "0", 0),
        (ScaleOptions, "sched.scale.factor", "-1.5", -1.5),
        (FixedOptions, "sched.fixed.pilotspercycle", "-1", -1),
        (MaxPerCycleOptions, "sched.maxpercycle.maximum", "-1", -1),
        (MinPerCycleOptions, "sched.minpercycle.minimum", "-2", -2),
        (MaxToRunOptions, "sched.maxtorun.maximum", "-1", -1),
        (KeepNRunningOptions, "sched.keepnrunning.keep_running", "-1", -1),
        (StatusTestOptions, "sched.statustest.pilots", "-1", -1),
        (ThrottleOptions, "sched.throttle.maxtime", "-1", -1),
        (ThrottleOptions, "sched.throttle.interval", "0", 0),
        (KeepNQueueLifeOptions, "sched.keepnqueuelife.njobs", "-1", 0),
        (FillactivatedOptions, "sched.fillactivated.default", "-1", 0),
        (WeightedActivatedOptions, "sched.weightedactivated.activated", "-0.5", 0),
        (WeightedActivatedOptions, "sched.weightedactivated.pending", "-0.5", 0),
        # credentials: whole hours, at least one
        (X509Options, "x509.lifetime", "600", 3600),
        (X509Options, "x509.minlife", "-1", 0),
        (X509Options, "x509.checktime", "0", 1),
    ],
)
def test_what_files_of_2_4_hold_is_no_error(cls: type[Options], key: str, text: str, value: Any) -> None:
    assert taken(cls, key, text) == value


def test_small_numbers_that_make_sense_stay_what_they_are() -> None:
    assert taken(QueueOptions, "apfqueue.sleep", "0.2") == 0.2
    assert taken(BatchCondor, "batchstatus.condor.maxage", "6") == 6


def test_what_no_clock_can_do_is_still_refused() -> None:
    section = Section.from_texts("S", {**GIVEN[QueueOptions], "apfqueue.sleep": "1e300"})
    assert bind(QueueOptions, section)[0] is None


def test_the_reference_says_what_0_stands_for() -> None:
    (spec,) = [s for s in specs(QueueOptions) if s.field == "sleep"]
    assert allowed(spec) == "number, 0 or less: 1, in s"


# What 2.4 read as a number (`getint`, `getfloat`; the behaviour's reference, section 2) and we read too.
NUMBERS_OF_24 = {
    "factoryMinEmailRepeatSeconds", "config.reconfig.interval", "cycles", "factory.sleep",
    "cleanlogs.keepdays", "apfqueue.sleep", "sched.fillactivated.default", "sched.fixed.pilotspercycle",
    "sched.keepnqueuelife.njobs", "sched.keepnrunning.keep_running", "sched.maxpending.maximum",
    "sched.maxpercycle.maximum", "maxperfactory.maximum", "sched.maxtorun.maximum",
    "sched.minpending.minimum", "sched.minpercycle.minimum", "sched.ready.offset", "sched.scale.factor",
    "sched.statusoffline.pilots", "sched.statustest.pilots", "sched.throttle.interval",
    "sched.throttle.maxtime", "sched.throttle.ratio", "sched.throttle.submit",
    "sched.weightedactivated.activated", "sched.weightedactivated.pending", "wmsstatus.condor.sleep",
    "wmsstatus.condor.maxage", "wmsstatus.panda.sleep", "wmsstatus.panda.maxage", "wmsstatus.queue.sleep",
    "wmsstatus.queue.maxage", "batchstatus.condor.sleep", "batchstatus.condor.maxage",
    "config.queues.agis.sleep", "x509.lifetime", "x509.minlife", "x509.checktime",
}  # fmt: skip


def declared() -> Iterator[tuple[type[Options], str]]:
    found = (f.cls for kind in KINDS for f in installed().all_of(kind) if f.cls)
    for cls in dict.fromkeys((FactoryOptions, QueueOptions, *(c.Options for c in found))):
        for spec in specs(cls):
            yield from ((cls, key) for key in spec.keys + spec.legacy if key in NUMBERS_OF_24)


DECLARED = list(declared())


def test_every_number_of_2_4_is_declared() -> None:
    assert {key for _, key in DECLARED} == NUMBERS_OF_24


@pytest.mark.parametrize(("cls", "key"), DECLARED)
@pytest.mark.parametrize("text", ["-1000", "-1", "0", "1", "2", "360", "9999999", "1000000000"])
def test_no_range_is_narrower_than_that_of_2_4(cls: type[Options], key: str, text: str) -> None:
    """It read any number; one that means nothing here is taken as the nearest that does."""
    section = Section.from_texts("S", {**GIVEN.get(cls, {}), key: text})
    (spec,) = [s for s in specs(cls) if key in s.keys + s.legacy]
    _, problems = bind(cls, section, section)
    assert not [p for p in problems if p.key == key or spec.field in str(p.key)], problems
