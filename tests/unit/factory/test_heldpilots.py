"""Which pilots are lost, by what HTCondor's own library makes of the constraints."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import classad2
import pytest

from autopyfactory.accounting import spelling
from autopyfactory.breakers.evidence import Evidence
from autopyfactory.breakers.options import BreakerOptions
from autopyfactory.breakers.registry import Address, Breakers, Gate
from autopyfactory.credentials.credential import Presented
from autopyfactory.credentials.wallet import Choice
from autopyfactory.factory.heldpilots import HeldPilots, Surroundings, _Renewals
from autopyfactory.why.holds import Kind
from autopyfactory.why.treatment import RENEWED, Held, HeldOptions, Order
from fakes import FakeClock, queue_options

DAY = 86400


def found(tmp_path: Path, ad: dict[str, Any]) -> list[str]:
    """Return the kinds of loss that this ad of a pilot of W (an hour of wall time) shows."""
    clock = FakeClock()
    # Its queue says 1 minute now, perhaps since CRIC is wrong: pilots were sent with an hour.
    queue = SimpleNamespace(config=SimpleNamespace(options=queue_options(wall_minutes=1)))
    around = Surroundings(
        "f1", queues=lambda: {"W": queue}, targets=lambda: [], breaker_options=BreakerOptions,
        held_options=HeldOptions, ce_of=lambda tag, job: "", closed=lambda place: (), tell=lambda *_: None,
    )  # type: ignore[arg-type,return-value]  # fmt: skip
    held = HeldPilots(around, Breakers(None, clock), clock)
    now = int(time.time())  # the schedd's clock; ours says something else
    states = ("JobStatus", "JobUniverse", "ApfWallMinutes")
    ago = {k: now - v if isinstance(v, int) and k not in states else v for k, v in ad.items()}
    whole = classad2.ClassAd({"MATCH_APF_QUEUE": "W", "JobUniverse": 9, "ApfWallMinutes": 60, **ago})
    ways = held._ways_to_be_lost(HeldOptions())
    return [code for code, state, _ in ways if classad2.ExprTree(state).eval(whole) is True]


@pytest.mark.parametrize(
    ("ad", "lost"),
    [
        # waits at an HTCondor-CE: news of it, or none for more than a day
        (
            {"JobStatus": 1, "EnteredCurrentStatus": 9 * DAY, "GridJobId": "condor a b 1.0",
             "LastRemoteStatusUpdate": 9},
            [],
        ),
        (
            {"JobStatus": 1, "EnteredCurrentStatus": 9 * DAY, "GridJobId": "condor a b 1.0",
             "LastRemoteStatusUpdate": DAY + 9},
            ["lost-silent"],
        ),
        # waits at another kind of CE, which does not tell the same all the time
        (
            {"JobStatus": 1, "EnteredCurrentStatus": 9 * DAY, "GridJobId": "arc https://a x",
             "LastRemoteStatusUpdate": 9 * DAY},
            [],
        ),
        # has never reached a CE that does not answer: since yesterday, since a moment ago
        (
            {"JobStatus": 1, "EnteredCurrentStatus": 9 * DAY, "GridResourceUnavailableTime": DAY + 9},
            ["lost-silent"],
        ),
        ({"JobStatus": 1, "EnteredCurrentStatus": 9 * DAY, "GridResourceUnavailableTime": 9}, []),
        # the CE came back, and the attribute was left behind
        (
            {"JobStatus": 1, "EnteredCurrentStatus": 9 * DAY, "GridResourceUnavailableTime": 3 * DAY,
             "LastRemoteStatusUpdate": 9},
            [],
        ),
        # waits for its turn, since the schedd keeps so many back
        ({"JobStatus": 1, "EnteredCurrentStatus": 9 * DAY}, []),
        # sent a moment ago to a CE that has been down for long
        ({"JobStatus": 1, "EnteredCurrentStatus": 9, "GridResourceUnavailableTime": DAY + 9}, []),
        # not at a CE at all
        ({"JobStatus": 1, "EnteredCurrentStatus": 9 * DAY, "JobUniverse": 5}, []),
        # runs within its time, and beyond it
        ({"JobStatus": 2, "JobCurrentStartDate": 3600 + 7100}, []),
        ({"JobStatus": 2, "JobCurrentStartDate": 3600 + 7300}, ["lost-overtime"]),
        # its queue is gone; it was sent without a limit; by an earlier release
        ({"JobStatus": 2, "JobCurrentStartDate": 9 * DAY, "MATCH_APF_QUEUE": "X"}, ["lost-overtime"]),
        ({"JobStatus": 2, "JobCurrentStartDate": 9 * DAY, "ApfWallMinutes": None}, []),
        ({"JobStatus": 2, "JobCurrentStartDate": 9 * DAY, "ApfWallMinutes": "odd"}, []),
        ({"JobStatus": 2, "JobCurrentStartDate": 9 * DAY, "ApfWallMinutes": -600}, []),
        ({"JobStatus": 2}, []),
    ],
)  # fmt: skip
def test_which_pilots_are_lost(tmp_path: Path, ad: dict[str, Any], lost: list[str]) -> None:
    assert found(tmp_path, ad) == lost


def test_what_is_released_in_hope_goes_one_at_a_time_while_a_breaker_is_open() -> None:
    """Else a hundred held pilots are let loose on a CE that refuses them; one may go, and shows how it is."""
    clock, gates = FakeClock(), {}
    breakers = Breakers(None, clock, BreakerOptions().policy)
    for name in ("open", "closed"):
        gates[name] = Gate(breakers, Address(name, f"ce of {name}"))
    queues = {name: SimpleNamespace(gates=(gate,)) for name, gate in gates.items()} | {
        "none": SimpleNamespace(gates=())
    }
    around = Surroundings(
        "f1", queues=lambda: queues, targets=lambda: [], breaker_options=BreakerOptions,
        held_options=HeldOptions, ce_of=lambda tag, job: "", closed=lambda place: (), tell=lambda *_: None,
    )  # type: ignore[arg-type,return-value]  # fmt: skip
    now = clock.now().timestamp()
    for n in range(5):
        breakers.note(gates["open"].address, "ce", Evidence(f"p{n}", "held", now, "held", sent=now - 60))
    breakers.judge()
    care = HeldPilots(around, breakers, clock)

    def let(queue: str, n: int, action: Any = "release", reason: str = "it may have passed") -> int:
        return sum(care._allowed(Order(f"{i}.0", queue, action, "ce-policy", reason)) for i in range(n))

    assert let("open", 9) == 0, "no probe is due"
    clock.advance(301)
    assert let("open", 9) == 1
    assert let("open", 9) == 0
    assert let("open", 9, "remove") == 9
    assert let("open", 9, reason=RENEWED) == 9, "what was wrong is mended"
    assert let("closed", 9) == let("none", 9) == let("gone", 9) == 9


def of_two_ces(breakers: Breakers, first: Choice, second: Choice) -> Any:
    """A queue that sends to the CEs `a` and `b`, with what is shown to each."""
    submits = [
        SimpleNamespace(ce=f"{ce}:9619", credential=lambda now, choice=choice: choice)
        for ce, choice in (("a", first), ("b", second))
    ]
    routes = [SimpleNamespace(submit=submit) for submit in submits]
    gates = tuple(Gate(breakers, Address("q", spelling.ce(f"{ce}:9619"))) for ce in "ab")
    return SimpleNamespace(parts=SimpleNamespace(routes=routes), gates=gates)


GOOD, BAD = Choice("tok", Presented()), Choice(passed=("tok: it has expired",))


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        (GOOD, GOOD, {"a": None, "b": None, "": None, "gone": None}),
        (GOOD, BAD, {"a": None, "b": 0.0, "": 0.0, "gone": 0.0}),
        (BAD, GOOD, {"a": 0.0, "b": None, "": 0.0, "gone": 0.0}),
        (BAD, BAD, {"a": 0.0, "b": 0.0, "": 0.0, "gone": 0.0}),
    ],
)
def test_a_held_pilot_waits_for_the_credential_of_its_own_ce(
    first: Choice, second: Choice, waits: dict[str, float | None]
) -> None:
    breakers = Breakers(None, FakeClock(), BreakerOptions().policy)
    renewals = _Renewals({"q": of_two_ces(breakers, first, second)}, FakeClock())
    for ce, expected in waits.items():
        one = Held("1.0", "q", Kind("x", "", "", "site"), 1.0, 0, (), spelling.ce(f"{ce}:9619") if ce else "")
        assert renewals.of(one) == expected, ce


def test_a_pilot_held_at_one_ce_waits_for_the_breaker_of_that_ce_though_another_is_well() -> None:
    clock = FakeClock()
    breakers = Breakers(None, clock, BreakerOptions().policy)
    queue, now = of_two_ces(breakers, GOOD, GOOD), clock.now().timestamp()
    around = Surroundings(
        "f1", queues=lambda: {"q": queue}, targets=lambda: [], breaker_options=BreakerOptions,
        held_options=HeldOptions, ce_of=lambda tag, job: "", closed=lambda place: (), tell=lambda *_: None,
    )  # type: ignore[arg-type]  # fmt: skip
    for n in range(5):
        breakers.note(queue.gates[0].address, "ce", Evidence(f"p{n}", "held", now, "held", sent=now - 60))
    breakers.judge()
    care = HeldPilots(around, breakers, clock)
    at_a, at_b = (gate.address.ce for gate in queue.gates)
    order = Order("1.0", "q", "release", "ce-policy", "it may have passed", 0, at_a)
    assert not care._allowed(order)
    for ce in (at_b, ""):
        assert care._allowed(Order("1.0", "q", "release", "ce-policy", "it may have passed", 0, ce))
