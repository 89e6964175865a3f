"""What happens when."""

from __future__ import annotations

from autopyfactory.simulate.agenda import Agenda


def test_calls_are_made_in_time_and_in_the_order_asked_for():
    agenda, made = Agenda(), []
    agenda.at(5, made.append, "b")
    agenda.at(3, made.append, "a")
    agenda.at(5, made.append, "c")
    agenda.at(9, made.append, "late")
    agenda.run(9)
    assert (made, agenda.now) == (["a", "b", "c"], 9)
    agenda.run(9.1)
    assert made[-1] == "late"


def test_a_call_may_ask_for_more():
    agenda, made = Agenda(), []

    def again(n):
        made.append(agenda.now)
        if n:
            agenda.after(10, again, n - 1)

    agenda.after(1, again, 2)
    agenda.run(100)
    assert made == [1, 11, 21]
