"""Whatever a record holds, a story comes of it: explaining must never be what fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.decision import CycleInputs, Decision, Step
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.model.record import CycleRecord, HeldGroup, Sent, Troubles
from autopyfactory.model.serialize import from_plain, to_full, to_plain
from autopyfactory.pauses import Pause
from autopyfactory.why import LiveState, explain
from autopyfactory.why.render import render

texts = st.text(max_size=40)
counts = st.integers(0, 10**6)
times = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
held = st.builds(HeldGroup, texts, counts, st.integers(0, 60), st.none() | times, texts)
troubles = st.builds(
    Troubles,
    times,
    held=st.lists(held, max_size=3).map(tuple),
    lost=st.lists(held, max_size=2).map(tuple),
    ce_down=counts,
    ce_down_since=st.none() | times,
    ce=st.sampled_from(["", "condor a b:1", "arc", "x", "batch slurm"]) | texts,
    oldest_pending=st.none() | times,
    error=st.none() | texts,
)
inputs = st.builds(
    CycleInputs,
    texts,
    wms=st.none() | st.builds(WMSQueueInfo, ready=counts, running=counts),
    batch=st.none() | st.builds(BatchQueueInfo, pending=counts, running=counts, held=counts),
    site=st.none() | st.builds(SiteInfo, texts, texts),
)
names = st.sampled_from(["Ready", "MaxPending", "StatusOffline", "Downtime"]) | texts
steps = st.builds(Step, names, st.integers(-99, 99), st.integers(-99, 99), texts, final=st.booleans())
decisions = st.lists(steps, max_size=4).map(lambda s: Decision(s[-1].n_out if s else 0, tuple(s)))
gates = (
    st.sampled_from(["WMS status 9 s old", "no batch status from x", "batch status is doubtful: y"]) | texts
)
records = st.builds(
    CycleRecord,
    texts,
    counts,
    times,
    st.sampled_from(["sent", "nothing", "held back", "paused", "retired", "failed", "of a later release"]),
    texts,
    inputs=st.none() | inputs,
    ages=st.dictionaries(st.sampled_from(["wms", "batch"]), st.floats(0, 1e6)),
    gate=st.lists(gates, max_size=3).map(tuple),
    decision=st.none() | decisions,
    caps=st.lists(texts, max_size=2).map(tuple),
    sent=st.lists(
        st.builds(Sent, texts, texts, texts, counts, st.none() | texts, error=st.none() | texts), max_size=2
    ).map(tuple),
    errors=st.dictionaries(st.sampled_from(["wms", "batch"]), texts),
    pause=st.none() | texts,
    unresolved=st.lists(gates, max_size=2).map(tuple),
    breaker=st.none() | texts,
    credential=st.none() | texts,
    troubles=st.none() | troubles,
)
states = st.builds(
    LiveState,
    times,
    running=st.booleans(),
    configured=st.none() | st.booleans(),
    enabled=st.none() | st.booleans(),
    period=st.none() | st.floats(0.1, 1e5),
    pause=st.none()
    | st.builds(Pause, texts, times, st.sampled_from(["paused", "draining"]), st.none() | times),
    troubles=st.none() | troubles,
)


@given(st.lists(records, max_size=4), st.none() | states)
def test_a_story_comes_of_anything(cycles: list[CycleRecord], live: LiveState | None) -> None:
    cycles.sort(key=lambda r: r.started)
    now = (cycles[-1].started if cycles else datetime(2026, 1, 1, tzinfo=UTC)) + timedelta(seconds=5)
    story = explain(cycles, live, queue="q", now=now)
    assert story.headline
    assert render(story)
    json.dumps(to_full(story))
    assert sum(run.cycles for run in story.runs) == len(cycles)
    if not story.submitted and cycles and cycles[-1].outcome in ("held back", "failed") and cycles[-1].gate:
        assert story.codes


@given(states)
def test_what_is_known_now_survives_the_socket(live: LiveState) -> None:
    again = from_plain(LiveState, json.loads(json.dumps(to_plain(live))))
    assert to_plain(again) == to_plain(live)
