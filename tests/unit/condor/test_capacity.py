"""What a schedd takes is a cap like any other: less what others have there, and told before it is reached."""

from __future__ import annotations

from typing import Any

from autopyfactory.condor import capacity as module
from autopyfactory.condor.capacity import PER_OWNER, PER_RESOURCE, Capacities, Capacity, Resource, capacity
from autopyfactory.condor.target import Target
from autopyfactory.model.decision import Cap

CE = "condor ce1 ce1:9619"
ANSWER: dict[str, Any] = {  # as bindings 25 and a schedd 23.9 gave it
    "user": "apf@grid.test",
    "settings": {PER_OWNER: "30", "MAX_JOBS_SUBMITTED": "2147483647", PER_RESOURCE: "20, condor.x 5"},
    "ours": 22,
    "others": [["apf", 5], ["somebody", 70]],
    "resources": [[CE, 9, 10], [CE, 3, 10], ["batch slurm", 1, 20], [None, None, None]],
}


def test_the_room_is_what_others_leave_of_the_limit() -> None:
    found = capacity(ANSWER)
    assert list(found.caps()) == [Cap("schedd", 25, "MAX_JOBS_PER_OWNER, 30 less 5 jobs of others,")]
    alone = capacity({**ANSWER, "others": [["somebody", 70]]})
    assert list(alone.caps()) == [Cap("schedd", 30, "MAX_JOBS_PER_OWNER")]


def test_a_gridmanager_limits_a_ce_also_before_it_has_said_so() -> None:
    found = capacity(ANSWER)
    assert list(found.caps(CE))[1:] == [Cap("way", 10, PER_RESOURCE)]
    assert list(found.caps("condor other other:9619"))[1:] == [Cap("way", 20, PER_RESOURCE)]


def test_what_has_no_limit_is_no_cap() -> None:
    assert list(capacity({**ANSWER, "settings": {}, "resources": []}).caps(CE)) == []
    assert list(Capacity().caps(CE)) == [] and list(Capacity().near("ap")) == []


def test_nine_tenths_are_told() -> None:
    found = list(capacity(ANSWER).near("ap"))
    assert found == [
        "27 of 30 jobs are at the schedd ap (MAX_JOBS_PER_OWNER)",
        f"9 of 10 pilots to ce1 ce1:9619 are at the schedd ap ({PER_RESOURCE}): more would lie idle there",
    ]
    assert list(Capacity({PER_OWNER: 30}, ours=26, resources={CE: Resource(8, 10)}).near("ap")) == []


def test_what_was_said_long_ago_holds_no_more(monkeypatch: Any) -> None:
    known, target = Capacities(), Target("ap", "cm:9618")
    known.note(target, capacity(ANSWER))
    assert [cap.maximum for cap in known.caps(target, CE)] == [25, 10]
    assert len(known.near()) == 2
    assert known.caps(Target("another", None)) == ()
    now = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + module.FRESH + 1)
    assert known.caps(target, CE) == () and known.near() == ()
