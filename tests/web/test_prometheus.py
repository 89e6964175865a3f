"""A real Prometheus scrapes a factory, and its rules fire when the factory dies or a source does."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from patience import PATIENCE, until
from prometheuskit import RULES, Prometheus, scraping
from servedweb import Served
from testbed.prometheus import program


@pytest.fixture(scope="module")
def prometheus(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with scraping(served.url, tmp_path_factory.mktemp("prometheus")) as made:
        yield made


def test_the_rules_keep_their_unit_tests() -> None:
    done = subprocess.run(
        [program("promtool"), "test", "rules", "alerts.test.yml"], cwd=RULES, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_scraped_is_what_the_factory_says(prometheus: Prometheus) -> None:
    until(lambda: prometheus.value('sum(autopyfactory_queue_pilots{queue="east"})') == 2, "what runs")
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
