"""What a cycle sent, and what its troubles amount to."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from autopyfactory.model.decision import CycleInputs
from autopyfactory.model.record import (
    Empty,
    FactoryEvent,
    Failed,
    Fared,
    HeldGroup,
    Match,
    Sent,
    Troubles,
    Unmoved,
)
from contracts.records import T0, cycle

HELD = HeldGroup("token expired", 3)
NONE = Troubles(T0)


def test_only_what_a_schedd_has_confirmed_was_sent_for_sure() -> None:
    sent = (
        Sent("t1", "schedd", "ce", 5, "17"),
        Sent("t2", "schedd", "ce", 7),  # the answer was lost
        Sent("t3", "schedd", "ce", 2, None, error="refused"),
        Sent("t4", "schedd", "ce", 1, "0"),
    )
    assert cycle(sent=sent).submitted == 6
    assert cycle(sent=()).submitted == 0
    assert cycle(sent=(), found=(Sent("t", "schedd", "ce", 9, "8"),)).submitted == 0  # of earlier cycles


def test_a_record_with_other_values_is_what_replace_makes_of_it() -> None:
    known = cycle(sent=(), inputs=CycleInputs("q"), gate=("old",))
    assert known.changed() == known
    assert known.changed(outcome="failed", retired=3) == replace(known, outcome="failed", retired=3)
    with pytest.raises(KeyError):
        known.changed(nosuch=1)


@pytest.mark.parametrize(
    ("changes", "stuck", "wrong"),
    [
        ({}, False, False),
        ({"held": (HELD,)}, True, True),
        ({"lost": (HELD,)}, True, True),
        ({"ce_down": 1}, True, True),
        ({"ce_down": 0, "ce": "ce.example.org", "probe": "it answers"}, False, False),
        ({"failed": Failed(10, 9, "exit code 1", 5.0)}, False, True),
        ({"empty": Empty(10, 9, 5.0)}, False, True),
        ({"unmoved": Unmoved(3, 60.0, T0, 5, 0)}, False, True),
        ({"fared": Fared(10, 1)}, False, True),
        ({"match": Match(10, 0)}, False, True),  # no machine would take it
        ({"match": Match(0, 0)}, False, True),
        ({"match": Match(10, 1, (("Memory", 9),))}, False, False),
        ({"oldest_pending": T0, "newest_start": T0, "usual_wait": 60.0}, False, False),
    ],
)
def test_what_counts_as_trouble(changes: dict[str, object], stuck: bool, wrong: bool) -> None:
    troubles = replace(NONE, **changes)  # type: ignore[arg-type]
    assert (troubles.stuck, troubles.any) == (stuck, wrong)


def test_plain_data_keeps_its_times() -> None:
    event = FactoryEvent("paused", T0, "until noon", "q", {"until": 1.5})
    assert event.as_dict() == {
        "kind": "paused",
        "at": T0,
        "text": "until noon",
        "queue": "q",
        "facts": {"until": 1.5},
    }
    told = cycle().as_dict()
    assert told["started"] == T0
    assert told["inputs"]["wms"]["ready"] == 37


def test_a_record_and_an_event_cannot_be_changed_by_who_reports_them() -> None:
    for thing in (cycle(), FactoryEvent("started", T0), NONE):
        name = fields(thing)[0].name
        with pytest.raises(FrozenInstanceError):
            setattr(thing, name, "other")
