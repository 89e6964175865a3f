"""A profile is looked at and renewed in time, whatever fails; what goes wrong is told, and its end too."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authkit import FakeProfile
from autopyfactory.credentials import keeper
from autopyfactory.credentials.keeper import FIRST_RETRY, REMIND, STALE, TICK, Keeper
from fakes import FakeClock
from patience import until


class World:
    def __init__(self, per_ce: bool = False) -> None:
        self.clock = FakeClock()
        self.plugin = FakeProfile(self.clock.now, per_ce=per_ce)
        self.places: frozenset[str] = frozenset({"ce1"})
        self.told: list[tuple[str, str, bool]] = []
        self.ready: list[str] = []
        self.keeper = Keeper(
            "p",
            self.plugin,
            lambda: self.places,
            self.clock,
            lambda *news: self.told.append(news),
            self.ready.append,
        )

    def after(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.keeper.tend()

    @property
    def left(self) -> float:
        credential = self.keeper.standings[""].credential
        assert credential is not None
        return credential.left(self.clock.now())


def test_what_is_missing_is_made_at_once_and_renewed_ahead() -> None:
    w = World()
    w.keeper.tend()
    assert w.plugin.renewed == [""]
    assert w.ready == ["p"]
    w.after(2990)
    assert w.plugin.renewed == [""], "600 s are enough"
    w.after(20)
    assert w.plugin.renewed == ["", ""]
    assert w.left == 3600
    assert w.told == []


def test_a_renewal_that_fails_is_an_alarm_while_the_old_one_still_holds() -> None:
    w = World()
    w.keeper.tend()
    w.plugin.fail = RuntimeError("no answer")
    w.after(3010)
    assert w.left == 590, "the old one stays in use"
    ((who, words, bad),) = w.told
    assert (who, bad) == ("p", True)
    assert "ends in" in words and "RuntimeError: no answer" in words
    w.after(TICK)
    assert len(w.told) == 1, "told once"
    w.plugin.fail = None
    w.after(FIRST_RETRY)
    assert w.told[-1] == ("p", "is good again", False)
    assert w.keeper.standings[""].words == ""


def test_a_trouble_that_goes_on_is_told_daily() -> None:
    w = World()
    w.plugin.fail = RuntimeError("no answer")
    for _ in range(int(2.5 * REMIND / 3600)):
        w.after(3600)
    assert len([bad for _, _, bad in w.told if bad]) == 3


def test_what_others_keep_is_never_renewed_and_their_lateness_is_told() -> None:
    w = World()
    w.plugin.renews = False
    w.plugin.put("", 3600)
    w.keeper.tend()
    w.after(3100)
    assert w.plugin.renewed == []
    assert "nobody has renewed it" in w.told[0][1]
    w.plugin.put("", 3600)
    w.after(w.plugin.checktime)
    assert w.told[-1][2] is False


def test_one_per_ce_comes_and_goes_with_the_ces() -> None:
    w = World(per_ce=True)
    w.places = frozenset({"ce1", "ce2"})
    w.keeper.tend()
    assert w.plugin.renewed == ["ce1", "ce2"]
    w.places = frozenset({"ce2", "ce3"})
    w.keeper.tend()
    assert set(w.keeper.standings) == {"ce2", "ce3"}
    assert w.plugin.renewed == ["ce1", "ce2", "ce3"], "nothing is made twice"


def test_one_ce_that_fails_costs_no_other() -> None:
    w = World(per_ce=True)
    w.places = frozenset({"ce1", "ce2"})
    look = w.plugin.look

    def broken(variant: str):  # type: ignore[no-untyped-def]
        if variant == "ce1":
            raise OSError("input/output error")
        return look(variant)

    w.plugin.look = broken  # type: ignore[method-assign]
    w.keeper.tend()
    assert w.keeper.standings["ce2"].credential is not None
    assert "OSError" in w.keeper.standings["ce1"].error


def test_an_issuer_that_hangs_makes_no_ce_look_forgotten() -> None:
    """Each renewal runs into its time limit; all are looked at meanwhile, and what ends first is first."""
    w = World(per_ce=True)
    w.places = frozenset(f"ce{i:03}" for i in range(200))
    w.keeper.tend()
    asked: list[str] = []

    def hang(variant: str) -> None:
        asked.append(variant)
        w.clock.advance(30)
        raise RuntimeError("no answer within 30 s")

    for place in w.places:
        w.plugin.put(place, 700 if place == "ce123" else 3600)
    w.plugin.renew = hang  # type: ignore[method-assign]
    w.plugin.least = 100_000.0  # all are due
    w.clock.advance(w.plugin.checktime)
    for _ in range(60):
        w.after(TICK)
        looks = [w.clock.monotonic() - (s.looked or 0) for s in w.keeper.standings.values()]
        assert max(looks) < STALE / 2
    assert asked[0] == "ce123"
    assert len(set(asked)) > 100, "those that fail do not keep others from being tried"


def test_a_new_one_that_is_too_short_is_told_and_not_made_again_at_once() -> None:
    w = World()
    w.plugin.life = 300
    for _ in range(5):
        w.after(TICK)
    assert w.plugin.renewed == [""]
    assert "10 min are wanted" in w.told[0][1]


def test_a_file_that_changes_is_read_again_at_the_next_tick(tmp_path: Path) -> None:
    w = World()
    file = tmp_path / "t"
    w.plugin.renews, w.plugin.checktime = False, 1e6
    w.plugin.file = lambda variant: str(file)  # type: ignore[method-assign]
    w.plugin.put("", 100_000)
    file.write_text("a")
    w.keeper.tend()
    w.plugin.put("", 200_000)
    w.after(TICK)
    assert w.left == pytest.approx(100_000 - TICK)
    file.write_text("longer")
    w.after(TICK)
    assert w.left == pytest.approx(200_000 - 2 * TICK)


def test_renewing_by_hand_says_what_failed() -> None:
    w = World(per_ce=True)
    w.keeper.tend()
    assert w.keeper.renew() == {}
    assert w.plugin.renewed == ["ce1", "ce1"]
    w.plugin.fail = RuntimeError("down")
    assert "down" in w.keeper.renew()["ce1"]
    w.plugin.renews = False
    assert "others keep it" in w.keeper.renew()["ce1"]


def test_renewing_by_hand_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin of a third party that hangs must not keep one command after the other waiting."""
    monkeypatch.setattr(keeper, "BUSY", 0.01)
    w = World()
    w.keeper.tend()
    answers: list[dict[str, str]] = []
    with w.keeper._round:
        asking = threading.Thread(target=lambda: answers.append(w.keeper.renew()), daemon=True)
        asking.start()
        until(lambda: answers, "an answer")
    assert answers == [{"": "its round takes long: try again later"}]


def test_the_thread_ends_when_it_is_asked_to() -> None:
    w = World()
    w.keeper.start()
    until(lambda: w.keeper.tended)
    w.keeper.stop()
    until(lambda: not w.keeper.alive)


def test_a_renewal_that_hangs_delays_neither_stop_nor_what_is_asked() -> None:
    w = World()
    inside, go = threading.Event(), threading.Event()

    def hang(variant: str) -> None:
        inside.set()
        go.wait(60)

    w.plugin.renew = hang  # type: ignore[method-assign]
    w.keeper.start()
    assert inside.wait(30)
    w.keeper.stop()
    assert w.keeper.standings[""].error == "there is none", "asking returns at once"
    assert w.keeper.alive and not w.keeper.hangs
    w.clock.advance(STALE + 1)
    assert not w.keeper.alive, "another thread may take the profile over"
    assert "has not come back for 15 min" in w.keeper.hangs
    go.set()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(1, 2000), st.booleans()), max_size=40))
def test_it_never_lets_one_end_that_can_be_renewed(steps: list[tuple[float, bool]]) -> None:
    """Whatever fails in between: as soon as renewing works and a retry is due, what is there holds."""
    w = World()
    w.keeper.tend()
    for seconds, works in steps:
        w.plugin.fail = None if works else RuntimeError("no")
        w.after(seconds)
        standing = w.keeper.standings[""]
        if standing.words:
            assert w.told and w.told[-1][2], "nothing fails in silence"
    w.plugin.fail = None
    w.after(max(w.plugin.checktime, FIRST_RETRY) + timedelta(seconds=1).total_seconds())
    assert w.left >= w.plugin.least
    assert not w.keeper.standings[""].words
