"""The pages of a factory on a real grid: each trouble looks like what it is, and Prometheus tells of it.

One factory with an access point, three CEs behind tokens and queues that fare differently. The tests go on
from one another: a CE is stopped, and in the end the schedd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import patience
from autopyfactory.daemon.webchild import address
from factorybox import Box, Daemon, at_ce
from prometheuskit import Prometheus, scraping
from testbed.condor import Condor
from testbed.grid import SUBJECT, Grid
from walking import can_be_read, links_answer, opened, picture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SITES = ("good", "refuses", "stops")
PATIENT = 300.0  # seconds for a trouble to show at the access point, to the factory, on the page


@dataclass
class World:
    """A factory on a grid, the address of its pages, and where its CEs are."""

    grid: Grid
    box: Box
    daemon: Daemon
    url: str


@pytest.fixture(scope="module")
def world(condor_folder: Condor, place: Path) -> Iterator[World]:
    quick = {"GRIDMANAGER_RESOURCE_PROBE_INTERVAL": "5", "GRIDMANAGER_COLLECTOR_UPDATE_INTERVAL": "5"}
    grid = Grid(place / "grid", condor=condor_folder, sites=SITES, settings={"ap": quick})
    grid.up()
    box = Box(place / "factory", grid.ap, "web-realgrid")
    daemon = None
    try:
        reads = grid.issuer.token(SUBJECT, grid.sites["refuses"].schedd, scope="condor:/READ")
        grid.ap.write_secret(grid.site_token("refuses"), reads + "\n")
        _configure(grid, box)
        daemon = Daemon(box)
        url = until(lambda: address(place / "factory/state"), "the pages")
        yield World(grid, box, daemon, url)
    finally:
        if daemon is not None and daemon.process.poll() is None:
            daemon.terminate()
        for pool in grid.pools.values():
            pool.stop()


def _configure(grid: Grid, box: Box) -> None:
    wrapper = box.folder / "wrapper.sh"
    wrapper.write_text("#!/bin/sh\nsleep 900\n")
    wrapper.chmod(0o755)
    for name, site in (
        ("fine", "good"),
        ("paused", "good"),
        ("held-back", "good"),
        ("refused", "refuses"),
        ("stopped", "stops"),
    ):
        box.queue(name, **at_ce(grid, site), executable=str(wrapper), sched__maxtorun__maximum="2")
    box.queues["held-back"]["wmsstatus.file.path"] = str(box.folder / "no-such-file.json")
    box.factory_options["web.port"] = "0"
    box.work({"fine": 5, "paused": 5, "refused": 5, "stopped": 5})
    pauses = box.folder / "state"
    pauses.mkdir(exist_ok=True)


def until(condition: Callable[[], object], what: str) -> str:
    return str(patience.until(condition, what, 1.0, limit=PATIENT))


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(request: pytest.FixtureRequest, browser: Browser, world: World) -> Iterator[Page]:
    yield from opened(browser, world.url, java_script_enabled=request.param)


@pytest.fixture(scope="module")
def prometheus(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with scraping(world.url, tmp_path_factory.mktemp("prometheus")) as made:
        yield made


def shows(page: Page, where: str, *words: str) -> None:
    """Load a page until it has all these words."""

    def there() -> bool:
        page.goto(where)
        text = page.inner_text("main")
        return all(word in text for word in words)

    until(there, f"{where} with {words}")


def test_each_queue_looks_like_what_it_is(page: Page, world: World) -> None:
    world.daemon.ask("pause", queue="paused", reason="the cooling is being mended", by="ann")

    def row(name: str, *words: str) -> None:
        def there() -> bool:
            page.goto("/queues")
            text = page.inner_text(f"tr:has(th[scope=row] a:text-is('{name}'))")
            return all(word in text for word in words)

        until(there, f"{name} with {words}")

    row("paused", "paused", "the cooling is being mended")
    row("held-back", "wms-down")
    row("refused", "credential-refused")
    shows(page, "/queue/refused", "credential-refused", "DENIED", "Held and lost pilots")
    shows(page, "/queue/held-back", "WMS does not answer", "no-such-file.json")
    shows(page, "/queue/paused", "paused", "the cooling is being mended")

    def runs() -> bool:
        page.goto("/queue/fine")
        text = page.inner_text("main")
        return "capped" in text or "enough-pending" in text

    until(runs, "the queue that does well is limited by its own rule only")


def test_the_refusing_ce_has_a_page_for_its_administrator(page: Page, world: World) -> None:
    ce = world.grid.sites["refuses"].collector
    shows(page, f"/ce/{ce}", "For a ticket", "Held and lost pilots", "DENIED")
    ticket = page.inner_text("pre")
    assert "pilot factory web-realgrid" in ticket
    assert "DENIED" in ticket
    assert "eyJ" not in page.content(), "no token on any page"


def test_every_link_answers_and_every_page_can_be_read(page: Page, world: World) -> None:
    assert len(links_answer(page, world.url)) > 30
    queues = [f"/queue/{name}" for name in world.box.queues]
    places = [f"/ce/{site.collector}" for site in world.grid.sites.values()]
    for where in ("/", "/queues", "/worst", "/sources", "/events", "/pilots?queue=fine", *queues, *places):
        can_be_read(page, where)


def test_a_pilot_has_its_page(page: Page) -> None:
    def listed() -> bool:
        page.goto("/pilots?queue=fine")
        return page.locator("tbody th a").count() == 2

    until(listed, "the pilots of the queue that does well")
    page.locator("tbody th a").first.click()
    assert "Life line" in page.inner_text("dl")
    assert "What the schedd logged" in page.inner_text("main")


def test_a_ce_that_is_stopped_is_told_and_the_alert_fires(
    browser: Browser, world: World, prometheus: Prometheus
) -> None:
    until(lambda: prometheus.value('autopyfactory_queue_submitted_pilots_total{queue="stopped"}'), "pilots")
    assert "AutoPyFactoryDemandNotServed" not in prometheus.firing(queue="stopped")
    world.grid.sites["stops"].stop()
    for made in opened(browser, world.url):
        shows(made, "/queue/stopped", "ce-down", "Tell the site")
        shows(made, f"/ce/{world.grid.sites['stops'].collector}", "has not answered since", "For a ticket")
    until(lambda: "AutoPyFactoryDemandNotServed" in prometheus.firing(queue="stopped"), "the alert")
    assert "AutoPyFactorySilent" not in prometheus.firing()
    assert prometheus.value('sum(autopyfactory_queue_state{queue="stopped",cause="ce-down"})') == 1


def test_pictures_for_the_documents(browser: Browser, world: World, tmp_path: Path) -> None:
    """Also alone: then nobody has stopped the CE yet, whose pilots run."""
    stopped = f"/ce/{world.grid.sites['stops'].collector}"
    for made in opened(browser, world.url, viewport={"width": 1280, "height": 800}):
        shows(made, stopped, "2 pilots running")
        world.grid.sites["stops"].stop()
        shows(made, stopped, "has not answered since", "does not answer")
        picture(made, "web-ce", tmp_path)


def test_a_schedd_that_dies_is_told_and_the_alert_fires(
    browser: Browser, world: World, prometheus: Prometheus
) -> None:
    world.grid.ap.stop()
    for made in opened(browser, world.url):
        shows(made, "/queue/fine", "schedd-down")
        shows(made, "/sources", "too old")
        made.goto("/queue/fine")
        assert "0 pilots" in made.inner_text(".decision")
        assert made.request.get("/health/ready").status == 503
    until(lambda: "AutoPyFactorySourceBlind" in prometheus.firing(), "the alert that it fires")
