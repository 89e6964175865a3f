"""`/metrics`: what the published view says, as Prometheus reads it. A scrape asks nobody.

Names and units are those of Prometheus: seconds, `_total` for counters, times and not ages. A series per
queue exists for a few numbers only; everything else is summed, or labelled by what there are few of.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from autopyfactory.accounting.tally import OUTCOMES
from autopyfactory.api.rows import QueueRow
from autopyfactory.model.text import printable
from autopyfactory.web.table import states
from autopyfactory.web.view import View

log = logging.getLogger("autopyfactory.web")

PREFIX = "autopyfactory"
PILOT_STATES = ("unsubmitted", "waiting", "held", "unseen", "running", "error")  # none of them counts twice
LONGEST = 200  # characters of a label


class FactoryCollector(Collector):
    """Turns a view into metrics."""

    def __init__(
        self, view: Callable[[], View], per_queue: str = "full", failures: Counter[str] | None = None
    ):
        """Collect from what `view` returns; `per_queue`: full, states or off; `failures` counts on."""
        self._view = view
        self._per_queue = per_queue
        self._failures = Counter[str]() if failures is None else failures

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand: registering must not ask the factory."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the current view."""
        began, view = time.perf_counter(), self._view()
        yield _gauge("up", "Whether the factory answered the web process", 1.0 if view.running else 0.0)
        yield _gauge(
            "view_timestamp_seconds", "When the factory was asked for what is shown here", view.at.timestamp()
        )
        for part in _parts(view, self._per_queue):
            try:
                yield from part
            except Exception:  # a defect of one part leaves the others their numbers
                log.exception("a part of the metrics cannot be made")
                self._failures["errors"] += 1
        yield _gauge(
            "scrape_duration_seconds", "How long this answer took to make", time.perf_counter() - began
        )
        yield _counter(
            "scrape_errors", "Parts of answers that could not be made", self._failures["errors"]
        )


def _parts(view: View, per_queue: str) -> Iterator[Iterator[Metric]]:
    """Yield what the metrics are made of, one after the other."""
    yield _queues(view.rows)
    if per_queue != "off":
        yield _pilots(view.rows)
    if per_queue == "full":
        yield _decisions(view.rows)
        yield _ended(view.rows)
    health = view.health
    if health is None:
        return
    yield _factory(health)
    yield _sources(health["sources"])
    yield _schedds(health["schedds"])
    yield _reporters(health)
    yield _cycles(health["cycles"])
    yield _caps(health["caps"])
    yield _troubled(health)
    yield _host(health)


def _queues(rows: Iterable[QueueRow]) -> Iterator[Metric]:
    rows = tuple(rows)
    family = GaugeMetricFamily(
        f"{PREFIX}_queues", "Queues by state and by what stands in their way", labels=["state", "cause"]
    )
    for (state, cause), n in sorted(states(rows).items()):
        family.add_metric([state, cause], n)
    yield family
    family = GaugeMetricFamily(f"{PREFIX}_pilots", "Pilots of all queues by state", labels=["state"])
    for state in PILOT_STATES:
        family.add_metric([state], sum(getattr(r, state) or 0 for r in rows))
    yield family
    yield _gauge("ready_jobs", "Jobs of all queues that are ready", sum(r.ready or 0 for r in rows))
    taken = GaugeMetricFamily(
        f"{PREFIX}_queue_acknowledged",
        "1 for a queue with problems that somebody has taken on, all of them; else absent",
        labels=["queue"],
    )
    for row in rows:
        if row.acknowledged and not row.news:
            taken.add_metric([_label(row.queue)], 1)
    yield taken
    yield _counter(
        "submitted_pilots", "Pilots that were sent, of all queues together", sum(r.sent or 0 for r in rows)
    )


def _pilots(rows: Iterable[QueueRow]) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        f"{PREFIX}_queue_pilots", "Pilots of a queue by state; absent: not known", labels=["queue", "state"]
    )
    for row in rows:
        for state in PILOT_STATES:
            if (n := getattr(row, state)) is not None:
                family.add_metric([_label(row.queue), state], n)
    yield family


_PER_QUEUE: tuple[tuple[str, str, Callable[[QueueRow], float | None]], ...] = (
    ("ready_jobs", "Jobs that are ready for a queue", lambda r: r.ready),
    ("asked_pilots", "Pilots that the last decision began with, before any limit", lambda r: r.asked),
    ("wanted_pilots", "What the rules of the queue left of it", lambda r: r.wanted),
    ("granted_pilots", "What limits wider than the queue left of that", lambda r: r.granted),
    ("decision_timestamp_seconds", "When the last cycle of a queue began",
     lambda r: r.at.timestamp() if r.at else None),
)  # fmt: skip


def _decisions(rows: Iterable[QueueRow]) -> Iterator[Metric]:
    rows = tuple(rows)
    for name, words, value in _PER_QUEUE:
        family = GaugeMetricFamily(f"{PREFIX}_queue_{name}", words, labels=["queue"])
        for row in rows:
            if (n := value(row)) is not None:
                family.add_metric([_label(row.queue)], n)
        yield family
    sent = CounterMetricFamily(
        f"{PREFIX}_queue_submitted_pilots", "Pilots ever sent for a queue", labels=["queue"]
    )
    info = GaugeMetricFamily(
        f"{PREFIX}_queue_state",
        "1 for the state that a queue is in and its cause",
        labels=["queue", "state", "cause"],
    )
    for row in rows:
        if row.sent is not None:
            sent.add_metric([_label(row.queue)], row.sent)
        info.add_metric([_label(row.queue), row.state, row.cause or "ok"], 1)
    yield sent
    yield info


def _ended(rows: Iterable[QueueRow]) -> Iterator[Metric]:
    family = CounterMetricFamily(
        f"{PREFIX}_queue_ended_pilots", "Pilots of a queue that ended, by how", labels=["queue", "outcome"]
    )
    for row in rows:
        for outcome in OUTCOMES:
            family.add_metric([_label(row.queue), outcome], row.ends.get(outcome, 0))
    yield family


def _host(health: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the room where the factory writes, and what it logged."""
    yield _each("room_bytes", "Bytes free where the factory writes", "tree",
                {r["tree"]: r["bytes"] for r in health["room"]})  # fmt: skip
    yield _each("room_inodes", "Files that can be made there", "tree",
                {r["tree"]: r["inodes"] for r in health["room"] if r["inodes"] is not None})  # fmt: skip
    yield _each("log_messages", "Lines that the factory logged", "level", health["log"], counter=True)


def _factory(health: Mapping[str, Any]) -> Iterator[Metric]:
    info = InfoMetricFamily(f"{PREFIX}_build", "The release that runs")
    info.add_metric(
        [], {"version": health["version"], "python": health["python"], "factory": health["factory"]}
    )
    yield info
    yield _gauge("start_timestamp_seconds", "When the factory was started", _time(health["started"]))
    yield _gauge(
        "ready", "Whether the factory can do its work, see /health/ready", 0 if health["problems"] else 1
    )
    submissions = health["submissions"]
    yield _gauge("intents_unresolved", "Submissions whose outcome is not known", submissions["unresolved"])
    yield _gauge("unresolved_pilots", "Pilots in these", submissions["pilots"])
    if submissions["oldest"] is not None:
        oldest = _time(health["at"]) - submissions["oldest"]
        yield _gauge("intents_oldest_timestamp_seconds", "When the oldest of these was begun", oldest)
    yield _gauge(
        "credential_problems", "Queues with a credential that is no good", len(health["credentials"])
    )
    yield from _profiles(health["profiles"])
    yield _gauge("queues_hanging", "Queues that stand still in a plugin", len(health["hanging"]))
    yield _counter("plugin_hangs", "Plugins that did not return in time", health["hangs"])


def _profiles(profiles: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    """Yield one value per profile: of its credentials (one per CE, it may be) the one that is worst off."""
    ends: dict[str, float] = {}
    good: dict[str, float] = {}
    for row in profiles:
        name = row["profile"]
        good[name] = min(good.get(name, 1.0), 0.0 if row["trouble"] else 1.0)
        if row["expires"]:
            ends[name] = min(ends.get(name, math.inf), _time(row["expires"]))
    yield _each("credential_expires_timestamp_seconds", "When a profile's credential ends", "profile", ends)
    yield _each("credential_ok", "Whether it can be used, and renewed in time", "profile", good)


def _sources(sources: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    rows = _merged(sources, "source")
    yield _each("source_last_success_timestamp_seconds", "When a source was asked for its last good answer",
                "source", {k: _time(s["answered"]) for k, s in rows.items() if s["answered"]})  # fmt: skip
    yield _each("source_usable_seconds", "Age from which on an answer is too old to act on", "source",
                {k: s["maxage"] for k, s in rows.items()})  # fmt: skip
    yield _each("source_fresh", "Whether its last answer may be acted on", "source",
                {k: 1.0 if s["fresh"] else 0.0 for k, s in rows.items()})  # fmt: skip
    yield _each("source_fetches", "Questions to a source", "source",
                {k: s["fetches"] for k, s in rows.items()}, counter=True)  # fmt: skip
    yield _each("source_fetch_failures", "Questions without an answer", "source",
                {k: s["failures"] for k, s in rows.items()}, counter=True)  # fmt: skip
    family = HistogramMetricFamily(
        f"{PREFIX}_source_fetch_duration_seconds", "How long questions to a source took", labels=["source"]
    )
    for name, s in rows.items():
        family.add_metric([name], _up_to(s["bounds"], s["buckets"]), sum_value=s["seconds"])
    yield family


def _schedds(schedds: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    rows = _merged(schedds, "schedd")
    yield _each("schedd_up", "Whether calls to a schedd are tried: 0 after one that hung", "schedd",
                {k: 0.0 if s["suspended"] else 1.0 for k, s in rows.items()})  # fmt: skip
    yield _each("schedd_jobs", "Jobs in its queue, everybody's", "schedd",
                {k: s["jobs"] for k, s in rows.items() if s["jobs"] is not None})  # fmt: skip
    limits = GaugeMetricFamily(
        f"{PREFIX}_schedd_job_limit", "Most jobs that it takes, by its setting", labels=["schedd", "setting"]
    )
    failures = CounterMetricFamily(
        f"{PREFIX}_schedd_call_failures", "Calls without an answer, or not tried", labels=["schedd", "kind"]
    )
    for name, s in rows.items():
        for setting, limit in s["limits"].items():
            limits.add_metric([name, setting], limit)
        for kind, n in s["failures"].items():
            failures.add_metric([name, kind], n)
    yield limits
    yield failures
    for field, metric, words in (
        ("calls", "schedd_calls", "Calls to it"),
        ("seconds", "schedd_call_seconds", "Time that these took together"),
        ("children", "schedd_children", "Processes that were started for these"),
    ):
        yield _each(metric, words, "schedd", {k: s[field] for k, s in rows.items()}, counter=True)


def _reporters(health: Mapping[str, Any]) -> Iterator[Metric]:
    rows = _merged(health["reporters"], "name")
    for field, name, words, counter in (
        ("queued", "reporter_queue_length", "Events that wait for a reporter", False),
        ("delivered", "reporter_delivered", "Events that were delivered", True),
        ("dropped", "reporter_dropped", "Events pushed out by newer ones", True),
        ("lost", "reporter_lost", "Events given up", True),
        ("failures", "reporter_delivery_failures", "Deliveries that failed", True),
    ):
        yield _each(name, words, "reporter", {k: r[field] for k, r in rows.items()}, counter=counter)


def _cycles(cycles: Mapping[str, Any]) -> Iterator[Metric]:
    family = HistogramMetricFamily(f"{PREFIX}_cycle_duration_seconds", "How long the cycles of queues took")
    family.add_metric([], _up_to(cycles["bounds"], cycles["buckets"]), sum_value=cycles["seconds"])
    yield family
    yield _each("cycles", "Cycles by outcome", "outcome", cycles["outcomes"], counter=True)


def _up_to(bounds: Iterable[float], buckets: Iterable[int]) -> list[tuple[str, float]]:
    """Return counts per bucket as Prometheus has them: up to each bound, and all."""
    up_to, found = 0, []
    for bound, n in zip([*map(str, map(float, bounds)), "+Inf"], buckets, strict=True):
        up_to += n
        found.append((bound, float(up_to)))
    return found


def _caps(caps: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    rows = _merged(caps, "scope")
    yield _each("cap_limit", "Most pilots in a scope that several queues share", "scope",
                {k: c["limit"] for k, c in rows.items()})  # fmt: skip
    yield _each("cap_used", "Pilots in it now", "scope",
                {k: c["used"] for k, c in rows.items() if c["used"] is not None})  # fmt: skip


def _troubled(health: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield what is stopped since pilots go wrong, and what is done about those that are held or lost."""
    family = GaugeMetricFamily(
        f"{PREFIX}_breaker_open_timestamp_seconds",
        "Since when a breaker is open: absent when it is closed",
        labels=["scope", "breaker"],
    )
    for b in health["breakers"]:
        family.add_metric([b["scope"], _label(b["breaker"])], b["since"])
    yield family
    yield _each("held_pilots", "Held pilots by kind of reason, see why", "kind", health["held"])
    treated = CounterMetricFamily(
        f"{PREFIX}_treated_pilots",
        "Held and lost pilots that were released or removed, since the factory's start",
        labels=["action", "kind"],
    )
    for t in health["treated"]:
        treated.add_metric([t["action"], t["kind"]], t["pilots"])
    yield treated


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", words, value=value)


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(f"{PREFIX}_{name}", words, value=value)


def _each(name: str, words: str, label: str, values: Mapping[str, float], *, counter: bool = False) -> Metric:
    kind = CounterMetricFamily if counter else GaugeMetricFamily
    family = kind(f"{PREFIX}_{name}", words, labels=[label])
    for key, value in values.items():
        family.add_metric([_label(key)], value)
    made: Metric = family
    return made


def _merged(rows: Iterable[Mapping[str, Any]], key: str) -> dict[str, Mapping[str, Any]]:
    """Return rows by label; two of one name get numbers, since a series exists once."""
    seen: Counter[str] = Counter()
    found = {}
    for row in rows:
        name = _label(str(row[key]))
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} #{seen[name]}"] = row
    return found


def _label(text: str) -> str:
    """Return `text` as a label. What is changed or cut gets a digest: different texts stay different."""
    plain = printable(text, LONGEST)
    if plain == text:
        return plain
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{printable(text, LONGEST - len(digest) - 1)}~{digest}"


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class Exposition:
    """Renders each view once per format, however many scrape."""

    def __init__(self, view: Callable[[], View], per_queue: str = "full"):
        self._view = view
        self._per_queue = per_queue
        self._failures = Counter[str]()
        self._lock = threading.Lock()
        self._number = -1
        self._made: dict[str, tuple[bytes, bytes]] = {}
        self._process = CollectorRegistry()
        ProcessCollector(namespace=f"{PREFIX}_web", registry=self._process)

    def render(self, accept: str, *, packed: bool) -> tuple[bytes, str]:
        """Return the body (packed with gzip, if wanted) and its content type for an Accept header."""
        encoder, kind = choose_encoder(accept)
        view = self._view()
        with self._lock:
            if view.number != self._number:
                self._number, self._made = view.number, {}
            if kind not in self._made:
                registry = CollectorRegistry()
                registry.register(FactoryCollector(lambda: view, self._per_queue, self._failures))
                registry.register(_Of(self._process))
                if view.health is not None:
                    pid = int(view.health["pid"])
                    ProcessCollector(namespace=PREFIX, pid=lambda: pid, registry=registry)
                body: bytes = encoder(registry)
                self._made[kind] = body, gzip.compress(body, 1)
            return self._made[kind][1 if packed else 0], kind


class _Of(Collector):
    """All that another registry collects."""

    def __init__(self, registry: CollectorRegistry):
        self._registry = registry

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        return self._registry.collect()
