"""A real Prometheus scrapes a factory, and its rules fire when the factory dies or a source does."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from patience import PATIENCE, until
from servedweb import Served
from testbed.ports import free_port
from testbed.prometheus import program

RULES = Path(__file__).parents[2] / "misc/prometheus"
CONFIGURATION = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: autopyfactory
    static_configs: [{{targets: ["{target}"]}}]
"""


class Prometheus:
    """What a test asks of a Prometheus."""

    def __init__(self, port: int):
        self._base = f"http://127.0.0.1:{port}/api/v1"

    def get(self, path: str, **query: str) -> Any:
        with urllib.request.urlopen(
            f"{self._base}/{path}?{urllib.parse.urlencode(query)}", timeout=10
        ) as answer:
            return json.load(answer)["data"]

    def value(self, expression: str) -> float | None:
        found = self.get("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def firing(self) -> set[str]:
        return {a["labels"]["alertname"] for a in self.get("alerts")["alerts"] if a["state"] == "firing"}


@pytest.fixture(scope="module")
def prometheus(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    rules = folder / "alerts.yml"
    rules.write_text(re.sub(r"for: \d+[mh]", "for: 1s", (RULES / "alerts.yml").read_text()))
    target = served.url.removeprefix("http://")
    (folder / "prometheus.yml").write_text(CONFIGURATION.format(rules=rules, target=target))
    port = free_port()
    command = [
        *(str(program("prometheus")), f"--config.file={folder}/prometheus.yml"),
        *(f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"),
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    made = Prometheus(port)

    def up() -> bool:
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        try:
            return made.value("autopyfactory_up") is not None
        except OSError:
            return False

    try:
        until(up)
        yield made
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_the_rules_keep_their_unit_tests() -> None:
    done = subprocess.run(
        [program("promtool"), "test", "rules", "alerts.test.yml"], cwd=RULES, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_scraped_is_what_the_factory_says(prometheus: Prometheus) -> None:
    assert prometheus.value('sum(autopyfactory_queue_pilots{queue="east"})') == 2
    assert prometheus.value('autopyfactory_queue_submitted_pilots_total{queue="east"}') == 2
    assert prometheus.value("count(autopyfactory_queue_state)") == 6
    missing = prometheus.value('min(autopyfactory_source_fresh{source=~".*missing.json"})')
    assert missing == 0


def test_a_source_that_does_not_answer_is_an_alert(prometheus: Prometheus) -> None:
    until(lambda: "AutoPyFactorySourceBlind" in prometheus.firing())
    assert "AutoPyFactorySilent" not in prometheus.firing()


def test_a_factory_that_dies_is_an_alert(prometheus: Prometheus, served: Served) -> None:
    served.daemon.kill()
    served.daemon.wait(PATIENCE)
    until(lambda: "AutoPyFactorySilent" in prometheus.firing())
