"""What is remembered of single pilots becomes the numbers that rules use."""

from autopyfactory.accounting.lately import NOTHING, WINDOW, Memory
from autopyfactory.accounting.recent import recent_pilots
from autopyfactory.model.ending import Account, Start
from endingkit import T, ended, remembered


def test_numbers() -> None:
    memory = Memory()
    memory.started([Start("1.0", "A", T - 100, 10), Start("1.1", "A", T - 90, 30)])
    quiet = {"started": None}
    memory.ended([
        ended(50, wall=40, **quiet),
        ended(40, wall=600, **quiet),
        ended(30, "failed", wall=20, account=Account("unfit", check="cvmfs"), **quiet),
        ended(20, "empty", wall=88, **quiet),
        ended(10, "removed", wall=0, **quiet),  # before it ran
        ended(5, "taken back", wall=0, **quiet),
    ])  # fmt: skip
    r = recent_pilots(memory.of("A"), T, total=50, submitted=7)
    assert (r.submitted_total, r.submitted) == (50, 7)
    assert (r.started, r.finished, r.short, r.failed, r.empty) == (2, 5, 1, 2, 1)
    assert (r.failures, r.wasted_hours) == ({"unfit": 1}, 0.03)
    assert (r.start_latency, r.lifetime) == (30, 64)  # a bound: two pilots do not tell the median
    assert r.starts == (90, 100)
    assert r.ended is not None
    assert [(e.started_ago, e.wall) for e in r.ended] == [(108, 88), (50, 20), (640, 600), (90, 40)]


def test_an_ended_pilot_has_started_once() -> None:
    memory = Memory()
    memory.started([Start("17.5", "A", T - 8, 7, ended(5).tag)])
    memory.ended([ended(5)])
    memory.started([Start("17.5", "A", T - 8, 7, ended(5).tag)])
    r = recent_pilots(memory.of("A"), T, total=1, submitted=1)
    assert (r.started, r.starts) == (1, (8,))


def test_what_is_older_than_the_window_does_not_count() -> None:
    lately = remembered(ended(10))
    assert recent_pilots(lately, T, total=1, submitted=1).finished == 1
    assert recent_pilots(lately, T + WINDOW, total=1, submitted=1).finished == 0


def test_a_queue_without_pilots() -> None:
    r = recent_pilots(NOTHING, T, total=0, submitted=0)
    assert (r.started, r.finished, r.start_latency, r.ended) == (0, 0, None, ())
