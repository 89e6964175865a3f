"""`places`, `adopt` and `forget`: the book's word about each place, and orders only about those there are."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.accounting.conservation import Balance
from autopyfactory.accounting.standing import Standing
from autopyfactory.api.commands import answer
from autopyfactory.control.server import CommandError

EVEN, GONE, UNEVEN = Balance(open=2, shown=2), Balance(), Balance(open=3, missing=2, surplus=1, foreign=4)


class Book:
    """Knows the place `schedd@site`, which is also called `old@site`."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []
        self.places = [
            Standing(
                "schedd@site", "id", UNEVEN, 5, 1, 6, ("two answers",), 7.0, 8.0, None, None,
                {"east": EVEN, "gone": GONE, "west": UNEVEN}, 9.0, 1.0, 11.0,
            )
        ]  # fmt: skip

    def standings(self) -> list[Standing]:
        return self.places

    def resolve(self, target: str) -> str:
        return "schedd@site" if target == "old@site" else target

    def adopt(self, name: str) -> None:
        self.done.append(("adopt", name))

    def forget(self, name: str, words: str) -> int:
        self.done.append(("forget", name, words))
        return 3


@pytest.fixture
def factory() -> Any:
    refreshed: list[str] = []
    sources = SimpleNamespace(places=lambda: ["old@site", "other@site"], refresh=refreshed.append)
    told: list[str] = []
    return SimpleNamespace(
        book=Book(),
        sources=sources,
        refreshed=refreshed,
        told=told,
        announce=lambda kind, text: told.append(text),
    )


def test_what_the_book_says(factory: Any) -> None:
    (place,) = json.loads(json.dumps(answer(factory, "places", {})))["places"]
    assert (place["place"], place["open"], place["missing"], place["lost"]) == ("schedd@site", 3, 2, 5)
    assert place["foreign"] == 5, "all that nobody has sent, ours by their mark or not"
    assert (place["unresolved"], place["holds"], place["age"]) == (6, ["two answers"], 7.0)
    assert (place["missing_age"], place["foreign_age"]) == (8.0, None)
    assert (place["open_age"], place["unseen_age"], place["lost_age"]) == (9.0, 1.0, 11.0)
    assert set(place["queues"]) == {"east", "west"}, "a queue that has nothing and lacks nothing is not told"


@pytest.mark.parametrize("place", ["schedd@site", "old@site"])
def test_an_order_is_carried_out_under_the_name_of_now_and_its_place_asked_at_once(
    factory: Any, place: str
) -> None:
    assert answer(factory, "adopt", {"place": place, "by": "me"}) == {"place": "schedd@site"}
    assert answer(factory, "forget", {"place": place, "by": "me"}) == {"place": "schedd@site", "pilots": 3}
    assert factory.book.done == [("adopt", "schedd@site"), ("forget", "schedd@site", "says me")]
    assert factory.refreshed == ["old@site"] * 2, "and no other place"
    assert factory.told == ["pilots adopt schedd@site, by me"]


@pytest.mark.parametrize("arguments", [{}, {"place": None}, {"place": "no@where"}])
def test_a_place_that_is_not_known_is_refused_with_those_that_are(
    factory: Any, arguments: dict[str, Any]
) -> None:
    for command in ("adopt", "forget"):
        with pytest.raises(CommandError, match="known are: schedd@site"):
            answer(factory, command, arguments)
    factory.book.places = []
    with pytest.raises(CommandError, match="none yet"):
        answer(factory, "adopt", arguments)
    assert factory.book.done == []
