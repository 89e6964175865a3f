"""What holds for every chain, whatever is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.decision import CycleInputs, EndedPilot, PastCycle, RecentPilots, decide
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.model.shares import Claim, divide
from autopyfactory.plugins.sched.adaptive import Adaptive
from autopyfactory.plugins.sched.maxpending import MaxPending
from autopyfactory.plugins.sched.maxtorun import MaxToRun
from autopyfactory.testing.sched import untruth
from schedkit import build

RULES = {e.name: e.load() for e in entry_points(group="autopyfactory.sched")}

count = st.integers(0, 5000)
limit = st.none() | st.integers(0, 300)
seconds = st.none() | st.floats(0, 1e6)

OPTIONS = {
    "Ready": {"sched.ready.offset": st.integers(-5, 50)},
    "Scale": {"sched.scale.factor": st.floats(0, 10)},
    "Fixed": {"sched.fixed.pilotspercycle": limit},
    "MaxPerCycle": {"sched.maxpercycle.maximum": limit},
    "MinPerCycle": {"sched.minpercycle.minimum": limit},
    "MinPending": {"sched.minpending.minimum": limit},
    "MaxPending": {
        "sched.maxpending.maximum": limit,
        "sched.maxpending.allow_negative": st.booleans(),
        "sched.maxpending.always": st.booleans(),
    },
    "MaxToRun": {"sched.maxtorun.maximum": limit},
    "KeepNRunning": {"sched.keepnrunning.keep_running": limit},
    "MaxPerFactory": {"maxperfactory.maximum": limit},
    "StatusTest": {"sched.statustest.pilots": st.integers(0, 50)},
    "StatusOffline": {"sched.statusoffline.pilots": st.integers(0, 50)},
    "KeepNQueueLife": {"sched.keepnqueuelife.njobs": limit},
    "MaxToSubmit": {"sched.maxtosubmit.maximum": limit},
    "MinToSubmit": {"sched.mintosubmit.minimum": limit},
    "MaxCores": {"sched.maxcores.maximum": limit, "sched.maxcores.pending": limit},
    "MaxMemory": {"sched.maxmemory.maximum": limit},
    "MaxPerCE": {"sched.maxperce.maximum": limit},
    "MaxGrowth": {"sched.maxgrowth.initial": st.integers(1, 9)},
    "Ramp": {"sched.ramp.initial": st.integers(1, 9)},
}

batches = st.builds(
    lambda pending, running, retiring: BatchQueueInfo(
        pending=pending, running=running, retiring=min(retiring, running)
    ),
    count,
    count,
    count,
)
histories = st.builds(
    RecentPilots,
    submitted_total=count,
    submitted=count,
    started=count,
    finished=count,
    short=count,
    failed=count,
    empty=count,
    start_latency=seconds,
    lifetime=seconds,
    ended=st.none()
    | st.lists(st.builds(EndedPilot, st.floats(0, 1e5), st.floats(0, 1e5)), max_size=5).map(tuple),
)
pasts = st.lists(st.builds(PastCycle, st.floats(1, 1e4), count, count, count, count), max_size=12).map(
    lambda ps: tuple(sorted(ps, key=lambda p: p.ago))
)
known = st.builds(
    CycleInputs,
    st.just("Q"),
    wms=st.builds(WMSQueueInfo, ready=count, running=count),
    batch=batches,
    site=st.builds(SiteInfo, status=st.sampled_from(["online", "test", "offline", ""])),
    history=histories,
    factory_active=count,
    now=st.integers(0, 10**7).map(lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s)),
    cores=st.integers(1, 64),
    memory_mb=st.integers(1, 64000),
    scope_active=st.builds(lambda n: {"ce": n}, count),
    past=pasts,
)


@st.composite
def rules(draw, names):
    name = draw(st.sampled_from(sorted(names)))
    texts = {k: draw(v) for k, v in OPTIONS.get(name, {}).items()}
    return build(RULES[name], **{k: v for k, v in texts.items() if v is not None})


any_rule = rules(RULES)
chains = st.lists(any_rule, max_size=6)


def within(rule, n, i):
    """Whether sending `n` keeps to the limit of `rule`."""
    o = rule.options
    if rule.name == "MaxPending":
        free = i.batch.pending == 0 and not o.always  # the exception that 2.4 makes on purpose
        return free or o.maximum is None or i.batch.pending + n <= o.maximum
    total = {
        "MaxPerCycle": 0,
        "MaxToRun": i.batch.active,
        "MaxPerFactory": i.factory_active,
        "MaxPerCE": i.scope_active["ce"],
        "MaxToSubmit": i.history.submitted_total,
    }
    if rule.name in total:
        return o.maximum is None or total[rule.name] + n <= o.maximum
    each = i.cores if rule.name == "MaxCores" else i.memory_mb
    return (o.maximum is None or (i.batch.active + n) * each <= o.maximum) and (
        o.pending is None or (i.batch.pending + n) * each <= o.pending
    )


CAPS = [
    "MaxPerCycle",
    "MaxPending",
    "MaxToRun",
    "MaxPerFactory",
    "MaxPerCE",
    "MaxToSubmit",
    "MaxCores",
    "MaxMemory",
]


@given(chains, st.lists(rules(CAPS), min_size=1, max_size=4), known)
def test_caps_at_the_end_of_a_chain_are_never_exceeded(chain, caps, i):
    n = decide([*chain, *caps], i).n
    assert n <= 0 or all(within(cap, n, i) for cap in caps)


@given(chains, chains, known, st.data())
def test_missing_information_never_sends_a_pilot(first, second, i, data):
    blind = data.draw(any_rule.filter(lambda r: r.needs))
    lacking = data.draw(st.sampled_from(sorted(blind.needs)))
    field = {"factory": "factory_active"}.get(lacking, lacking)
    poorer = CycleInputs(**{f: getattr(i, f) for f in i.__dataclass_fields__} | {field: None})
    assert decide([*first, blind, *second], poorer).n == 0


@given(
    st.lists(rules(["Scale", *CAPS, "MinPerCycle", "Throttle", "Ramp"]), max_size=6),
    known,
    st.integers(-500, 500),
)
def test_more_demand_never_means_fewer_pilots(chain, i, n):
    def through(number):
        for rule in chain:
            step = rule.calc(number, i)
            number = 0 if step.final else step.n_out
        return number

    assert through(n) <= through(n + 1)


@given(chains, known)
def test_a_decision_is_reproducible_and_explains_itself(chain, i):
    one, two = decide(chain, i), decide(chain, i)
    assert one == two
    assert all(step.reason and ",ret=" in step.message for step in one.steps)
    for before, after in zip(one.steps, one.steps[1:], strict=False):
        assert before.n_out == after.n_in


@given(any_rule, known, st.integers(-300, 300))
def test_what_a_rule_declares_is_true(rule, i, n):
    assert untruth(rule, n, i) is None


@given(any_rule, known, st.integers(0, 300), st.integers(1, 50))
def test_pilots_that_a_rule_subtracts_are_subtracted(rule, i, n, more):
    """More of the pilots that it declares make the number smaller; more of others change nothing."""
    said = rule.declaration
    if said.part not in ("starts", "targets") or rule.name == "Adaptive":  # that looks back, too
        return
    pending = replace(i, batch=replace(i.batch, pending=i.batch.pending + more))
    running = replace(i, batch=replace(i.batch, running=i.batch.running + more))
    ever = replace(i, history=replace(i.history, submitted_total=i.history.submitted_total + more))
    changed = {"pending": (pending, ever), "running": (running, ever), "ended": (ever,)}
    before = rule.calc(n, i).n_out
    for kind, cases in changed.items():
        after = [rule.calc(n, case).n_out for case in cases]
        assert min(after) < before or before <= 0 if kind in said.subtracts else after[0] == before


# --- Adaptive, also with a share ------------------------------------------------------------------

some = st.integers(0, 300)
counts = st.tuples(some, some, some, some, some, some)
seen = st.builds(
    lambda now, past, starts, part: CycleInputs(
        "Q",
        wms=WMSQueueInfo(ready=now[0], running=now[1]),
        batch=BatchQueueInfo(pending=now[2], running=now[3]),
        history=RecentPilots(start_latency=600.0, starts=tuple(sorted(starts))),
        past=tuple(PastCycle(60.0 * (i + 1), *c) for i, c in enumerate(past)),
        others_pending=now[4],
        others_running=now[5],
        share_lower=min(part),
        share_upper=max(part),
    ),
    counts,
    st.lists(counts, max_size=40),
    st.lists(st.floats(0, 3600), max_size=30),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
adaptive = st.builds(
    lambda payloads, reserve, few: build(
        Adaptive,
        **{
            "sched.adaptive.payloads": payloads,
            "sched.adaptive.reserve": reserve,
            "sched.adaptive.few": few,
        },
    ),
    st.sampled_from([1, 8]),
    st.sampled_from([0, 0.3, 2]),
    st.integers(0, 400),
)


@given(adaptive, seen, st.integers(0, 200))
def test_adaptive_keeps_within_caps_and_takes_back_only_what_is_pending(rule, i, most):
    caps = [build(MaxPending, **{"sched.maxpending.maximum": most, "sched.maxpending.always": True})]
    caps += [build(MaxToRun, **{"sched.maxtorun.maximum": 2 * most})]
    n = decide([rule, caps[0]], i).n
    assert n <= max(0, most - i.batch.pending)
    assert n >= -i.batch.pending
    n = decide([rule, *caps], i).n
    assert n <= 0 or i.batch.active + n <= 2 * most


@given(adaptive, seen, st.lists(st.floats(0.1, 9), min_size=1, max_size=5))
def test_queues_that_share_send_together_what_is_wanted(rule, i, weights):
    """With nothing pending, and no bound on a first or a full cycle, the parts add up to the demand."""
    past = tuple(replace(p, pending=0, others_pending=0) for p in i.past)
    batch = replace(i.batch, pending=0)
    alone = replace(i, batch=batch, past=past, others_pending=0, share_lower=0.0, share_upper=1.0)
    parts = divide({str(k): Claim(w) for k, w in enumerate(weights)})
    together = sum(
        rule.calc(0, replace(alone, share_lower=p.lower, share_upper=p.upper)).facts["target"]
        for p in parts.values()
    )
    assert together == rule.calc(0, alone).facts["target"]


@given(adaptive, seen)
def test_adaptive_takes_back_only_where_a_pilot_waits_or_no_job_is(rule, i):
    """Else a pilot that has started unseen may be the next to find a job, and its removal would kill it."""
    if rule.calc(0, i).n_out < 0:
        running = i.batch.running + i.others_running
        waits = rule.options.payloads * running > i.wms.running
        assert waits or (running, i.wms.ready, i.wms.running) == (0, 0, 0)
