"""Advice on the order of a chain."""

from __future__ import annotations

from autopyfactory.plugins.sched.order import advice


def test_advice_on_the_order_of_a_chain():
    assert advice(["Ready", "Scale", "MinPerCycle", "MaxPerCycle", "StatusOffline", "MaxPending"]) == ()
    assert "MinPerCycle after StatusOffline" in advice(["Ready", "StatusOffline", "MinPerCycle"])[0]
    assert "Fixed ignores" in advice(["Ready", "Fixed"])[0]
    assert "Share belongs" in advice(["Ready", "MaxPending", "Share"])[0]
