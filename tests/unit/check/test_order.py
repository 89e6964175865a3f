"""Chains in which one rule undoes another, and those in which none does."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from autopyfactory.check.order import undoings
from autopyfactory.cric.plan import CHAIN
from autopyfactory.model.decision import CycleInputs, Step, decide
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.plugins.base import SchedPlugin
from schedkit import build

ROOT = Path(__file__).parents[3]
RULES = {e.name: e.load() for e in entry_points(group="autopyfactory.sched")}
NUMBERS = {
    "sched.maxpercycle.maximum": 50,
    "sched.maxpending.maximum": 100,
    "sched.maxtorun.maximum": 100,
    "sched.maxperce.maximum": 100,
    "sched.maxcores.maximum": 100,
    "sched.maxmemory.maximum": 100,
    "sched.maxtosubmit.maximum": 100,
    "sched.minpercycle.minimum": 1,
    "sched.minpending.minimum": 1,
    "sched.mintosubmit.minimum": 1,
    "sched.hours.open": "00:00-24:00",
}


def made(chain: str, **options: object) -> list[SchedPlugin]:
    texts = {**NUMBERS, **{f"sched.{k.replace('__', '.')}": v for k, v in options.items()}}
    return [build(RULES[name.strip()], **texts) for name in chain.split(",")]


def told(chain: str, **options: object) -> list[str]:
    return [u.words for u in undoings(made(chain, **options))]


# --- what is told -------------------------------------------------------------------------------


def test_pending_pilots_subtracted_twice():
    (words,) = told("Ready, KeepNRunning")
    assert words.startswith("KeepNRunning after Ready: pending pilots are subtracted twice")
    assert told("Ready, Scale, MaxPerCycle, KeepNRunning") == [words]
    assert told("Adaptive, KeepNRunning")[0].startswith("KeepNRunning after Adaptive: pending")
    assert told("Ready, KeepNQueueLife")[0].startswith("KeepNQueueLife after Ready: pending")


def test_what_subtracting_twice_does():
    """Without any change at the site it sends 4, then takes back 4, for ever."""
    chain, pending, sent = made("Ready, KeepNRunning"), 0, []
    for _ in range(6):
        inputs = CycleInputs("Q", wms=WMSQueueInfo(ready=4), batch=BatchQueueInfo(pending=pending))
        sent.append(decide(chain, inputs).n)
        pending += sent[-1]
    assert sent == [4, -4, 4, -4, 4, -4]


def test_a_target_after_a_rule_that_subtracts_nothing():
    assert told("WeightedActivated, KeepNRunning", weightedactivated__pending=0) == []
    assert len(told("WeightedActivated, KeepNRunning", weightedactivated__pending=0.5)) == 1
    assert told("Fixed, KeepNRunning", fixed__pilotspercycle=5) == []
    assert told("KeepNRunning, MaxPerCycle", keepnrunning__keep_running=5) == []


def test_a_surplus_that_is_never_taken_back():
    (words,) = told("KeepNRunning, MinPerCycle", keepnrunning__keep_running=5, minpercycle__minimum=0)
    assert words.startswith("MinPerCycle after KeepNRunning: pilots that are too many are never taken back")
    assert len(told("Adaptive, MinPerCycle")) == 1
    assert told("Adaptive, MinPerCycle", adaptive__withdraw=False) == []
    assert len(told("Ready, MaxToRun, MinPerCycle", minpercycle__minimum=0)) == 1
    assert told("Ready, MaxPending, MinPerCycle", minpercycle__minimum=0) == []
    allowed = {"minpercycle__minimum": 0, "maxpending__allow_negative": True}
    assert len(told("Ready, MaxPending, MinPerCycle", **allowed)) == 1


@pytest.mark.parametrize("minimum", ["MinPerCycle", "MinPending", "MinToSubmit"])
@pytest.mark.parametrize(
    "hold", ["StatusOffline", "StatusTest", "Downtime", "Hours", "Throttle", "Ramp", "Null", "MaxPending"]
)
def test_a_minimum_after_a_hold(minimum, hold):
    (undoing,) = undoings(made(f"Ready, {hold}, {minimum}"))
    assert undoing.words == f"{minimum} after {hold} sends pilots that this holds back"
    assert undoing.hint == f"put {minimum} before {hold}"
    assert told(f"Ready, {minimum}, {hold}") == []


@pytest.mark.parametrize(
    ("chain", "before"),
    [("MaxPerCycle, Ready", "MaxPerCycle"), ("Ready, MaxPending, Fixed", "Ready, MaxPending"),
     ("Ready, KeepNRunning", "Ready")],
)  # fmt: skip
def test_a_rule_that_ignores_what_is_limited(chain, before):
    (words,) = told(chain, keepnrunning__keep_running=5)
    assert words.endswith(f"ignores the number so far: what comes before it ({before}) has no effect")


def test_after_a_new_start_only_what_follows_counts():
    assert len(told("Ready, StatusOffline, Fixed, MinPerCycle")) == 1  # StatusOffline has no effect anyway


def test_a_factor_that_multiplies_a_limit():
    assert told("Ready, MaxPerCycle, Scale", scale__factor=2) == [
        "Scale after MaxPerCycle multiplies what was limited"
    ]
    assert told("Ready, MaxPerCycle, Scale", scale__factor=0.5) == []
    assert told("Ready, StatusOffline, Scale", scale__factor=2) == []  # nothing stays nothing


def test_a_share_of_what_others_left():
    assert told("Ready, MaxPending, Share")[0].startswith("Share belongs right after")
    assert told("Share, Ready")[0].startswith("Share belongs")
    assert told("KeepNRunning, Share", keepnrunning__keep_running=5)[0].startswith("Share belongs")
    assert told("Adaptive, Share, MaxPending") == []


# --- what is not told ---------------------------------------------------------------------------


def test_rules_without_their_number_undo_nothing():
    unset = ["Ready", "MaxPending", "StatusOffline", "MinPerCycle"]
    assert undoings([build(RULES[name]) for name in unset]) == ()


def test_of_rules_that_say_nothing_nothing_is_concluded():
    class Mute(SchedPlugin):
        name = "Mute"

        def calc(self, n: int, inputs: CycleInputs) -> Step:
            return self.step(n, n, "")

    class Duck:  # as the reference policies of the simulation are
        name, needs = "Duck", frozenset()

    for rule in (build(Mute), Duck()):
        ready, minimum, keep, share = made("Ready, MinPerCycle, KeepNRunning, Share")
        assert undoings([rule, ready]) != ()  # Ready says so of itself
        assert undoings([ready, rule, minimum]) == ()
        assert undoings([rule, keep]) == ()
        assert undoings([rule, share]) == ()


def test_a_third_partys_rule_is_judged_by_what_it_declares():
    class Quota(SchedPlugin):
        name = "Quota"
        declares = Declaration("holds")

        def calc(self, n: int, inputs: CycleInputs) -> Step:
            return self.step(n, 0, "")

    ready, minimum = made("Ready, MinPerCycle")
    (undoing,) = undoings([ready, build(Quota), minimum])
    assert (undoing.rule, undoing.undone) == ("MinPerCycle", ("Quota",))


SHIPPED = {
    match[1].strip()
    for folder in ("etc", "docs/sources", "docs/targets", "misc/demo", "autopyfactory/config")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".conf", ".md")
    for match in re.finditer(r"^\s*schedplugin *= *([A-Z][\w, ]+)", path.read_text(), re.M)
}
DOCUMENTED = {
    match[1].strip()
    for path in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    if path.name != "configuration.md"  # shows what `check` says of a chain that is wrong on purpose
    for match in re.finditer(r"^\s*schedplugin *= *([A-Z][\w, ]+)", path.read_text(), re.M)
}
OF_2_4 = {
    "Ready, MinPerCycle, MaxPerCycle, MaxPending",
    "Ready, Scale, MaxPerCycle, MinPerCycle, StatusTest, StatusOffline, MaxPending, MaxToRun",
    "KeepNRunning",
}


def test_the_shipped_chains_are_found():
    assert len(SHIPPED) > 4 and len(DOCUMENTED) > 3


@pytest.mark.parametrize("chain", sorted(SHIPPED | DOCUMENTED | OF_2_4 | {CHAIN}))
def test_none_of_our_own_chains_is_told(chain):
    known = ", ".join(name for name in chain.split(",") if name.strip() in RULES)
    assert known and told(known) == []
