"""Caps that queues share hold exactly, however many threads ask at once."""

from __future__ import annotations

import threading
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.reservations import Reservations
from autopyfactory.model.decision import Cap


def test_many_threads_never_exceed_the_cap_by_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.db")
    reservations = Reservations(ledger, lambda scope: 40 + ledger.unseen("s", 0))
    cap, granted = Cap("factory", 100, "MaxPerFactory"), []

    def ask(queue: str) -> None:
        for _ in range(10):
            grant = reservations.reserve(queue, "s", 7, [cap])
            if grant.intent is not None:
                granted.append(grant.intent.n)
                ledger.confirm(grant.intent, "1", grant.intent.n)

    threads = [threading.Thread(target=ask, args=(f"q{i}",)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sum(granted) == 60


def test_an_unknown_scope_grants_nothing(tmp_path: Path) -> None:
    grant = Reservations(Ledger(tmp_path / "l.db"), lambda scope: None).reserve(
        "q", "s", 5, [Cap("factory", 100, "MaxPerFactory")]
    )
    assert grant.intent is None
    assert grant.notes == ("MaxPerFactory: pilots in factory are not known",)


@settings(max_examples=50, deadline=None)
@given(
    active=st.integers(0, 200),
    asked=st.integers(0, 200),
    maxima=st.lists(st.integers(0, 200), max_size=3),
)
def test_grant_is_what_all_caps_leave(
    tmp_path_factory: object, active: int, asked: int, maxima: list[int]
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("l") / "l.db")  # type: ignore[attr-defined]
    caps = [Cap("factory", m, "X") for m in maxima]
    grant = Reservations(ledger, lambda scope: active).reserve("q", "s", asked, caps)
    expected = max(0, min([asked, *(m - active for m in maxima)]))
    assert (grant.intent.n if grant.intent else 0) == expected
    ledger.close()
