"""The rules that 2.4 shipped broken, and those it did not have."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autopyfactory.model.decision import Cap, CycleInputs, EndedPilot, RecentPilots, decide
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.sched.downtime import Downtime
from autopyfactory.plugins.sched.fillactivated import Fillactivated
from autopyfactory.plugins.sched.fixed import Fixed
from autopyfactory.plugins.sched.hours import Hours
from autopyfactory.plugins.sched.keepnqueuelife import KeepNQueueLife
from autopyfactory.plugins.sched.maxcores import MaxCores
from autopyfactory.plugins.sched.maxmemory import MaxMemory
from autopyfactory.plugins.sched.maxperce import MaxPerCE
from autopyfactory.plugins.sched.maxtosubmit import MaxToSubmit
from autopyfactory.plugins.sched.minpercycle import MinPerCycle
from autopyfactory.plugins.sched.mintosubmit import MinToSubmit
from autopyfactory.plugins.sched.ramp import Ramp
from autopyfactory.plugins.sched.share import Share
from autopyfactory.plugins.sched.shares import Claim, divide
from autopyfactory.plugins.sched.throttle import Throttle
from autopyfactory.plugins.sched.weightedactivated import WeightedActivated


def ever(n):
    return CycleInputs("Q", history=RecentPilots(submitted_total=n))


def pilots(pending=0, running=0, **more):
    return CycleInputs("Q", batch=BatchQueueInfo(pending=pending, running=running), **more)


@pytest.mark.parametrize(
    ("cls", "texts", "n", "sent", "expected"),
    [
        (KeepNQueueLife, {"sched.keepnqueuelife.njobs": 10}, 3, 4, 6),
        (KeepNQueueLife, {}, 7, 4, 3),
        (KeepNQueueLife, {"sched.keepnqueuelife.njobs": 10}, 3, 14, 0),
        (MaxToSubmit, {"sched.maxtosubmit.maximum": 10}, 9, 4, 6),
        (MaxToSubmit, {"sched.maxtosubmit.maximum": 10}, 9, 14, 0),
        (MaxToSubmit, {"sched.maxtosubmit.maximum": 10}, -2, 14, -2),
        (MaxToSubmit, {}, 9, 14, 9),
        (MinToSubmit, {"sched.mintosubmit.minimum": 10}, 2, 4, 6),
        (MinToSubmit, {"sched.mintosubmit.minimum": 10}, 2, 14, 2),
        (MinToSubmit, {}, 2, 0, 2),
    ],
)
def test_limits_over_the_life_of_a_queue(make, cls, texts, n, sent, expected):
    assert make(cls, **texts).calc(n, ever(sent)).n_out == expected
    assert decide([make(cls, **texts)], CycleInputs("Q")).n == 0


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({}, 73),
        ({"sched.weightedactivated.activated": 0.5}, 31),  # int(41.5) - 10
        ({"sched.weightedactivated.pending": 2.55}, 58),  # 83 - int(25.5)
        ({"sched.weightedactivated.activated": 0.1}, 0),
    ],
)
def test_weighted_activated(make, texts, expected):
    known = pilots(10, 17, wms=WMSQueueInfo(ready=83))
    assert make(WeightedActivated, **texts).calc(5, known).n_out == expected


def test_fillactivated_sends_nothing_for_want_of_information(make):
    known = pilots(10, 17, wms=WMSQueueInfo(ready=83))
    rule = make(Fillactivated, **{"sched.fillactivated.default": 7})
    assert decide([rule], known).n == 73
    assert decide([rule], pilots(10, 17)).n == 0


class TestThrottle:
    def ended(self, *pilots):
        return CycleInputs("Q", history=RecentPilots(ended=tuple(EndedPilot(*p) for p in pilots)))

    def test_bites_above_the_ratio_only(self, make):
        short, long = (100, 3), (100, 3000)
        assert make(Throttle).calc(20, self.ended(short, short, long)).n_out == 1
        assert make(Throttle).calc(20, self.ended(short, long)).n_out == 20

    def test_counts_what_started_in_the_interval(self, make):
        old, recent = (4000, 3), (100, 3000)
        assert make(Throttle).calc(20, self.ended(old, old, recent)).n_out == 20
        rule = make(Throttle, **{"sched.throttle.interval": 5000})
        assert rule.calc(20, self.ended(old, old, recent)).n_out == 1

    def test_short_is_shorter_than_maxtime(self, make):
        assert make(Throttle).calc(20, self.ended((100, 10))).n_out == 20
        rule = make(Throttle, **{"sched.throttle.maxtime": 11, "sched.throttle.submit": 4})
        assert rule.calc(20, self.ended((100, 10))).n_out == 4

    def test_never_raises_the_number(self, make):
        assert make(Throttle).calc(0, self.ended((100, 3))).n_out == 0

    def test_no_pilot_ended_or_only_counts_are_known(self, make):
        assert make(Throttle).calc(20, self.ended()).n_out == 20
        counts = CycleInputs("Q", history=RecentPilots(finished=10, short=6))
        step = make(Throttle).calc(20, counts)
        assert step.message == "Throttle:in=20,total=10,short=6,ratio=0.5,submit=1,ret=1"


class TestRamp:
    def grow(self, make, per_cycle, cycles, **texts):
        """Let every pilot that was sent start at once and keep running."""
        running, sent = 0, []
        for _ in range(cycles):
            history = RecentPilots(submitted_total=running, started=running)
            step = make(Ramp, **texts).calc(per_cycle, pilots(0, running, history=history))
            sent.append(step.n_out)
            running += step.n_out
        return sent

    def test_a_new_site_doubles(self, make):
        assert self.grow(make, 100, 6) == [1, 2, 4, 8, 16, 32]

    def test_never_more_than_asked_for(self, make):
        assert self.grow(make, 3, 4) == [1, 2, 3, 3]

    def test_waits_for_the_first_pilot_to_start(self, make):
        assert make(Ramp).calc(50, pilots(1, 0, history=RecentPilots(submitted=1))).n_out == 0

    def test_a_black_hole_gets_one_pilot_at_a_time(self, make):
        eats = RecentPilots(submitted_total=99, started=30, finished=30, failed=30, lifetime=5)
        assert make(Ramp).calc(50, pilots(0, 0, history=eats)).n_out == 1
        assert make(Ramp).calc(50, pilots(0, 3, history=eats)).n_out == 0

    def test_pilots_that_ended_well_count_for_as_many_as_they_kept_running(self, make):
        well = RecentPilots(started=60, finished=60, lifetime=600)
        assert make(Ramp).calc(50, pilots(0, 0, history=well)).n_out == 1 + 2 * 10


class TestAmounts:
    def test_cores(self, make):
        rule = make(MaxCores, **{"sched.maxcores.maximum": 100, "sched.maxcores.pending": 40})
        assert rule.calc(50, pilots(0, 0, cores=8)).n_out == 5
        assert rule.calc(50, pilots(1, 10, cores=8)).n_out == 1
        assert rule.calc(50, pilots(5, 10, cores=8)).n_out == 0
        assert rule.calc(-4, pilots(5, 10, cores=8)).n_out == -4
        assert make(MaxCores).calc(50, pilots(0, 0, cores=8)).n_out == 50

    def test_memory(self, make):
        rule = make(MaxMemory, **{"sched.maxmemory.maximum": 64000})
        assert rule.calc(50, pilots(2, 1, memory_mb=16000)).n_out == 1
        assert make(MaxMemory).calc(50, pilots(2, 1)).n_out == 50

    def test_a_limit_in_memory_is_useless_without_the_memory_of_a_pilot(self, make):
        chain = [
            make(Fixed, **{"sched.fixed.pilotspercycle": 5}),
            make(MaxMemory, **{"sched.maxmemory.maximum": 64000}),
            make(MinPerCycle, **{"sched.minpercycle.minimum": 1}),
        ]
        decision = decide(chain, pilots(0, 0))
        assert decision.n == 0
        assert "pilot.memory" in decision.steps[-1].reason


def test_the_limit_per_ce(make):
    rule = make(MaxPerCE, **{"sched.maxperce.maximum": 10})
    assert rule.calc(50, pilots(scope_active={"ce": 7})).n_out == 3
    assert rule.calc(50, pilots(scope_active={"ce": 17})).n_out == 0
    assert rule.caps() == (Cap("ce", 10, "MaxPerCE"),)
    assert decide([rule, make(MinPerCycle, **{"sched.minpercycle.minimum": 1})], pilots()).n == 0
    assert make(MaxPerCE).calc(50, pilots()).n_out == 50
    assert make(MaxPerCE).caps() == ()


def at(text):
    return CycleInputs("Q", now=datetime.fromisoformat(text).replace(tzinfo=UTC))


class TestDowntime:
    TEXTS = {
        "sched.downtime.windows": "2026-12-01T08:00/2026-12-01T18:00, 2026-12-24/2026-12-26",
        "sched.downtime.lead": 7200,
    }

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2026-12-01T05:59:59", 5),
            ("2026-12-01T06:00:00", 0),
            ("2026-12-01T12:00:00", 0),
            ("2026-12-01T18:00:00", 5),
            ("2026-12-23T21:59:59", 5),
            ("2026-12-23T22:00:00", 0),
            ("2026-12-26T23:59:59", 0),
            ("2026-12-27T00:00:00", 5),
        ],
    )
    def test_windows(self, make, now, expected):
        assert make(Downtime, **self.TEXTS).calc(5, at(now)).n_out == expected

    def test_other_zones_and_retiring(self, make):
        rule = make(Downtime, **{"sched.downtime.windows": "2026-12-01T08:00+01:00/2026-12-01T09:00+01:00"})
        assert rule.calc(5, at("2026-12-01T07:30:00")).n_out == 0
        assert rule.calc(5, at("2026-12-01T08:30:00")).n_out == 5
        assert rule.calc(-5, at("2026-12-01T07:30:00")).n_out == -5

    def test_says_what_comes(self, make):
        step = make(Downtime, **self.TEXTS).calc(5, at("2026-12-02T00:00:00"))
        assert "2026-12-24 00:00 to 2026-12-27 00:00 UTC" in step.reason

    @pytest.mark.parametrize(
        "text",
        ["tomorrow", "2026-12-02/2026-12-01", "2026-12-01T08:00", "2026-12-01/x", "2026-13-01/2027-01-01"],
    )
    def test_a_window_that_cannot_be_read_is_an_error(self, text):
        options, problems = bind(Downtime.Options, Section.from_texts("Q", {"sched.downtime.windows": text}))
        assert options is None
        assert problems[0].value == text


class TestHours:
    @pytest.mark.parametrize(
        ("hours", "now", "expected"),
        [
            ("20:00-06:00", "2026-11-23T19:59:00", 0),  # a Monday
            ("20:00-06:00", "2026-11-23T20:00:00", 5),
            ("20:00-06:00", "2026-11-23T05:59:59", 5),
            ("20:00-06:00", "2026-11-23T06:00:00", 0),
            ("Mon-Fri 20:00-06:00", "2026-11-23T03:00:00", 0),  # began on Sunday
            ("Mon-Fri 20:00-06:00", "2026-11-28T03:00:00", 5),  # began on Friday
            ("Fri-Mon 00:00-24:00", "2026-11-22T12:00:00", 5),
            ("Fri-Mon 00:00-24:00", "2026-11-24T12:00:00", 0),
            ("sat 00:00-24:00, 12:00-13:00", "2026-11-24T12:30:00", 5),
        ],
    )
    def test_hours(self, make, hours, now, expected):
        assert make(Hours, **{"sched.hours.open": hours}).calc(5, at(now)).n_out == expected

    def test_local_time_follows_summer_time(self, make):
        rule = make(Hours, **{"sched.hours.open": "08:00-18:00", "sched.hours.timezone": "Europe/Zurich"})
        assert rule.calc(5, at("2026-07-01T06:30:00")).n_out == 5
        assert rule.calc(5, at("2026-12-01T06:30:00")).n_out == 0

    def test_some_outside(self, make):
        rule = make(Hours, **{"sched.hours.open": "08:00-18:00", "sched.hours.outside": 2})
        assert rule.calc(5, at("2026-07-01T06:30:00")).n_out == 2
        assert rule.calc(-5, at("2026-07-01T06:30:00")).n_out == -5
        assert make(Hours).calc(5, at("2026-07-01T06:30:00")).n_out == 5

    @pytest.mark.parametrize(
        ("key", "text"),
        [
            ("sched.hours.open", "all day"),
            ("sched.hours.open", "Foo 08:00-09:00"),
            ("sched.hours.open", "25:00-26:00"),
            ("sched.hours.timezone", "Mars/Olympus"),
        ],
    )
    def test_hours_that_cannot_be_read_are_an_error(self, key, text):
        options, problems = bind(Hours.Options, Section.from_texts("Q", {key: text}))
        assert options is None
        assert problems[0].value == text


class TestShare:
    def run(self, make, weights, demand, cycles=5, **texts):
        """Let all queues of one WMS queue decide again and again; no pilot starts. Return what is pending."""
        parts = divide({name: Claim(w) for name, w in weights.items()})
        pending = dict.fromkeys(weights, 0)
        for _ in range(cycles):
            for name, part in parts.items():
                known = pilots(pending[name], share_lower=part.lower, share_upper=part.upper)
                want = max(0, demand - pending[name])  # as Ready does
                pending[name] += make(Share, **texts).calc(want, known).n_out
        return pending

    def test_the_parts_add_up_to_the_demand_however_often_it_is_asked(self, make):
        assert self.run(make, {"a": 1, "b": 1}, 100) == {"a": 50, "b": 50}
        assert self.run(make, {"a": 3, "b": 1}, 100) == {"a": 75, "b": 25}
        assert sum(self.run(make, {"a": 1, "b": 1, "c": 1}, 100).values()) == 100
        assert sum(self.run(make, {"a": 1, "b": 1, "c": 1}, 1).values()) == 1

    def test_several_factories(self, make):
        parts = [
            self.run(make, {"a": 1, "b": 2}, 101, **{"sched.share.factories": 3, "sched.share.factory": k})
            for k in (1, 2, 3)
        ]
        assert sum(sum(p.values()) for p in parts) == 101
        assert [sum(p.values()) for p in parts] == [33, 34, 34]

    def test_a_factory_among_several_must_know_which_one_it_is(self):
        section = Section.from_texts("Q", {"sched.share.factories": "2"})
        options, problems = bind(Share.Options, section)
        assert options is None
        assert "sched.share.factory" in problems[0].message

    def test_nothing_to_share_and_retiring(self, make):
        assert make(Share).calc(0, pilots(5, share_lower=0.0, share_upper=0.5)).n_out == 0
        assert make(Share).calc(-3, pilots(5, share_lower=0.0, share_upper=0.5)).n_out == -3

    def test_throughput_counts_only_if_all_put_it_forward(self):
        assert divide({"a": Claim(1, 9), "b": Claim(1, 0)})["a"].width == pytest.approx(10 / 11)
        assert divide({"a": Claim(1, 9), "b": Claim(1)})["a"].width == 0.5

    def test_without_any_weight_nobody_gets_anything(self):
        assert [p.of(10) for p in divide({"a": Claim(0), "b": Claim(0)}).values()] == [0, 0]
