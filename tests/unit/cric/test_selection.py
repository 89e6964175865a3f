"""Which records are taken: each criterion narrows, nothing widens, letter case never matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from autopyfactory.cric import records
from autopyfactory.cric.selection import Selection, ce_why_not, why_not

RECORD = records.record(
    {
        "BNL_PROD": {
            "queues": [],
            "vo_name": "atlas",
            "cloud": "US",
            "type": "production",
            "pilot_manager": "APF",
            "resource_type": "GRID",
            "state": "ACTIVE",
            "region": "US-East",
        }
    },
    "BNL_PROD",
)
CE = records.ce({"ce_endpoint": "ce"})
ANY = Selection(resource_type=(), states=())


def test_by_default_active_queues_of_the_grid_are_taken() -> None:
    assert why_not(RECORD, Selection()) is None
    assert why_not(replace(RECORD, state="OFFLINE"), Selection()) == "state is OFFLINE"
    assert why_not(replace(RECORD, resource_type="cloud"), Selection()) == "resource_type is cloud"
    assert why_not(replace(RECORD, state=""), Selection()) == "state is not set"


CRITERIA = {
    "vo": "atlas",
    "cloud": "US",
    "type": "production",
    "pilot_manager": "APF",
    "resource_type": "GRID",
    "states": "ACTIVE",
    "regions": "US-East",
    "names": "BNL_PROD",
}


@pytest.mark.parametrize(("key", "value"), CRITERIA.items())
def test_each_criterion_by_itself(key: str, value: str) -> None:
    for fits in ((value,), (value.upper(),), (value.lower(),), ("other", value)):
        assert why_not(RECORD, Selection(**{"resource_type": (), "states": (), key: fits})) is None
    told = why_not(RECORD, Selection(**{"resource_type": (), "states": (), key: ("other",)}))
    assert told is not None
    assert key.rstrip("s") in told


@given(st.dictionaries(st.sampled_from(sorted(CRITERIA)), st.booleans()))
def test_a_record_must_fit_all_that_is_set(fits: dict[str, bool]) -> None:
    chosen = {key: (CRITERIA[key] if good else "other",) for key, good in fits.items()}
    taken = why_not(RECORD, Selection(**{"resource_type": (), "states": (), **chosen})) is None
    assert taken is all(fits.values())


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (("BNL_*",), True),
        (("bnl_prod",), True),
        (("BNL_?ROD",), True),
        (("BNL",), False),  # the whole name
        (("*", "!BNL_*"), False),
        (("!BNL_*", "BNL_PROD"), False),  # what is left out stays out, in any order
        (("!CERN",), True),
        (("CERN", "!FZK"), False),
        (("[AB]NL_PROD",), True),
    ],
)
def test_names_are_patterns(names: tuple[str, ...], taken: bool) -> None:
    assert (why_not(RECORD, ANY.model_copy(update={"names": names})) is None) is taken


def test_virtual_ones_and_closed_sites_are_left() -> None:
    assert why_not(replace(RECORD, virtual=True), ANY) == "it is virtual"
    assert why_not(replace(RECORD, site_state="DISABLED"), Selection()) == "site_state is DISABLED"
    assert why_not(replace(RECORD, site_state="DISABLED"), ANY) is None
    assert why_not(replace(RECORD, site_state=""), Selection()) is None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, None),
        ({"state": "active", "status": "production", "queue_status": "production"}, None),
        ({"state": "disabled"}, "ce_state is disabled"),
        ({"status": "draining"}, "ce_status is draining"),
        ({"queue_status": "closed"}, "ce_queue_status is closed"),
    ],
)
def test_which_ces_take_pilots_now(given: dict[str, str], reason: str | None) -> None:
    assert ce_why_not(replace(CE, **given)) == reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        {"url": "https://cric/x", "file": "/x"},
        {"factory": 3, "factories": 2},
        {"factory": 0},
        {"factories": 0},
        {"jobs_per_pilot": 0},
        {"jobs_per_pilot": -1},
        {"jobs_per_pilot": float("inf")},
        {"url": "ftp://x"},
        {"url": "https://"},
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Selection(**given)


@pytest.mark.parametrize("key", ["vo", "cloud", "type", "pilot_manager", "regions", "names"])
def test_nobody_selects_the_world_by_accident(key: str) -> None:
    assert not Selection().selects
    assert not Selection(states=("ACTIVE",), resource_type=("grid",), url="https://cric/x").selects
    assert Selection(**{key: ("x",)}).selects
    assert Selection(file="/x").selects
