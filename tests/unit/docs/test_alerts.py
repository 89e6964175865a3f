"""Alert rules and dashboards name metrics that exist; each alert says whose it is and where to read on."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as parse

TOP = Path(__file__).parents[3]
GOLDEN = TOP / "tests/unit/web/metrics.golden"
RULES = yaml.safe_load((TOP / "misc/prometheus/alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = TOP / "misc/grafana/autopyfactory.json"
PAGE = (TOP / "docs/metrics.md").read_text()


PROCESS = "autopyfactory_process_resident_memory_bytes"  # no golden number


def existing() -> dict[str, set[str]]:
    """Return the metrics that are served, with their labels."""
    found: dict[str, set[str]] = {}
    for family in parse(GOLDEN.read_text()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return {**found, "autopyfactory_scrape_duration_seconds": set()}


def named(text: str) -> set[str]:
    return set(re.findall(r"autopyfactory_\w+", text))


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r["alert"])
def test_an_alert_names_what_exists_and_whose_it_is(rule: dict[str, Any]) -> None:
    metrics = existing()
    assert named(rule["expr"])
    assert named(rule["expr"]) <= metrics.keys()
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["labels"]["owner"] in ("us", "site", "work", "credentials")
    anchor = rule["annotations"]["runbook_url"].removeprefix("docs/metrics.md#")
    assert f"### {rule['alert']}\n" in PAGE
    assert rule["alert"].lower() == anchor


def test_a_dashboard_is_what_is_generated_and_names_what_exists() -> None:
    spec = importlib.util.spec_from_file_location("generate", TOP / "misc/grafana/generate.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert DASHBOARD.read_text() == made.text(), "run misc/grafana/generate.py"
    board = json.loads(DASHBOARD.read_text())
    metrics = {*existing(), PROCESS}
    expressions = [t["expr"] for p in board["panels"] for t in p.get("targets", ())]
    assert len(expressions) > 15
    for text in expressions:
        assert named(text), text
        assert named(text) <= metrics, text
    for variable in board["templating"]["list"]:
        assert named(str(variable["query"])) <= metrics


def test_the_page_has_every_metric() -> None:
    text = PAGE
    for name in existing():
        stem = re.sub(r"_(total|bucket|sum|count|info)$", "", name)
        short = stem.removeprefix("autopyfactory")
        parts = [short[i:] for i, c in enumerate(short) if c == "_"]
        assert stem in text or any(f"`{part}" in text for part in parts), name
