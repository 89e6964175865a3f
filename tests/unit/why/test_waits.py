"""How long is too long depends on the queue."""

from datetime import UTC, datetime, timedelta

from autopyfactory.why.waits import LEAST, UNKNOWN, patience, starved, usual

NOW = datetime(2026, 11, 22, 2, 20, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def test_patience_is_what_this_queue_usually_sees() -> None:
    assert patience([]) == patience([5.0] * 4) == UNKNOWN
    assert patience([5.0] * 5) == LEAST
    assert patience([1000.0] * 50) == 2000.0
    assert usual([5.0] * 99 + [4000.0]) == 5.0, "one that waited for long says little"
    assert usual([1.0]) is None


def test_nothing_starts() -> None:
    assert not starved(None, None, NOW, 180)
    assert not starved(ago(170), None, NOW, 180)
    assert starved(ago(190), None, NOW, 180)
    assert not starved(ago(190), ago(60), NOW, 180), "others do start"
    assert starved(ago(190), ago(150), NOW, 180)
