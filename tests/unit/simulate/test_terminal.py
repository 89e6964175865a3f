"""Charts of characters."""

from __future__ import annotations

from autopyfactory.simulate import terminal


def test_area_charts():
    assert terminal.area([0, 4, 8], height=1) == [" ▄█"]
    assert terminal.area([0, 8, 16], height=2) == ["  █", " ██"]
    assert terminal.area([0] * 99 + [5], width=10, height=1) == ["         █"]
