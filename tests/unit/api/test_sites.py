"""What a site's administrator is shown: all queues together, reasons, nodes; no names and no secrets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.api import sites
from autopyfactory.api.commands import answer
from autopyfactory.api.rows import queue_row
from autopyfactory.breakers.registry import Key
from autopyfactory.condor.capacity import CAPACITIES, Capacity, Resource
from autopyfactory.condor.target import Target
from autopyfactory.control.server import CommandError
from autopyfactory.model.record import Fared, HeldGroup, Troubles
from autopyfactory.model.serialize import from_plain
from autopyfactory.pauses import Pause
from contracts.records import T0, cycle
from place import Place

HELD = HeldGroup("SYSCALL error: token=hunter2 is no good", 3, since=T0, example="12.0")
EAST = Troubles(
    T0, held=(HELD,), ce_down=2, ce_down_since=T0,
    fared=Fared(5, failed=4, empty=1, wasted_hours=2.5, hosts={"node7": 3}, checks={"cvmfs": 3}),
)  # fmt: skip
WEST = Troubles(
    T0, lost=(replace(HELD, count=5, since=None),), ce_down=1, ce_down_since=T0 - timedelta(hours=1),
    fared=Fared(2, failed=2, hosts={"node7": 1, "node8": 1}, failures={"unfit": 2}),
)  # fmt: skip


def test_the_queues_of_a_place_are_taken_together() -> None:
    seen = sites.state({"east": EAST, "west": WEST})
    assert [(s.queue, s.pilots, s.example) for s in (*seen.held, *seen.lost)] == [
        ("east", 3, "12.0"), ("west", 5, "12.0"),
    ]  # fmt: skip
    assert (seen.down_since, seen.waiting) == (T0 - timedelta(hours=1), 3)
    assert (seen.ended, seen.failed, seen.empty, seen.wasted_hours) == (7, 6, 1, 2.5)
    assert (seen.hosts, seen.checks, seen.failures) == ({"node7": 4, "node8": 1}, {"cvmfs": 3}, {"unfit": 2})
    assert "hunter2" not in repr(seen)
    assert sites.state({}) == sites.SiteState()


def paused() -> Any:
    pause = Pause("east", T0, reason="ann's cooling", by="ann")
    return queue_row("east", cycle("east", ready=5, held=2), pause=pause, acknowledged={"x": "by ann"})


def test_a_row_names_nobody() -> None:
    for row in (paused(), queue_row("q", None, state="broken", problem="password=hunter2 \x1b[31m")):
        safe = sites.safe_row(row)
        for secret in ("ann", "hunter2", "\x1b"):
            assert secret not in repr(safe)
    assert sites.safe_row(paused()).sentence == "paused by the operators of the factory"


def test_the_ticket_has_what_the_site_needs() -> None:
    seen = replace(sites.state({"east": EAST, "west": WEST}), breakers=("CE ce1, since then: 5 of 5 failed",))
    rows = [sites.safe_row(queue_row(f"q{i}", cycle(f"q{i}", ready=3, held=1))) for i in range(25)]
    text = sites.ticket("CE ce1", "f1", T0, rows, seen)
    for part in (
        "CE ce1, as the pilot factory f1 sees it at 20",
        "25 held",
        "The CE has not answered since",
        "3 held since",
        "for instance 12.0",
        "Of 7 pilots that ended in the last hour 6 failed",
        "By node: node7 4, node8 1.",
        "By check: cvmfs 3.",
        "Stopped: CE ce1",
        "- q0: ",
        "- and 5 more",
    ):
        assert part in text, part
    assert "hunter2" not in text
    assert "By node" not in sites.ticket("CE ce1", "f1", T0, rows, None)


def test_a_running_factory_tells_of_a_place(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = place.start()
    monkeypatch.setattr(factory.troubles, "of", lambda name: {"east": EAST, "west": WEST}.get(name))
    east = from_plain(sites.SiteState, answer(factory, "site", {"wmsqueue": "east"}))
    assert (len(east.held), east.ended) == (1, 5), "queue west is another place"
    assert from_plain(sites.SiteState, answer(factory, "site", {"ce": "nowhere"})) == sites.SiteState()
    for wrong in ({}, {"ce": ""}, {"ce": 5}):
        with pytest.raises(CommandError, match="missing"):
            answer(factory, "site", wrong)


def test_an_open_breaker_and_a_gridmanagers_limit_are_told() -> None:
    verdict = SimpleNamespace(words="5 of 5 failed, password=hunter2")
    key, another = Key("ce", "ce1"), Key("ce", "ce2")
    queue = SimpleNamespace(
        name="q", parts=SimpleNamespace(ce="ce1:9619, ce2:9619"),
        config=SimpleNamespace(options=SimpleNamespace(wmsqueue="w")),
        gates=tuple(SimpleNamespace(address=SimpleNamespace(ce=k.ce, keys=(k,))) for k in (key, another)),
    )  # fmt: skip
    breaker = SimpleNamespace(open=True, opened=T0.timestamp(), verdict=verdict)
    other = SimpleNamespace(open=True, opened=0.0, verdict=verdict)
    factory = SimpleNamespace(queues={"q": queue}, breakers=SimpleNamespace(
        known=lambda: {key: breaker, another: other}))  # fmt: skip
    CAPACITIES.note(Target("s"), Capacity(resources={"condor s1 ce1:9619": Resource(80, 100)}))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sites, "known_state", lambda f, n: SimpleNamespace(troubles=None))
            seen = sites.site(factory, {"ce": "ce1:9619"})  # type: ignore[arg-type]
            both = sites.site(factory, {"ce": "ce1:9619, ce2:9619"})  # type: ignore[arg-type]
            second = sites.site(factory, {"ce": "ce2:9619"})  # type: ignore[arg-type]
    finally:
        CAPACITIES.forget()
    (words,) = seen["breakers"]
    assert words.startswith("CE ce1, since 20")
    assert "hunter2" not in words
    assert seen["limits"] == ["the schedd s has 80 pilots there and lets 100 through at once"]
    assert (len(second["breakers"]), second["limits"]) == (1, []), "of several CEs each is a place"
    assert second["breakers"][0].startswith("CE ce2, since 1970")
    assert (len(both["breakers"]), both["limits"]) == (2, seen["limits"])
