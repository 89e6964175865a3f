"""Held pilots: each kind gets what is due to it, and no pilot goes round for ever."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.why import holds
from autopyfactory.why.holds import KINDS, OTHER, Kind
from autopyfactory.why.treatment import CODES, LEFT, Held, HeldOptions, orders, remedy

NOW = 1_000_000.0
OPTIONS = HeldOptions()


def decided(
    kind: Kind, age: float, releases: int = 0, renewed: float | None = None, **options: Any
) -> tuple[str, str] | None:
    one = Held("3.1", "Q", kind, NOW - age, releases)
    found = list(orders([one], HeldOptions(**options), lambda one: renewed, NOW))
    assert len(found) <= 1
    return (found[0].action, found[0].reason) if found else None


def test_what_may_pass_is_released_with_growing_patience_and_removed_in_the_end() -> None:
    assert decided(holds.BATCH_DOWN, 299) is None
    assert decided(holds.BATCH_DOWN, 301) == ("release", "it may have passed")
    assert decided(holds.BATCH_DOWN, 599, releases=1) is None
    assert decided(holds.BATCH_DOWN, 601, releases=1) == ("release", "it may have passed")
    assert decided(holds.BATCH_DOWN, 1201, releases=2) == ("release", "it may have passed")
    assert decided(holds.BATCH_DOWN, 2401, releases=3) == (
        "remove",
        "held again after 3 releases: the CE cannot reach its batch system",
    )


def test_a_refused_credential_waits_for_a_newer_one() -> None:
    assert decided(holds.EXPIRED, 5000, renewed=NOW - 6000) is None
    assert decided(holds.EXPIRED, 5000, renewed=0.0) is None
    assert decided(holds.EXPIRED, 50, renewed=NOW - 10) == ("release", "the credential was renewed")
    assert decided(holds.EXPIRED, 50, releases=8, renewed=NOW - 10) == (
        "remove",
        "held again after 8 releases: the credential has expired",
    )


def test_a_credential_without_a_file_is_tried_now_and_then() -> None:
    assert decided(holds.NOT_ALLOWED, 100) is None
    assert decided(holds.NOT_ALLOWED, 301) == ("release", "it may have passed")


def test_what_is_gone_is_removed_at_once_and_people_are_obeyed() -> None:
    assert decided(holds.VANISHED, 1) == ("remove", holds.VANISHED.words)
    assert decided(holds.PERSON, 1e6) is None
    assert decided(holds.ON_HOLD, 1e6) is None


def test_where_only_a_person_helps_nothing_is_done_but_not_for_ever() -> None:
    assert decided(holds.CANNOT_START, 3600) is None
    assert decided(holds.CANNOT_START, 21601) == (
        "remove",
        "held for longer than 6 h: the wrapper cannot be started on the worker node",
    )
    assert decided(holds.CANNOT_START, 1e6, keep=0) is None


def test_options_say_otherwise() -> None:
    assert decided(holds.CANNOT_START, 1, remove=("wrapper-cannot-start",)) is not None
    assert decided(holds.BATCH_DOWN, 301, leave=("batch-down",)) is None
    assert decided(holds.EXPIRED, 1, remove=("credential-expired",)) is not None


def test_a_kind_that_does_not_exist_is_an_error() -> None:
    section = Section.from_texts("Factory", {"held.release": "batch-down, batch-downn"})
    options, problems = bind(HeldOptions, section, section)
    assert options is None
    (problem,) = problems
    assert "no such kind of hold: batch-downn" in str(problem)


def test_every_kind_has_its_remedy() -> None:
    found = {code: remedy(code, OPTIONS) for code in CODES}
    assert {c for c, r in found.items() if r == "leave"} == set(LEFT)
    assert set(found.values()) == {"renew", "release", "remove", "leave", "stop"}
    assert found["held-other"] == "stop"
    assert all(found[k.code] == "renew" for k in KINDS if k.who == "credentials")


@given(
    kind=st.sampled_from([*KINDS, OTHER]),
    spells=st.lists(st.floats(0, 10_000), min_size=1, max_size=30),
    renewed=st.none() | st.floats(0, 2e6),
)
def test_no_pilot_is_released_more_often_than_allowed(
    kind: Kind, spells: list[float], renewed: float | None
) -> None:
    """It is looked at whenever it has been held for some time, and held again when it was released."""
    now, since, releases, gone = NOW, NOW, 0, False
    for wait in spells:
        if gone:
            break
        now += wait
        one = Held("3.1", "Q", kind, since, releases)
        for order in orders([one], OPTIONS, lambda one: renewed, now):
            if order.action == "remove":
                gone = True
            else:
                releases, since = releases + 1, now
    assert releases <= OPTIONS.releases
    if kind.code in LEFT:
        assert not releases
        assert not gone
