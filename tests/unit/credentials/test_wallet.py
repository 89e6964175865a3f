"""The first profile that is valid for long enough; why the others are not; nothing when none is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authkit import FakeProfile
from autopyfactory.credentials.credential import Presented
from autopyfactory.credentials.keeper import STALE, Keeper
from autopyfactory.credentials.wallet import NONE_VALID, Choice, Wallet, Wish, of_several
from fakes import FakeClock


class World:
    def __init__(self, **lives: float) -> None:
        self.clock = FakeClock()
        self.wallet = Wallet(self.clock)
        self.plugins = {}
        keepers = {}
        for name, life in lives.items():
            plugin = FakeProfile(self.clock.now)
            plugin.renews, plugin.least = False, 0.0
            plugin.put("", life)
            keepers[name] = Keeper(name, plugin, frozenset, self.clock, lambda *_: None)
            keepers[name].tend()
            self.plugins[name] = plugin
        self.wallet.keepers = keepers

    def choose(self, *names: str, token: float = 300, pilot: float = 7200, anyway: bool = False) -> Choice:
        return self.wallet.choose(Wish(names, "ce1", pilot, token, anyway), self.clock.now())


def test_the_first_that_holds_long_enough_and_why_not_the_others() -> None:
    w = World(old=-60, short=100, good=1000, better=9000)
    choice = w.choose("gone", "old", "short", "good", "better")
    assert choice.profile == "good"
    assert choice.closed == ()
    assert choice.words == (
        "gone: no such profile is looked after; old: the token expired 1 min ago (nobody has renewed it);"
        " short: the token ends in 1 min 40 s, pilots need 5 min; good is used"
    )
    assert w.choose("better").words is None


def test_what_travels_must_last_as_long_as_the_pilot() -> None:
    w = World()
    plugin = FakeProfile(w.clock.now)
    plugin.travels, plugin.renews, plugin.least = True, False, 0.0
    plugin.put("", 3600)
    keeper = Keeper("proxy", plugin, frozenset, w.clock, lambda *_: None)
    keeper.tend()
    w.wallet.keepers = {"proxy": keeper}
    assert w.choose("proxy", pilot=3600).profile == "proxy"
    assert w.choose("proxy", pilot=3601).profile is None


def test_none_valid_sends_nothing_unless_asked_for() -> None:
    w = World(old=-60)
    choice = w.choose("old")
    assert (choice.profile, choice.presented) == (None, None)
    assert choice.closed == (f"{NONE_VALID}: old: the token expired 1 min ago (nobody has renewed it)",)
    choice = w.choose("old", anyway=True)
    assert choice.presented is not None
    assert choice.presented.commands == {"scitokens_file": "/nowhere/"}
    assert choice.closed == ()
    assert str(choice.words).endswith("; pilots are sent with it anyway")


def test_what_nobody_has_looked_at_for_long_is_not_believed() -> None:
    w = World(good=1e6)
    w.clock.advance(STALE)
    assert w.choose("good").profile == "good"
    w.clock.advance(1)
    assert "nobody has looked at it for 15 min" in str(w.choose("good").words)


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6), st.floats(0, 1e4))
def test_what_is_handed_out_is_valid_for_as_long_as_was_asked(lives: list[float], least: float) -> None:
    names = [f"p{i}" for i in range(len(lives))]
    w = World(**dict(zip(names, lives, strict=True)))
    choice = w.choose(*names, token=least)
    fit = [n for n in names if w.plugins[n].there[""].left(w.clock.now()) >= least]
    assert choice.profile == (fit[0] if fit else None)
    assert len(choice.passed) == (names.index(fit[0]) if fit else len(names))
    if choice.credential:
        assert choice.credential.expires is not None
        assert choice.credential.expires - w.clock.now() >= timedelta(seconds=least)
    else:
        assert choice.closed


# --- queues with several CEs ----------------------------------------------------------------------

GOOD = Choice("tok", Presented())
BAD = Choice(passed=("tok: the token has expired",))


@pytest.mark.parametrize(
    ("choices", "profile", "closed", "words"),
    [
        ([], None, False, None),
        ([("a", None), ("b", None)], None, False, None),  # the queue names no profile
        ([("a", GOOD)], "tok", False, None),
        ([("a", BAD)], None, True, "tok: the token has expired"),
        ([("a", BAD), ("b", BAD)], None, True, "tok: the token has expired"),
        ([("a", GOOD), ("b", BAD)], "tok", False, "nothing is sent to b: tok: the token has expired"),
        ([("a", BAD), ("b", GOOD)], "tok", False, "nothing is sent to a: tok: the token has expired"),
        ([("a", BAD), ("a", BAD), ("b", GOOD)], "tok", False,
         "nothing is sent to a: tok: the token has expired"),
        ([("a", None), ("b", BAD)], "", False, "nothing is sent to b: tok: the token has expired"),
    ],
)  # fmt: skip
def test_of_several_ces_each_counts(
    choices: list[tuple[str, Choice | None]], profile: str | None, closed: bool, words: str | None
) -> None:
    found = of_several(choices)
    assert (found.profile if found else None) == profile
    assert bool(found and found.closed) == closed
    assert (found.words if found else None) == words
