"""How pilots ended, counted: each once, in its own hour, over restarts, and no more than is kept."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.accounting import tally
from autopyfactory.accounting.tally import DAY, HOUR, OUTCOMES, TallyStore, counted
from autopyfactory.model.ending import Account, Ending
from endingkit import T, Uptime, ended

UNFIT = ended(4, "failed", wall=600.0, account=Account("unfit", check="cvmfs"))
ENDINGS = [
    ended(1, wall=7200.0),
    ended(2),  # 3 s
    ended(3, "empty", wall=300.0),
    UNFIT,
    ended(5, "dropped", wall=0.0, started=None, hold_reason="no such proxy"),
    ended(6, "removed", wall=900.0),
    ended(7, "taken back", wall=0.0, started=None),
]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TallyStore:
    monkeypatch.setattr(tally.time, "time", lambda: T)
    return TallyStore(tmp_path / "tally.db")


def since(tmp_path: Path, hours: float) -> dict[str, tally.Tally]:
    return {t.queue: t for t in tally.since(tmp_path / "tally.db", hours, T)}


def test_each_kind_has_its_count(store: TallyStore, tmp_path: Path) -> None:
    store.note(ENDINGS)
    a = since(tmp_path, 2)["A"]
    assert (a.ended, a.well, a.short, a.empty, a.failed, a.removed) == (6, 1, 1, 1, 2, 1)
    assert (a.unstarted, a.unfit, a.held) == (1, 1, 1)
    assert (a.hours, a.wasted_hours) == ((7200 + 3 + 300 + 600 + 900) / 3600, 0.25)
    assert a.percent("failed") == pytest.approx(100 * 2 / 6)
    assert a.percent("wasted") == pytest.approx(100 * 900 / 9003)
    assert store.ends("A") == {"well": 1, "empty": 1, "short": 1, "failed": 2, "removed": 1}
    assert store.ends("B") == {}


def test_windows_hold_what_ended_in_them(store: TallyStore, tmp_path: Path) -> None:
    for hours in (0, 1, 30, 100, 167):
        store.note([ended(int(hours * HOUR) + n) for n in range(10)])
    assert {h: since(tmp_path, h)["A"].ended for h in (2, 24, 48)} == {2: 20, 24: 20, 48: 30}
    assert since(tmp_path, 168)["A"].ended == 50
    assert store.ends("A")["short"] == 50


def test_it_goes_on_after_a_restart(store: TallyStore, tmp_path: Path) -> None:
    store.note(ENDINGS)
    store.close()
    again = TallyStore(tmp_path / "tally.db")
    again.note(ENDINGS[:1])
    assert again.ends("A")["well"] == 2
    assert since(tmp_path, 2)["A"].ended == 7


def test_what_is_old_goes(store: TallyStore, tmp_path: Path) -> None:
    store.note([ended(20 * DAY, queue="old"), ended(3 * DAY, queue="days"), ended(1)])
    rows = sqlite3.connect(tmp_path / "tally.db").execute("SELECT width, queue FROM tally").fetchall()
    assert sorted(rows) == [(0, "A"), (0, "days"), (0, "old"), (HOUR, "A"), (DAY, "A"), (DAY, "days")]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_is_set_far_ahead_deletes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    clock, uptime = [T], Uptime()
    times = SimpleNamespace(time=lambda: clock[0], monotonic=lambda: uptime.at)
    monkeypatch.setattr(tally, "time", times)
    store = TallyStore(tmp_path / "tally.db", uptime.judge())
    store.note([ended(HOUR), ended(3 * DAY, queue="days")])
    if restarted:
        store.close()
        store = TallyStore(tmp_path / "tally.db", uptime.judge())
    uptime.at, clock[0] = tally.TIDY + 1, T + 30 * DAY
    store.note([ended(1)])
    uptime.at, clock[0] = 2 * tally.TIDY + 2, T + 2 * tally.TIDY + 2
    store.note([ended(0)])
    assert since(tmp_path, 2)["A"].ended == 3
    assert since(tmp_path, 168)["days"].ended == 1
    clock[0] += 30 * DAY
    for _ in range(2):  # the second is a day later, and nobody has contradicted
        uptime.at, clock[0] = uptime.at + DAY + 1, clock[0] + DAY + 1
        store.note([])
    assert since(tmp_path, 168) == {}


def test_a_clock_ahead_fills_no_hour_to_come(store: TallyStore, tmp_path: Path) -> None:
    store.note([ended(-10 * DAY)])
    assert since(tmp_path, 2)["A"].ended == 1


def test_a_file_that_cannot_be_used_costs_its_counts_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tally.db").write_bytes(b"no database at all" * 100)
    broken = TallyStore(tmp_path / "tally.db")
    broken.note(ENDINGS)
    assert broken.ends("A")["failed"] == 2, "those of this life"
    assert "not counted" in caplog.text
    with pytest.raises(OSError, match="cannot be read"):
        since(tmp_path, 2)
    with pytest.raises(OSError, match="No such file"):
        tally.since(tmp_path / "none.db", 2)
    assert not (tmp_path / "none.db").exists()


ANY = st.builds(
    lambda n, outcome, wall, held: ended(n, outcome, wall=wall, hold_reason=held),
    st.integers(0, 7000),
    st.sampled_from(["well", "empty", "failed", "dropped", "removed", "taken back"]),
    st.floats(0, 1e5),
    st.sampled_from(["", "held"]),
)


@given(st.lists(ANY, max_size=30))
def test_every_pilot_is_in_one_outcome_and_parts_are_no_more_than_the_whole(endings: list[Ending]) -> None:
    found = [one for e in endings if (one := counted(e)) is not None]
    assert len(found) == sum(e.outcome != "taken back" for e in endings)
    for t in tally.added(found).values():
        assert sum(getattr(t, name) for name in OUTCOMES) == t.ended == len(found)
        assert t.unstarted + t.unfit <= t.failed
        assert t.held <= t.ended
        assert t.wasted <= t.seconds * (1 + 1e-9)


def test_text_that_is_none_costs_itself_and_no_other(
    store: TallyStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.note([ended(1, queue="\ud800")])
    store.note([ended(2), ended(3)])
    assert since(tmp_path, 2)["A"].ended == 2
    assert "not counted for now" in caplog.text


def test_a_disk_that_is_full_for_a_while_is_told_once(
    store: TallyStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocker = sqlite3.connect(tmp_path / "tally.db", isolation_level=None)
    assert store._db is not None
    store._db.execute("PRAGMA busy_timeout=0")
    blocker.execute("BEGIN IMMEDIATE")
    for n in range(3):
        store.note([ended(n)])
    blocker.execute("ROLLBACK")
    blocker.close()
    store.note([ended(9)])
    assert len([r for r in caplog.records if "not counted for now" in r.getMessage()]) == 1
    assert (since(tmp_path, 2)["A"].ended, store.ends("A")["short"]) == (1, 4), "this life knows all of them"


@given(st.lists(ANY, max_size=20), st.integers(0, 20))
def test_in_one_piece_or_in_two_is_the_same(endings: list[Ending], cut: int) -> None:
    def summed(*parts: list[Ending]) -> dict[str, tally.Tally]:
        sums = [tally.added(t for e in part if (t := counted(e))) for part in parts]
        return tally.added(t for its in sums for t in its.values())

    whole, halves = summed(endings), summed(endings[:cut], endings[cut:])
    assert whole.keys() == halves.keys()
    for queue, t in whole.items():
        for name in tally.COUNTS:
            assert getattr(t, name) == pytest.approx(getattr(halves[queue], name))


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        (ended(1, wall=60.0), "well"),
        (ended(1, wall=59.9), "short"),
        (ended(1, "empty", wall=2.0), "empty"),
        (ended(1, "failed", wall=2.0), "failed"),
        (ended(1, "dropped", wall=2.0), "failed"),
        (ended(1, "removed", wall=2.0), "removed"),
    ],
)
def test_each_ending_is_of_one_kind(ending: Ending, name: str) -> None:
    one = counted(ending)
    assert one is not None
    assert {n for n in OUTCOMES if getattr(one, n)} == {name}


def test_whole_hours_and_whole_days_are_counted_from_their_beginning(
    store: TallyStore, tmp_path: Path
) -> None:
    """T is 22:26:40 UTC: the last two hours begin at 20:00."""
    edge = 2 * HOUR + 26 * 60 + 40
    store.note([ended(edge), ended(edge + 1)])
    assert since(tmp_path, 2)["A"].ended == 1
    assert since(tmp_path, 3)["A"].ended == 2
    day = 3 * DAY + int(T) % DAY  # midnight, three days ago
    store.note([ended(day, queue="d"), ended(day + 1, queue="d")])
    assert since(tmp_path, 72)["d"].ended == 1
    assert since(tmp_path, 96)["d"].ended == 2
