"""2.4's parallel lists: the i-th items of all make one selection."""

from __future__ import annotations

import pytest

from autopyfactory.cric.agis import PREFIX, selections
from autopyfactory.cric.selection import Selection
from autopyfactory.options.binding import bind
from autopyfactory.options.problem import Where
from autopyfactory.options.section import Section

PLACE = Where("autopyfactory.conf", 4)


def of(**lists: str) -> tuple[dict[str, dict[str, str]], list[str]]:
    texts = {PREFIX + key: text for key, text in lists.items()}
    found, problems = selections(Section.from_texts("Factory", texts, PLACE))
    plain = {name: {k: v.text for k, v in s.values.items()} for name, s in found.items()}
    return plain, [f"{p.where} [{p.section}] {p.key}: {p.message}" for p in problems]


def test_without_lists_there_is_no_selection() -> None:
    assert of() == ({}, [])
    assert of(jobsperpilot="2") == ({}, [])
    assert of(vos="None") == ({}, [])


def test_columns_become_rows() -> None:
    found, problems = of(
        vos="atlas, atlas", clouds="US, None", activities="analysis,production", defaultsfiles="/a, /b"
    )
    assert problems == []
    assert found == {
        "CRIC agis-1": {"vo": "atlas", "cloud": "US", "type": "analysis", "defaultsfile": "/a"},
        "CRIC agis-2": {"vo": "atlas", "type": "production", "defaultsfile": "/b"},
    }


@pytest.mark.parametrize("key", ["pilotmanager", "pilotmanagers"])
def test_both_spellings_of_the_manager(key: str) -> None:
    assert of(**{key: "APF"}) == ({"CRIC agis-1": {"pilot_manager": "APF"}}, [])


def test_what_is_said_in_two_spellings_is_taken_once() -> None:
    assert of(pilotmanager="A", pilotmanagers="B")[0] == {"CRIC agis-1": {"pilot_manager": "A"}}
    assert of(defaultsfiles="/a", defaultsfile="/b")[0] == {"CRIC agis-1": {"defaultsfile": "/a"}}


def test_every_list_that_is_too_short_is_told_with_its_place() -> None:
    found, problems = of(vos="a,b,c", clouds="US", defaultsfile="/a,/b")
    assert found == {}
    assert [p.partition(" items")[0] for p in problems] == [
        f"autopyfactory.conf:4 [Factory] {PREFIX}clouds: 1",
        f"autopyfactory.conf:4 [Factory] {PREFIX}defaultsfile: 2",
    ]
    assert all("has 3" in p for p in problems)


@pytest.mark.parametrize(
    ("given", "told"), [("4", "4"), ("4.0", "4"), ("40", "40"), ("4.5", "4.5"), ("None", None)]
)
def test_numbers_for_all_selections(given: str, told: str | None) -> None:
    found, _ = of(vos="a,b", numfactories=given, jobsperpilot="1.5")
    assert [s.get("numfactories") for s in found.values()] == [told, told]
    assert all(s["jobsperpilot"] == "1.5" for s in found.values())


def test_what_comes_out_is_a_selection() -> None:
    found, _ = selections(Section.from_texts("F", {PREFIX + "vos": "atlas", PREFIX + "numfactories": "4.0"}))
    selection, problems = bind(Selection, found["CRIC agis-1"])
    assert problems == []
    assert selection is not None
    assert (selection.vo, selection.factories, selection.selects) == (("atlas",), 4, True)
