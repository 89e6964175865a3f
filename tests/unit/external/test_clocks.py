"""Clocks: whose is wrong is told, and when all others agree against us, nothing is sent."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from autopyfactory.external.clocks import CLOCKS, Clocks
from patience import until
from place import Place

NOW = 1_700_000_000.0


def noted(**ahead: float) -> Clocks:
    made = Clocks()
    for who, seconds in ahead.items():
        made.note(who, NOW + seconds, NOW - 0.2, NOW + 0.2)
    return made


@pytest.mark.parametrize(
    ("ahead", "wrong", "ours"),
    [
        ({}, 0, ""),
        ({"ap": 0.0, "wms": -3.0}, 0, ""),
        ({"ap": 90.0}, 1, ""),
        ({"ap": 7200.0}, 1, "this host's clock is 2 h behind the clocks of all that answer"),
        (
            {"ap": -7200.0, "wms": -7300.0},
            2,
            "this host's clock is 2 h ahead of the clocks of all that answer",
        ),
        ({"ap": 7200.0, "wms": 0.0}, 1, ""),
        ({"ap": 7200.0, "wms": -7200.0}, 2, ""),
    ],
)
def test_one_that_differs_is_told_and_only_all_of_them_stop_us(
    ahead: dict[str, float], wrong: int, ours: str
) -> None:
    made = noted(**ahead)
    assert len(made.wrong()) == wrong
    assert made.ours() == ours


def test_the_time_an_answer_took_is_no_difference() -> None:
    made = Clocks()
    made.note("slow", NOW + 100, NOW, NOW + 200)
    assert made.wrong() == ()


@pytest.mark.parametrize("headers", [{}, {"Date": "soon"}, {"Date": formatdate(NOW + 7200), "Age": "7000"}])
def test_what_tells_no_time_is_no_witness(headers: dict[str, str]) -> None:
    made = Clocks()
    made.note_http("wms", headers, NOW, NOW)
    assert made.wrong() == ()


def test_a_date_is_a_witness() -> None:
    made = Clocks()
    made.note_http("wms", {"Date": formatdate(NOW + 7200, usegmt=True)}, NOW, NOW)
    assert made.wrong() == ("the clock of wms is 2 h ahead of this host's",)


def test_a_clock_that_is_hours_off_holds_queues_back(place: Place) -> None:
    CLOCKS.forget()
    CLOCKS.note("schedd ap", 0.0, NOW, NOW)
    try:
        factory = place.start()
        until(lambda: factory.queues["east"].last and factory.queues["east"].last.outcome == "held back")
        answer = place.json("status", "east")
        assert answer["queues"][0]["problems"][0]["code"] == "clock-wrong"
        assert any("the clock of schedd ap is" in note for note in answer["notes"])
    finally:
        CLOCKS.forget()
