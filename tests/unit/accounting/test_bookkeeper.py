"""How a place is reached and since when it tells nothing, by whatever of its names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.accounting.book import Batch, bits
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.protocol.sending import Ask
from autopyfactory.accounting.requests import (
    Counted,
    Endings,
    NoAnswer,
    Searched,
    Submitted,
    Surveyed,
)
from autopyfactory.model.info import BatchQueueInfo
from fakes import FakeClock


class Home:
    """A job queue that answers as soon as it is asked, unless it is `dead`."""

    def __init__(self, identity: str = "home"):
        self.identity, self.pilots, self.dead = identity, 0, False

    def count(self) -> Counted:
        if self.dead:
            raise NoAnswer("dead")
        return Counted(self.identity, {"q": BatchQueueInfo(running=self.pilots)} if self.pilots else {})

    def endings(self, cursor: str) -> Endings:
        return Endings(self.identity, "", ())

    def survey(self) -> Surveyed:
        return Surveyed(self.identity, {})

    def search(self, tags: frozenset[str], most: int) -> Searched:
        return Searched(self.identity, {})

    def submit(self, batch: Batch, identity: str) -> Submitted:
        self.pilots += batch.n
        return Submitted("7", bits(range(batch.n)))


class Factory:
    """A book of pilots, and the job queue that its two names lead to."""

    def __init__(self, path: Path):
        self.clock, self.home = FakeClock(), Home()
        self.ledger = Ledger(path, self.clock)
        self.book = Bookkeeper(self.ledger, self.clock)

    def poll(self, name: str, port: Home | None = None, every: float = 1.0) -> None:
        """Poll who is called `name`, so many seconds after whatever was before."""
        self.clock.advance(every)
        self.book.poll(name, port or self.home, every).finish()

    def send(self, name: str, port: Home | None = None) -> None:
        """Send two pilots there."""
        self.book.send(Ask("q", name, "ce", 2), port or self.home, lambda: False)

    def reached(self) -> dict[str, str]:
        """Return the places with pilots as the next life knows them, too."""
        assert self.ledger.flush(5)
        again = Bookkeeper(self.ledger, self.clock).places_with_pilots()
        assert again == self.book.places_with_pilots()
        return again

    def ways(self, *names: str) -> list[list[str]]:
        """Return how each of these is reached, as the next life knows it, too."""
        assert self.ledger.flush(5)
        again = Bookkeeper(self.ledger, self.clock)
        for name in names:
            assert again.ways_to(name) == self.book.ways_to(name)
        return [again.ways_to(name) for name in names]


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[Factory]:
    one = Factory(tmp_path / "l.db")
    one.book.describe("ap@h", "SPEC ap")
    one.book.describe("twin@h", "SPEC twin")
    yield one
    one.ledger.close()


def test_a_place_is_reached_by_the_name_that_its_pilots_have(factory: Factory) -> None:
    """A queue may name it otherwise by now; that name may be dead, or may lead elsewhere one day."""
    for name in ("twin@h", "ap@h"):
        factory.poll(name)
    one = factory.book.resolve("ap@h")
    (other,) = {"ap@h", "twin@h"} - {one}
    factory.send(one)
    factory.book.describe(other, "SPEC other")
    assert factory.reached() == {one: f"SPEC {one[:-2]}"}
    factory.book.describe(one.upper(), "SPEC new")
    assert factory.reached() == {one: "SPEC new"}, "its own name, however it is spelt"


def test_all_ways_to_a_place_are_those_by_its_names(factory: Factory) -> None:
    assert factory.book.ways_to("ap@h") == ["SPEC ap"]
    for name in ("ap@h", "twin@h"):
        factory.poll(name)
    for name in ("ap@h", "twin@h"):
        assert factory.book.ways_to(name) == ["SPEC ap", "SPEC twin"]
    assert factory.book.ways_to("unknown@h") == []


def test_a_name_that_has_parted_is_no_way_to_the_place_any_more(factory: Factory) -> None:
    for name in ("ap@h", "twin@h"):
        factory.poll(name)
    one = factory.book.resolve("ap@h")
    (other,) = {"ap@h", "twin@h"} - {one}
    factory.send(one)
    for _ in range(2):
        factory.poll(one, Home("another"))
        factory.poll(other)
    assert factory.book.ways_to(other) == [f"SPEC {other[:-2]}"]
    assert factory.reached() == {other: f"SPEC {other[:-2]}"}


def test_who_is_asked_rarely_is_not_silent_between(factory: Factory) -> None:
    factory.poll("ap@h")
    factory.send("ap@h")
    factory.home.pilots = 0
    for still in (2, 0):
        factory.poll("ap@h", every=1800)
        assert factory.book.open("q") == still


def test_a_place_is_silent_since_it_was_last_counted_by_whatever_name(factory: Factory) -> None:
    factory.clock.advance(99)
    assert factory.book.silent_for("ap@h") == 99, "since the factory began, when it never was"
    for name in ("ap@h", "twin@h", "ap@h", "twin@h"):
        factory.poll(name)
    factory.clock.advance(10)
    assert [factory.book.silent_for(name) for name in ("ap@h", "twin@h")] == [10, 10]
    factory.home.dead = True
    for _ in range(5):
        with pytest.raises(NoAnswer):
            factory.poll("ap@h")
    assert factory.book.silent_for("ap@h") == 15


def test_ways_by_each_name_survive_a_restart(factory: Factory) -> None:
    """The name that its pilots have may be dead, and no queue may name the other one any more."""
    for name in ("ap@h", "twin@h"):
        factory.poll(name)
    assert factory.ways("ap@h", "twin@h") == [["SPEC ap", "SPEC twin"]] * 2
    factory.book.describe("ap@h", "SPEC new ap")
    assert factory.ways("ap@h", "twin@h") == [["SPEC new ap", "SPEC twin"]] * 2
    factory.book.describe("twin@h", "SPEC new")
    assert factory.ways("ap@h", "twin@h") == [["SPEC new", "SPEC new ap"]] * 2


def test_a_name_that_is_new_to_a_place_is_a_way_to_it_in_the_next_life(factory: Factory) -> None:
    """Its other name was written down by an earlier one."""
    factory.poll("ap@h")
    factory.send("ap@h")
    assert factory.ledger.flush(5)
    factory.book = Bookkeeper(factory.ledger, factory.clock)
    factory.book.describe("new@h", "SPEC new")
    factory.poll("new@h")
    assert factory.ways("ap@h", "new@h") == [["SPEC ap", "SPEC new"]] * 2
    assert factory.reached() == {"ap@h": "SPEC ap"}


def test_a_place_is_reached_by_another_name_when_nobody_knows_how_by_its_own(factory: Factory) -> None:
    factory.poll("new@h")
    factory.poll("ap@h")
    factory.send("new@h")
    assert factory.ways("new@h") == [["SPEC ap"]]
    assert factory.reached() == {"new@h": "SPEC ap"}


@pytest.mark.parametrize("moved", ["ap@h", "twin@h"])
def test_whichever_name_has_parted_each_is_reached_as_before(factory: Factory, moved: str) -> None:
    """Who asks there goes on, and tells nobody anew how he does it; so it is when they are one again."""
    (stays,) = {"ap@h", "twin@h"} - {moved}
    way, left = (f"SPEC {name[:-2]}" for name in (moved, stays))
    for name in ("ap@h", "twin@h"):
        factory.poll(name)
    factory.send(stays)
    another = Home("another")
    for _ in range(3):
        factory.poll(moved, another)
        factory.poll(stays)
    assert factory.ways(moved, stays) == [[way], [left]]
    factory.send(moved, another)
    assert factory.reached() == {moved: way, stays: left}
    another.pilots = 0
    for _ in range(2):
        factory.poll(moved, another, every=1800)
    factory.poll(moved)
    assert factory.ways(moved, stays) == [sorted([way, left])] * 2
    (reached,) = factory.reached().items()
    assert reached in {moved: way, stays: left}.items(), "by the way of the name that it has"
