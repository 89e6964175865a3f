"""The pages of a factory with a real schedd: its pilots are listed, and a schedd that dies looks like one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from autopyfactory.daemon.webchild import address
from factorybox import Box, Daemon
from patience import until
from testbed.pool import Pool

LIMIT = 60_000  # ms


@dataclass
class Grid:
    """A factory with a schedd of its own, and the address of its pages."""

    ap: Pool
    url: str


@pytest.fixture(scope="module")
def running(make_pool: Callable[..., Pool], place: Path) -> Iterator[Grid]:
    ap = make_pool("ap")
    box = Box(place / "factory", ap, "webgrid")
    box.factory_options["web.port"] = "0"
    box.queue("q1")
    box.work({"q1": 5})
    daemon = Daemon(box)
    try:
        until(lambda: address(place / "factory/state") is not None)
        until(lambda: box.pilots("q1") == 5)
        url = address(place / "factory/state")
        assert url is not None
        yield Grid(ap, url)
    finally:
        daemon.terminate()


@pytest.fixture
def page(browser: Browser, running: Grid) -> Iterator[Page]:
    context = browser.new_context(base_url=running.url)
    context.set_default_timeout(LIMIT)
    yield context.new_page()
    context.close()


def test_the_schedds_pilots_are_listed_and_each_has_its_page(page: Page) -> None:
    def listed() -> bool:
        page.goto("/pilots?queue=q1")
        return page.locator("tbody th a").count() == 5

    until(listed)
    first = page.locator("tbody th a").first
    name = first.inner_text()
    first.click()
    assert name in page.inner_text("h1")
    assert "idle" in page.inner_text("dl")
    page.goto("/sources")
    assert "fresh" in page.inner_text("main")


def test_a_schedd_that_dies_is_told_and_held_back(page: Page, running: Grid) -> None:
    running.ap.stop()

    def told() -> bool:
        page.goto("/queue/q1")
        return "schedd-down" in page.inner_text("main")

    until(told)
    assert "0 pilots" in page.inner_text(".decision")

    def seen_by_all() -> bool:  # the view that pages share is a few seconds old
        page.goto("/sources")
        return "too old" in page.inner_text("main")

    until(seen_by_all)
    assert page.request.get("/health/ready").status == 503
