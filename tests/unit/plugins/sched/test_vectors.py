"""The arithmetic of 2.4, as it was measured there, and where ours differs on purpose."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from autopyfactory.model.decision import Cap, CycleInputs, decide
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.fixed import Fixed
from autopyfactory.plugins.sched.keepnrunning import KeepNRunning
from autopyfactory.plugins.sched.maxpending import MaxPending
from autopyfactory.plugins.sched.maxpercycle import MaxPerCycle
from autopyfactory.plugins.sched.maxperfactory import MaxPerFactory
from autopyfactory.plugins.sched.maxtorun import MaxToRun
from autopyfactory.plugins.sched.minpending import MinPending
from autopyfactory.plugins.sched.minpercycle import MinPerCycle
from autopyfactory.plugins.sched.null import Null
from autopyfactory.plugins.sched.ready import Ready
from autopyfactory.plugins.sched.scale import Scale
from autopyfactory.plugins.sched.statusoffline import StatusOffline
from autopyfactory.plugins.sched.statustest import StatusTest
from autopyfactory.plugins.sched.throttle import Throttle
from autopyfactory.testing.sched import samples, untruth


def inputs(ready=83, pending=10, running=17, status="online", **more):
    return CycleInputs(
        "Q",
        wms=WMSQueueInfo(ready=ready),
        batch=BatchQueueInfo(pending=pending, running=running),
        site=SiteInfo(status=status),
        **more,
    )


MP = {"sched.maxpending.maximum": 8}
VECTORS = [
    (Ready, {}, 0, {}, 73),
    (Ready, {"sched.ready.offset": 4}, 0, {}, 69),
    (Ready, {}, 99, {"ready": 0}, 0),
    (Ready, {}, 0, {"ready": 5}, 0),
    (Scale, {"sched.scale.factor": 0.25}, 73, {}, 19),
    (Scale, {"sched.scale.factor": 0.5}, -3, {}, -1),
    (Scale, {}, 7, {}, 7),
    (Scale, {"sched.scale.factor": 1.1}, 10, {}, 11),
    (Scale, {"sched.scale.factor": 0.001}, 1, {}, 1),
    (MaxPending, {"sched.maxpending.maximum": 10}, 19, {}, 0),
    (MaxPending, {**MP, "sched.maxpending.allow_negative": True}, 19, {}, -2),
    (MaxPending, {**MP, "sched.maxpending.allow_negative": False}, 19, {}, 0),
    (MaxPending, MP, 19, {}, 0),  # our default: pilots are taken back only when that was asked for
    (MaxPending, MP, 19, {"pending": 0}, 19),
    (MaxPending, {**MP, "sched.maxpending.always": True}, 19, {"pending": 0}, 8),
    (MaxPending, {"sched.maxpending.maximum": "None"}, 19, {}, 19),
    (MaxPending, MP, -5, {}, -5),
    (MaxToRun, {"sched.maxtorun.maximum": 20}, 19, {}, -7),
    (MaxToRun, {}, 19, {}, 19),
    (MinPending, {"sched.minpending.minimum": 20}, 3, {}, 10),
    (MinPending, {}, 3, {}, 3),
    (MaxPerCycle, {"sched.maxpercycle.maximum": 20}, 30, {}, 20),
    (MaxPerCycle, {}, 30, {}, 30),
    (MinPerCycle, {"sched.minpercycle.minimum": 0}, -5, {}, 0),
    (MinPerCycle, {}, -5, {}, -5),
    # 2.4 takes any whole number, and people use that: not more than two taken back in a cycle
    (MinPerCycle, {"sched.minpercycle.minimum": -2}, -5, {}, -2),
    (MinPerCycle, {"sched.minpercycle.minimum": -2}, 3, {}, 3),
    (MaxPerCycle, {"sched.maxpercycle.maximum": -2}, 30, {}, -2),
    (MinPending, {"sched.minpending.minimum": -20}, -40, {}, -30),
    (MaxPending, {"sched.maxpending.maximum": -1, "sched.maxpending.allow_negative": True}, 19, {}, -11),
    (MaxToRun, {"sched.maxtorun.maximum": -1}, 19, {}, -28),
    (MaxPerFactory, {"maxperfactory.maximum": -1}, 50, {"factory_active": 54}, 0),
    (KeepNRunning, {"sched.keepnrunning.keep_running": -1}, 40, {}, -28),
    (Fixed, {"sched.fixed.pilotspercycle": -7}, 3, {}, -7),
    (StatusTest, {"sched.statustest.pilots": -2}, 9, {"status": "test"}, 0),
    (StatusOffline, {"sched.statusoffline.pilots": -2}, 9, {"status": "offline"}, 0),
    (Scale, {"sched.scale.factor": -1}, 7, {}, -7),
    (MaxPerFactory, {"maxperfactory.maximum": 60}, 50, {"factory_active": 54}, 6),
    (MaxPerFactory, {"maxperfactory.maximum": 20}, 50, {"factory_active": 54}, 0),
    (MaxPerFactory, {}, 50, {"factory_active": 54}, 0),
    (MaxPerFactory, {"maxperfactory.maximum": 20}, -3, {"factory_active": 54}, -3),
    (KeepNRunning, {"sched.keepnrunning.keep_running": 20}, 0, {}, -7),
    (KeepNRunning, {}, 40, {}, 13),
    (KeepNRunning, {"sched.keepnrunning.keep_running": 0}, 40, {}, -27),
    (KeepNRunning, {"sched.keepnrunning.keep_running": "None"}, 40, {}, 13),
    (Fixed, {"sched.fixed.pilotspercycle": 7}, 3, {}, 7),
    (Fixed, {"sched.fixed.pilotspercycle": 0}, 3, {}, 0),
    (Fixed, {}, 3, {}, 0),
    (Null, {}, 3, {}, 0),
    (StatusTest, {"sched.statustest.pilots": 2}, 9, {"status": "test", "pending": 0}, 2),
    (StatusTest, {"sched.statustest.pilots": 2}, 9, {"status": "test", "pending": 1}, 1),  # 2.4 sent 2 again
    (StatusTest, {"sched.statustest.pilots": 2}, 9, {"status": "test"}, 0),
    (StatusTest, {"sched.statustest.pilots": 2}, 9, {}, 9),
    (StatusTest, {}, 9, {"status": "Test "}, 0),
    (StatusOffline, {"sched.statusoffline.pilots": 2}, 9, {"status": "offline", "pending": 0}, 2),
    (StatusOffline, {"sched.statusoffline.pilots": 2}, 9, {"status": "offline", "pending": 3}, 0),
    (StatusOffline, {}, 9, {"status": "offline"}, 0),
    (StatusOffline, {}, 9, {"status": ""}, 9),
]


@pytest.mark.parametrize(("cls", "texts", "n", "known", "expected"), VECTORS)
def test_arithmetic(make, cls, texts, n, known, expected):
    step = make(cls, **texts).calc(n, inputs(**known))
    assert (step.plugin, step.n_in, step.n_out) == (cls.name, n, expected)
    assert step.reason
    assert step.message.startswith(f"{cls.name}:in={n},")
    assert step.message.endswith(f"ret={expected}")


def test_retiring_nodes_are_not_kept(make):
    known = CycleInputs("Q", batch=BatchQueueInfo(pending=1, running=5, retiring=2))
    step = make(KeepNRunning, **{"sched.keepnrunning.keep_running": 6}).calc(0, known)
    assert step.n_out == 2
    assert step.message == "KeepNRunning:in=0,keep=6,running=3,pending=1,retiring=2,ret=2"


def test_messages_are_those_that_monitors_know(make):
    assert make(Ready).calc(0, inputs()).message == "Ready:in=0,activated=83,offset=0,pending=10,ret=73"
    assert make(Ready).calc(0, inputs()).reason == "83 ready - 10 pending = 73 wanted"
    step = make(Scale, **{"sched.scale.factor": 0.25}).calc(73, inputs())
    assert step.message == "Scale:in=73,factor=0.25,ret=19"
    step = make(MaxPending, **{"sched.maxpending.maximum": 100}).calc(19, inputs())
    assert step.message == "MaxPending:in=19,pending=10,maxpending=100,ret=19"
    step = make(MaxToRun, **{"sched.maxtorun.maximum": 20}).calc(19, inputs())
    assert step.message == "MaxToRun:in=19,maxtorun=20,pending=10,running=17,ret=-7"
    step = make(MaxPerFactory, **{"maxperfactory.maximum": 60}).calc(50, inputs(factory_active=54))
    assert step.message == "MaxPerFactory:in=50,total=54,maxperfactory=60,ret=6"


def test_the_example_chain_of_the_documentation(make):
    chain = [
        make(Ready),
        make(Scale, **{"sched.scale.factor": 0.25}),
        make(MaxPerCycle, **{"sched.maxpercycle.maximum": 50}),
        make(MinPerCycle, **{"sched.minpercycle.minimum": 0}),
        make(StatusTest),
        make(StatusOffline),
        make(MaxPending, **{"sched.maxpending.maximum": 100}),
    ]
    decision = decide(chain, inputs())
    assert [s.n_out for s in decision.steps] == [73, 19, 19, 19, 19, 19, 19]
    assert decision.n == 19


@pytest.mark.parametrize(
    ("cls", "texts"),
    [
        (Ready, {}),
        (MaxPending, {"sched.maxpending.maximum": 50}),
        (MinPending, {"sched.minpending.minimum": 5}),
        (MaxToRun, {"sched.maxtorun.maximum": 50}),
        (KeepNRunning, {"sched.keepnrunning.keep_running": 5}),
        (MaxPerFactory, {"maxperfactory.maximum": 50}),
        (StatusTest, {"sched.statustest.pilots": 5}),
        (StatusOffline, {"sched.statusoffline.pilots": 5}),
    ],
)
def test_missing_information_ends_the_chain_at_zero(make, cls, texts):
    chain = [
        make(Fixed, **{"sched.fixed.pilotspercycle": 9}),
        make(cls, **texts),
        make(MinPerCycle, **{"sched.minpercycle.minimum": 3}),
    ]
    decision = decide(chain, CycleInputs("Q"))
    assert decision.n == 0
    assert [s.plugin for s in decision.steps] == ["Fixed", cls.name]
    assert "nothing is sent" in decision.steps[-1].reason


def test_a_factory_limit_without_a_number_cannot_be_raised_again(make):
    chain = [make(MaxPerFactory), make(MinPerCycle, **{"sched.minpercycle.minimum": 3})]
    decision = decide(chain, inputs(factory_active=0))
    assert decision.n == 0
    assert "maxperfactory.maximum is not set" in decision.steps[-1].reason


def test_the_factory_limit_is_also_held_at_reservation(make):
    assert make(MaxPerFactory, **{"maxperfactory.maximum": 60}).caps() == (
        Cap("factory", 60, "MaxPerFactory"),
    )
    assert make(MaxPerFactory).caps() == ()


@pytest.mark.parametrize(
    ("cls", "key", "text"),
    [
        (Ready, "sched.ready.offset", "four"),
        (Scale, "sched.scale.factor", "nan"),
        (MaxPerCycle, "sched.maxpercycle.maximum", "2.5"),
        (MaxPending, "sched.maxpending.allow_negative", "perhaps"),
    ],
)
def test_a_bad_number_is_an_error_of_the_configuration(cls, key, text):
    options, problems = bind(cls.Options, Section.from_texts("Q", {key: text}))
    assert options is None
    assert [(p.section, p.key, p.value) for p in problems] == [("Q", key, text)]


def test_every_entry_point_loads_under_its_name():
    found = {e.name: e.load() for e in entry_points(group="autopyfactory.sched")}
    assert {"Ready", "Scale", "Fixed", "Null", "MaxPerFactory", "StatusOffline"} <= set(found)
    for name, cls in found.items():
        assert issubclass(cls, SchedPlugin)
        assert cls.name == name


NUMBERS = [
    (MinPerCycle, "sched.minpercycle.minimum"),
    (MaxPerCycle, "sched.maxpercycle.maximum"),
    (MinPending, "sched.minpending.minimum"),
    (MaxPending, "sched.maxpending.maximum"),
    (MaxToRun, "sched.maxtorun.maximum"),
    (KeepNRunning, "sched.keepnrunning.keep_running"),
    (Fixed, "sched.fixed.pilotspercycle"),
    (StatusTest, "sched.statustest.pilots"),
    (StatusOffline, "sched.statusoffline.pilots"),
    (MaxPerFactory, "maxperfactory.maximum"),
    (Scale, "sched.scale.factor"),
    (Throttle, "sched.throttle.submit"),
    (Throttle, "sched.throttle.maxtime"),
    (Throttle, "sched.throttle.ratio"),
    (Throttle, "sched.throttle.interval"),
]


@pytest.mark.parametrize(("cls", "key"), NUMBERS)
@pytest.mark.parametrize("text", ["-1000", "-2", "-1", "0", "7", "100000"])
def test_no_range_is_narrower_than_that_of_2_4_and_rules_stay_what_they_declare(make, cls, key, text):
    """2.4 read these with getint and getfloat, and looked no further."""
    rule = make(cls, **{key: text})
    for n, known in samples():
        assert untruth(rule, n, known) is None
