"""Which pilots are lost, by what HTCondor's own library makes of the constraints."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import classad2
import pytest

from autopyfactory.breakers.evidence import Evidence
from autopyfactory.breakers.options import BreakerOptions
from autopyfactory.breakers.registry import Address, Breakers, Gate
from autopyfactory.factory.heldpilots import HeldPilots, Surroundings
from autopyfactory.why.treatment import RENEWED, HeldOptions, Order
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
