"""A real Prometheus that scrapes a factory and judges its rules, in seconds instead of minutes."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from patience import PATIENCE, until
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
            f"{self._base}/{path}?{urllib.parse.urlencode(query)}", timeout=PATIENCE
        ) as answer:
            return json.load(answer)["data"]

    def value(self, expression: str) -> float | None:
        found = self.get("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def firing(self, **labels: str) -> set[str]:
        """Return the names of the alerts that fire and have these labels."""
        found = [a for a in self.get("alerts")["alerts"] if a["state"] == "firing"]
        return {a["labels"]["alertname"] for a in found if labels.items() <= a["labels"].items()}


@contextmanager
def scraping(url: str, folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes the pages at `url`; it lives in `folder`."""
    rules = folder / "alerts.yml"
    text = re.sub(r"for: \d+[mh]", "for: 1s", (RULES / "alerts.yml").read_text())
    rules.write_text(re.sub(r"\[\d+[mh]\]", "[30s]", text))
    target = url.removeprefix("http://")
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
