"""`autopyfactory breakers`, of a running factory whose pilots go wrong: told, kept, and closed by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.factory.factory import Factory
from autopyfactory.model.ending import Ending
from patience import until
from place import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    try:
        yield made
    finally:
        made.stop()
        made.kill_pilots()


def fail(factory: Factory, queue: str, n: int = 5) -> None:
    """Let `n` pilots of `queue` end as those of /bin/false do."""
    now = time.time()
    began = {"queued": now - 9, "started": now - 1, "wall": 1.0}
    factory.book.endings.take(
        [
            Ending("ap", f"{i}.0", queue, queue, now, "failed", exit_code=1, **began)
            for i in range(n)
        ]
    )


def test_what_is_open_is_told_everywhere_kept_and_closed_by_hand(place: Place) -> None:
    place.configure(breaker__failures="4")
    factory = place.start()
    assert "all breakers are closed" in place.run("breakers").stdout
    fail(factory, "west")
    rows = until(lambda: [b for b in place.json("breakers")["breakers"] if b["open"]], "an open breaker")
    assert [(b["scope"], b["name"], b["bad"]) for b in rows] == [("queue", "west", 5)]
    assert "/bin/sleep: exit code 1" in rows[0]["words"]
    words = " ".join(place.run("breakers").stdout.split())
    assert "queue west" in words
    assert "open for" in words

    until(lambda: (q := factory.queues["west"].last) and q.breaker, "a cycle that knows")
    (row,) = [r for r in place.json("status")["queues"] if r["queue"] == "west"]
    assert row["problems"][0]["code"] == "breaker-open"
    assert row["problems"][0]["who"] == "us"
    story = place.json("why", "west")["story"]
    (cause,) = [c for c in story["causes"] if c["code"] == "breaker-open"]
    assert "5 of the last 5 pilots went wrong: 5 /bin/sleep: exit code 1" in cause["words"]
    assert "autopyfactory breakers close QUEUE" in cause["next"]
    assert "breaker-open" not in [c["code"] for c in place.json("why", "east")["story"]["causes"]]
    place.wait_kept("west", "the breaker opens")

    place.stop()
    factory = place.start()
    assert [b["name"] for b in place.json("breakers")["breakers"] if b["open"]] == ["west"], "a restart"

    assert "closed: CE " in place.run("breakers", "close", "west").stdout
    assert "no breaker was open for west" in place.run("breakers", "close", "west").stdout
    assert not any(b["open"] for b in place.json("breakers")["breakers"])
    until(lambda: (q := factory.queues["west"].last) and not q.breaker, "a cycle that knows")


def test_a_queue_may_do_without(place: Place) -> None:
    place.configure("[always]\nwmsqueue = west\nbreaker.enabled = False\n")
    factory = place.start()
    fail(factory, "always")
    fail(factory, "west")
    until(lambda: [b for b in place.json("breakers")["breakers"] if b["open"]], "the other's breaker")
    assert {b["name"] for b in place.json("breakers")["breakers"]} == {"west"}
    assert "no breaker stands in the way of always" in place.run("breakers", "close", "always", code=1).stderr


def test_nobody_answers(place: Place) -> None:
    result = place.run("breakers", code=1)
    assert "breakers are those of a running factory" in result.stderr
