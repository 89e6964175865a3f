"""What a running factory knows of a queue at this moment, and what it must not claim."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.api.live import _others, live_state, queue_troubles
from autopyfactory.model.info import WMSQueueInfo
from place import Place


@pytest.fixture
def factory(place: Place) -> Any:
    made = place.made()
    yield made
    made.shutdown(1)


@pytest.mark.parametrize(
    ("queue", "configured", "enabled"),
    [("east", True, True), ("off", True, False), ("wrong", True, None), ("nobody", False, None)],
)
def test_a_queue_that_does_not_run_has_no_period_no_ce_and_its_errors(
    factory: Any, queue: str, configured: bool, enabled: bool | None
) -> None:
    found = live_state(factory, queue, ask=1)
    assert (found.configured, found.enabled) == (configured, enabled)
    assert (found.period, found.ce, found.target, found.others) == (None, "", "", ())
    assert bool(found.problems) == (queue == "wrong")


def test_a_failure_to_start_is_a_problem_of_the_queue(place: Place) -> None:
    place.configure(batchstatus__exec__sleep="1")
    factory = SimpleNamespace(
        configuration=place.made().configuration,
        queues={},
        failures={"east": SimpleNamespace(text="no disk")},
        clock=SimpleNamespace(now=lambda: None),
        pauses=SimpleNamespace(get=lambda name, now: None),
        credential_choice=lambda name: None,
        troubles=SimpleNamespace(of=lambda name: None, credential=lambda name: None),
    )
    assert live_state(factory, "east", ask=1).problems == ("no disk",)  # type: ignore[arg-type]
    assert live_state(factory, "west", ask=1).problems == ()  # type: ignore[arg-type]


def test_what_a_running_queue_does(place: Place) -> None:
    factory = place.start()
    place.run("pause", "west", "--reason", "cooling")
    east, west = (live_state(factory, name, ask=1) for name in ("east", "west"))
    assert (east.running, east.period, east.pause, east.troubles) == (True, 0.2, None, None)
    assert west.pause is not None
    assert west.pause.reason == "cooling"
    assert queue_troubles(factory.configuration, "east", ask=1) is None, "it has no schedd"


@pytest.mark.parametrize(
    ("wmsqueue", "known", "others"),
    [
        ("caped", {"capped": WMSQueueInfo(ready=1), "ANY": WMSQueueInfo(ready=1)}, ("capped",)),
        ("capped", {"capped": WMSQueueInfo()}, ()),
        (None, {"capped": WMSQueueInfo()}, ()),
        ("caped", None, ()),
    ],
)
def test_names_of_other_queues_are_offered_only_when_its_own_is_unknown(
    wmsqueue: str | None, known: Any, others: tuple[str, ...]
) -> None:
    snapshot = None if known is None else SimpleNamespace(data=SimpleNamespace(queues=known))
    queue = SimpleNamespace(
        parts=SimpleNamespace(wms_source=SimpleNamespace(state=SimpleNamespace(snapshot=snapshot))),
        config=SimpleNamespace(options=SimpleNamespace(wmsqueue=wmsqueue)),
    )
    assert _others(queue) == others  # type: ignore[arg-type]
