"""Writes autopyfactory.json, the dashboard for Grafana: `python misc/grafana/generate.py`."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HERE_ONLY = 'instance=~"$instance"'
WIDTH, HEIGHT = 8, 8  # of a panel; a row is 24 wide

# row: (title, unit, expression with {i} for the chosen factories, legend)
ROWS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "Health": (
        ("Ready", "bool_on_off", "autopyfactory_ready{i}", "{{instance}}"),
        (
            "Queues by what stands in their way",
            "short",
            "sum by (cause) (autopyfactory_queues{i})",
            "{{cause}}",
        ),
        ("Unresolved submissions", "short", "autopyfactory_intents_unresolved{i}", "{{instance}}"),
    ),
    "Demand and supply": (
        ("Jobs ready", "short", "sum(autopyfactory_ready_jobs{i})", "ready"),
        ("Pilots by state", "short", "sum by (state) (autopyfactory_pilots{i})", "{{state}}"),
        (
            "Pilots sent per minute",
            "short",
            "sum(rate(autopyfactory_submitted_pilots_total{i}[10m])) * 60",
            "sent",
        ),
    ),
    "Queues with the most to do": (
        ("Jobs ready", "short", "topk(10, autopyfactory_queue_ready_jobs{i})", "{{queue}}"),
        (
            "Failed or empty in an hour",
            "short",
            "topk(10, sum by (queue) (increase("
            'autopyfactory_queue_ended_pilots_total{{outcome=~"failed|empty",i}}[1h])))',
            "{{queue}}",
        ),
        ("Pilots held", "short", 'topk(10, autopyfactory_queue_pilots{{state="held",i}} > 0)', "{{queue}}"),
        (
            "Sent in an hour",
            "short",
            "topk(10, increase(autopyfactory_queue_submitted_pilots_total{i}[1h]))",
            "{{queue}}",
        ),
    ),
    "One queue": (
        ("Pilots", "short", 'autopyfactory_queue_pilots{{queue="$queue",i}}', "{{state}}"),
        ("Asked", "short", 'autopyfactory_queue_asked_pilots{{queue="$queue",i}}', "asked"),
        ("Granted", "short", 'autopyfactory_queue_granted_pilots{{queue="$queue",i}}', "granted"),
    ),
    "What it depends on": (
        (
            "Age of sources",
            "s",
            "time() - autopyfactory_source_last_success_timestamp_seconds{i}",
            "{{source}}",
        ),
        (
            "Failing questions",
            "percentunit",
            "rate(autopyfactory_source_fetch_failures_total{i}[10m])"
            " / rate(autopyfactory_source_fetches_total{i}[10m])",
            "{{source}}",
        ),
        ("Schedds", "bool_on_off", "autopyfactory_schedd_up{i}", "{{schedd}}"),
        (
            "Shared caps, used",
            "percentunit",
            "autopyfactory_cap_used{i} / autopyfactory_cap_limit{i}",
            "{{scope}}",
        ),
        ("Bad credentials", "short", "autopyfactory_credential_problems{i}", "{{instance}}"),
        (
            "Credentials end in",
            "s",
            "autopyfactory_credential_expires_timestamp_seconds{i} - time()",
            "{{profile}}",
        ),
        ("Reports that wait", "short", "autopyfactory_reporter_queue_length{i}", "{{reporter}}"),
    ),
    "The factory itself": (
        (
            "Cycle, 95 % shorter than",
            "s",
            "histogram_quantile(0.95,"
            " sum by (le) (rate(autopyfactory_cycle_duration_seconds_bucket{i}[10m])))",
            "p95",
        ),
        (
            "Cycles by outcome",
            "short",
            "sum by (outcome) (rate(autopyfactory_cycles_total{i}[10m]))",
            "{{outcome}}",
        ),
        ("Room, bytes", "bytes", "autopyfactory_room_bytes{i}", "{{tree}}"),
        (
            "Warnings and errors logged per minute",
            "short",
            "sum by (level) (rate(autopyfactory_log_messages_total{i}[10m])) * 60",
            "{{level}}",
        ),
        ("Memory", "bytes", "autopyfactory_process_resident_memory_bytes{i}", "{{instance}}"),
        ("Making /metrics", "s", "autopyfactory_scrape_duration_seconds{i}", "{{instance}}"),
    ),
}


def expression(text: str) -> str:
    """Return `text` with the choice of factories in it: `{i}` alone, or `{{name="x",i}}` beside others."""
    return text.replace(",i}}", f",{HERE_ONLY}}}").replace("{{", "{").replace("{i}", f"{{{HERE_ONLY}}}")


def panel(number: int, title: str, unit: str, text: str, legend: str, x: int, y: int) -> dict[str, Any]:
    """Return one panel with a curve."""
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [{"refId": "A", "datasource": SOURCE, "expr": expression(text), "legendFormat": legend}],
    }


def dashboard() -> dict[str, Any]:
    """Return the whole dashboard."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, found in ROWS.items():
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "collapsed": False,
                       "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}, "panels": []})  # fmt: skip
        y += 1
        for i, (name, unit, text, legend) in enumerate(found):
            x, below = i % 3 * WIDTH, y + i // 3 * HEIGHT
            panels.append(panel(len(panels) + 1, name, unit, text, legend, x, below))
        y += -(-len(found) // 3) * HEIGHT
    return {
        "uid": "autopyfactory",
        "title": "AutoPyFactory",
        "tags": ["autopyfactory"],
        "schemaVersion": 39,
        "timezone": "utc",
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
            {"name": "instance", "type": "query", "datasource": SOURCE, "label": "Factory", "refresh": 2,
             "query": "label_values(autopyfactory_up, instance)", "multi": True, "includeAll": True},
            {"name": "queue", "type": "query", "datasource": SOURCE, "label": "Queue", "refresh": 2,
             "query": 'label_values(autopyfactory_queue_state{instance=~"$instance"}, queue)'},
        ]},
        "panels": panels,
    }  # fmt: skip


def text() -> str:
    """Return the file's content."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    (HERE / "autopyfactory.json").write_text(text())
