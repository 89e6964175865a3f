import pytest

from autopyfactory.condor import suspension
from autopyfactory.condor.errors import Suspended
from autopyfactory.condor.suspension import Suspension
from autopyfactory.condor.target import Target


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

    monkeypatch.setattr(suspension.time, "monotonic", lambda: Clock.now)
    return Clock


def test_it_turns_away_until_its_time_is_over(clock):
    it = Suspension(Target("a"), 60)
    it.check()
    it.begin("counts exceeded 30 s")
    clock.now += 59.9
    assert it.active
    with pytest.raises(Suspended, match=r"counts exceeded 30 s, 59\.9 s ago"):
        it.check()
    clock.now += 0.2
    it.check()
    assert not it.active


def test_a_second_hang_starts_the_time_again(clock):
    it = Suspension(Target("a"), 60)
    it.begin("one")
    clock.now += 50
    it.begin("two")
    clock.now += 50
    assert it.active


def test_an_answer_ends_it(clock):
    it = Suspension(Target("a"), 60)
    it.begin("hang")
    it.end()
    it.check()
