"""Curves: within their frame, with a gap where nothing is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.notify.trends import Point
from autopyfactory.web.drawing import HEIGHT, WIDTH, Drawing, drawing, rows
from autopyfactory.web.past import Curve

SINCE = datetime(2026, 11, 22, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=6)
counts = st.none() | st.integers(0, 10**9)
POINTS = st.lists(
    st.builds(
        Point, st.integers(0, 6 * 3600).map(lambda s: SINCE + timedelta(seconds=s)), counts, counts, counts,
        st.integers(0, 999),
    ),
    max_size=20,
).map(lambda points: tuple(sorted(points, key=lambda p: p.at)))  # fmt: skip


def coordinates(piece: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in piece.split())]


def line(drawn: Drawing, name: str) -> list[list[tuple[float, float]]]:
    return [coordinates(p) for one in drawn.lines if one.name == name for p in one.pieces]


@given(POINTS)
def test_every_known_count_is_a_point_within_the_frame(points: tuple[Point, ...]) -> None:
    drawn = drawing(Curve(SINCE, UNTIL, points))
    for name in ("ready", "pending", "running"):
        known = [getattr(p, name) for p in points if getattr(p, name) is not None]
        found = [pair for piece in line(drawn, name) for pair in piece]
        assert len(found) == len(known)
        assert [x for x, _ in found] == sorted(x for x, _ in found)
        for (x, y), value in zip(found, known, strict=True):
            assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT
            assert abs(y - HEIGHT * (1 - value / drawn.top)) < 0.1
        (last,) = (one.last for one in drawn.lines if one.name == name)
        assert last == (known[-1] if known else None)


def test_a_curve_by_hand() -> None:
    points = tuple(
        Point(SINCE + timedelta(hours=h), ready, 0, None, sent)
        for h, ready, sent in ((0, 0, 1), (1.5, 20, 0), (3, None, 0), (6, 10, 0))
    )
    drawn = drawing(Curve(SINCE, UNTIL, points))
    assert drawn.top == 20
    assert line(drawn, "ready") == [[(0, 120), (150, 0)], [(600, 60)]], "a gap where it was not known"
    assert line(drawn, "running") == []
    assert line(drawn, "sent")[0][0] == (0, 114)


def test_nothing_at_all_is_an_empty_frame() -> None:
    drawn = drawing(Curve(SINCE, SINCE, ()))
    assert drawn.top == 1
    assert all(one.pieces == () and one.last is None for one in drawn.lines)
    assert drawing(Curve(SINCE, SINCE, (Point(SINCE, 1),))).top == 1, "a span of no length"


@given(st.integers(0, 500), st.integers(1, 40))
def test_the_table_beside_it_is_short_newest_first_and_has_the_last(n: int, most: int) -> None:
    points = [Point(SINCE + timedelta(minutes=i)) for i in range(n)]
    chosen = rows(points, most)
    assert len(chosen) <= most
    assert chosen == sorted(chosen, key=lambda p: p.at, reverse=True)
    assert chosen[:1] == points[-1:]
    assert len(chosen) >= min(n, most // 2), "not fewer than there is room for"
