"""What a running factory knows of a queue at this moment, and what it must not claim."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.api import live
from autopyfactory.api.live import _others, _served, known_state, live_state, queue_troubles
from autopyfactory.credentials.pilotfiles import Fault
from autopyfactory.model.info import WMSQueueInfo
from autopyfactory.model.record import Troubles
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
        profile_users=SimpleNamespace(choice=lambda name: None),
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


def test_names_that_other_queues_serve_are_told_apart() -> None:
    queues = {n: SimpleNamespace(config=SimpleNamespace(options=SimpleNamespace(wmsqueue=n))) for n in "ab"}
    factory: Any = SimpleNamespace(queues=queues)
    assert _served(factory, ("a", "c")) == ("a",)
    assert _served(factory, ()) == ()


def known_factory(**changes: Any) -> Any:
    """A factory with one queue, of which only what `live` looks at is there."""
    options = SimpleNamespace(sleep=60.0, enabled=True, wmsqueue="east")
    config = SimpleNamespace(options=options)
    submit = SimpleNamespace(describe=lambda *a: {})
    routes = (SimpleNamespace(submit=submit),)
    parts = SimpleNamespace(routes=routes, wms_source=None, ce="ce1:9619", target="ap@c")
    queue = SimpleNamespace(config=config, gates=(), hangs="", parts=parts)
    made = SimpleNamespace(
        configuration=SimpleNamespace(
            queues={"east": config}, broken={}, factory=SimpleNamespace(enable_queues=True, factory_id="f")
        ),
        queues={"east": queue},
        failures={},
        clock=SimpleNamespace(now=lambda: T0),
        pauses=SimpleNamespace(get=lambda name, now: None),
        profile_users=SimpleNamespace(choice=lambda name: None),
        troubles=SimpleNamespace(
            of=lambda name: SEEN, credential=lambda name: None, told=lambda name, found: found
        ),
    )
    vars(made).update(changes)
    return made


T0 = datetime(2026, 11, 22, 2, tzinfo=UTC)
SEEN, ASKED = Troubles(T0, ce_down=1), Troubles(T0, ce_down=2)


@pytest.mark.parametrize(("ask", "told"), [(0.0, SEEN), (5.0, ASKED)])
def test_a_schedd_is_asked_only_when_it_may_take_time(
    monkeypatch: pytest.MonkeyPatch, ask: float, told: Troubles
) -> None:
    asked: list[float] = []

    def troubles(configuration: Any, name: str, *, ask: float) -> Troubles:
        asked.append(ask)
        return ASKED

    monkeypatch.setattr(live, "queue_troubles", troubles)
    assert live_state(known_factory(), "east", ask=ask).troubles is told
    assert asked == ([ask] if ask else [])


def test_the_master_switch_switches_every_queue_off() -> None:
    factory = known_factory()
    assert known_state(factory, "east").enabled is True
    factory.configuration.factory.enable_queues = False
    assert known_state(factory, "east").enabled is False


def test_what_the_choice_of_a_credential_says_comes_before_what_files_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults = [Fault("expired", "the token has expired"), Fault("missing", "no /x/wrapper", False)]
    monkeypatch.setattr(live, "of_plugin", lambda plugin, now: iter(faults))
    found = live_state(known_factory(), "east", ask=0)
    assert (found.credential, found.missing) == ("the token has expired", ("no /x/wrapper",))
    choice = SimpleNamespace(words="no profile is valid", profile=None)
    users = SimpleNamespace(choice=lambda name: choice)
    chosen = live_state(known_factory(profile_users=users), "east", ask=0)
    assert chosen.credential == "no profile is valid"


def test_the_files_for_each_ce_of_a_queue_are_looked_at(tmp_path: Path) -> None:
    factory = known_factory()
    paths = [tmp_path / name for name in ("a", "b", "a")]
    factory.queues["east"].parts.routes = [
        SimpleNamespace(submit=SimpleNamespace(describe=lambda *_, path=path: {"scitokens_file": str(path)}))
        for path in paths
    ]
    told = live_state(factory, "east", ask=0).credential
    assert told == "; ".join(f"there is no file {path} on this host" for path in paths[:2])


@pytest.mark.parametrize(
    ("endings", "error", "calls"),
    [
        (False, "", ["troubles", "probed"]),
        (True, "", ["troubles", "endings", "probed"]),
        (True, "the schedd is down", ["troubles", "probed"]),  # its history would not answer either
    ],
)
def test_who_has_ended_is_asked_of_a_schedd_that_answers(
    monkeypatch: pytest.MonkeyPatch, endings: bool, error: str, calls: list[str]
) -> None:
    made: list[str] = []

    def step(name: str) -> Any:
        def call(*given: Any) -> Troubles:
            made.append(name)
            return Troubles(T0, error=error)

        return call

    monkeypatch.setattr(live, "targets_of", lambda config: ("ap@c",))
    monkeypatch.setattr(live, "reporting_client", lambda target: object())
    for name, attribute in (("troubles", "troubles"), ("endings", "with_endings"), ("probed", "probed")):
        monkeypatch.setattr(live, attribute, step(name))
    queue_troubles(known_factory().configuration, "east", ask=3, endings=endings)
    assert made == calls


def test_of_a_queue_that_is_not_configured_no_schedd_is_known() -> None:
    assert queue_troubles(known_factory().configuration, "eats", ask=3) is None
