"""`/metrics`: what Prometheus reads, name by name; a change of a name is a change of this file."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

import webkit
from autopyfactory.api.rows import queue_row
from autopyfactory.web import metrics
from autopyfactory.web.metrics import Exposition
from autopyfactory.web.view import View, look
from contracts.records import cycle

GOLDEN = Path(__file__).with_name("metrics.golden")
CHANGING = re.compile(r"^autopyfactory_(scrape_duration_seconds|(web_)?process_\w+) .*\n", re.MULTILINE)


def text(view: View, per_queue: str = "full", accept: str = "") -> str:
    return Exposition(lambda: view, per_queue).render(accept, packed=False)[0].decode()


@pytest.fixture
def view(tmp_path: Path) -> View:
    return look(webkit.FakeAccess(tmp_path))


def test_the_metrics_are_those_that_are_promised(view: View) -> None:
    assert CHANGING.sub("", text(view)) == GOLDEN.read_text()


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
def test_the_client_library_reads_them_and_names_keep_the_rules(view: View, accept: str) -> None:
    said = text(view, accept=accept)
    families = list((parse_openmetrics if accept else parse)(said))
    assert len(families) > 30
    names = [f.name for f in families]
    assert len(names) == len(set(names))
    for family in families:
        assert family.documentation, family.name
        assert not family.name.startswith("autopyfactory_autopyfactory")
        if family.type == "counter":
            assert all(s.name.endswith(("_total", "_created")) for s in family.samples)
        assert not re.search(r"_(ms|minutes|percent|age)(_|$)", family.name), "base units, and times not ages"


def test_no_label_holds_free_text(view: View) -> None:
    labels = {name for f in parse(text(view)) for s in f.samples for name in s.labels}
    assert labels <= {
        *("queue", "state", "cause", "source", "schedd", "reporter", "outcome", "scope", "le"),
        *("version", "python", "factory", "profile"),
        *("breaker", "kind", "action", "tree", "level", "setting"),
    }


def many(n: int) -> View:
    rows = tuple(
        queue_row(f"SITE_{i:05d}-ce{i % 4}", cycle(f"SITE_{i:05d}", ready=i % 50, held=i % 3), sent=i)
        for i in range(n)
    )
    return View("f1", webkit.AT, 1, True, rows, webkit.status(()), webkit.health())


@pytest.mark.parametrize(("per_queue", "most"), [("full", 18), ("states", 6), ("off", 0)])
def test_series_per_queue_keep_to_a_budget(per_queue: str, most: int) -> None:
    def series(n: int) -> int:
        return sum(len(f.samples) for f in parse(text(many(n), per_queue)))

    assert series(1000) - series(100) == 900 * most


def test_a_view_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    view = many(200)
    exposition = Exposition(lambda: view)
    first = exposition.render("", packed=False)[0]
    assert exposition.render("", packed=False)[0] is first
    assert exposition.render("", packed=True)[0] != first


def test_without_a_factory_it_is_down_and_nothing_is_made_up(tmp_path: Path) -> None:
    said: Any = look(webkit.FakeAccess(tmp_path, answers={}))
    samples = {s.name: s.value for f in parse(text(said)) for s in f.samples}
    assert samples["autopyfactory_up"] == 0
    assert "autopyfactory_ready" not in samples
    assert time.time() - samples["autopyfactory_view_timestamp_seconds"] < 3600


def test_a_part_that_cannot_be_made_costs_no_other_and_is_counted(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> Iterator[Metric]:
        yield Metric("autopyfactory_some", "some", "gauge")
        raise ZeroDivisionError

    monkeypatch.setattr(metrics, "_schedds", broken)
    exposition = Exposition(lambda: view)
    for _ in range(2):
        said = exposition.render("", packed=False)[0].decode()
    samples = {s.name: s.value for f in parse(said) for s in f.samples}
    assert samples["autopyfactory_scrape_errors_total"] == 1, "once a view"
    assert "autopyfactory_schedd_up" not in samples
    assert {"autopyfactory_cycle_duration_seconds_sum", "autopyfactory_room_bytes"} <= samples.keys()


@given(st.lists(st.text(max_size=300) | st.text("ab", min_size=195, max_size=300), unique=True, max_size=8))
@example(["a" * 300 + "x", "a" * 300 + "y", "a b", "a  b", "a\tb", "a\x1b", "a\\x1b"])
def test_labels_of_different_texts_are_different_and_bounded(texts: list[str]) -> None:
    labels = [metrics._label(text) for text in texts]
    assert len(set(labels)) == len(texts)
    assert all(len(label) <= metrics.LONGEST and "\n" not in label for label in labels)


def test_a_usual_name_is_a_label_as_it_is() -> None:
    assert metrics._label("ANALY_CERN-1/grid") == "ANALY_CERN-1/grid"
