"""A person's way through the pages, in a real browser, with and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from patience import until
from servedweb import Served
from walking import can_be_read, links_answer, opened, picture


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Iterator[Page]:
    yield from opened(browser, served.url, java_script_enabled=request.param)


def test_the_page_alone_says_why_no_pilots_come(page: Page) -> None:
    page.goto("/")
    assert "wms-down" in page.inner_text("main")
    page.click("a:has-text('Queues')")
    page.fill("input[name=q]", "held-back")
    page.click("button:has-text('Show')")
    assert "q=held-back" in page.url, "a filter stands in the address"
    page.click("th a:has-text('held-back')")
    assert "WMS does not answer" in page.inner_text("main")
    assert page.inner_text(".decision")
    assert "missing.json" in page.inner_text("main")


def test_each_state_looks_like_what_it_is(page: Page) -> None:
    page.goto("/queues")

    def row(name: str) -> str:
        return page.inner_text(f"tr:has(th[scope=row] a:text-is('{name}'))")

    assert "capped" in row("east")
    assert "paused" in row("paused")
    assert "the cooling is being mended" in row("paused")
    assert "broken" in row("wrong")
    assert "NoSuchRule" in row("wrong")
    assert "wms-down" in row("held-back")


def test_every_link_on_every_page_answers(page: Page, served: Served) -> None:
    assert len(links_answer(page, served.url)) > 30


def test_an_order_is_given_and_seen(browser: Browser, served: Served) -> None:
    credentials = {"username": "me", "password": served.token}
    for made in opened(browser, served.url, http_credentials=credentials):
        made.goto("/signin?next=/queue/west")
        assert made.url.endswith("/queue/west")
        made.fill("input[name=reason]", "tests <b>run</b>")
        made.select_option("select[name=hours]", "1")
        made.click("button[value=pause]")
        assert "tests <b>run</b>" in made.inner_text("main")
        assert "ann (web)" in made.inner_text("main")
        made.fill("input[name=reason]", "done")
        made.click("button[value=resume]")

        def goes_on(page: Page = made) -> bool:
            page.goto("/queue/west")
            return "paused" not in page.inner_text(".decision")

        until(goes_on, "the next cycle")

        def told(page: Page = made) -> bool:
            page.goto("/events")
            return "tests <b>run</b>" in page.inner_text("main")

        until(told, "the order among the events: the history is written a moment later")


def test_without_a_token_nothing_can_be_ordered(page: Page) -> None:
    page.goto("/queue/west")
    assert page.locator("form[action='/order']").count() == 0
    answer = page.request.post("/order", form={"queue": "west", "action": "pause", "reason": "x"})
    assert answer.status == 401


PAGES = (
    "/",
    "/queues",
    "/queue/east",
    "/queue/held-back",
    "/sources",
    "/events",
    "/logs",
    "/pilots?queue=east",
    "/worst",
    "/site/east",
    "/pilot?queue=east&id=1.0",
    "/logsearch?day=2026-11-22&id=1.0",
    "/ce/nothing",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_and_everything_has_a_name(
    browser: Browser, served: Served, scheme: str
) -> None:
    for made in opened(browser, served.url, color_scheme=scheme):
        for address in PAGES:
            can_be_read(made, address)


def test_a_keyboard_reaches_a_queue(browser: Browser, served: Served) -> None:
    for made in opened(browser, served.url):
        made.goto("/queues?q=east")
        made.keyboard.press("Tab")
        assert made.evaluate("document.activeElement.className") == "skip"
        for _ in range(60):
            made.keyboard.press("Tab")
            if made.evaluate("document.activeElement.getAttribute('href')") == "/queue/east":
                break
        made.keyboard.press("Enter")
        made.wait_for_url("**/queue/east")


def test_a_phone_shows_it_without_scrolling_sideways(browser: Browser, served: Served) -> None:
    for made in opened(browser, served.url, viewport={"width": 360, "height": 740}):
        for address in PAGES:
            made.goto(address)
            assert made.evaluate("document.documentElement.scrollWidth") <= 360, address


def test_pictures_for_the_documents(browser: Browser, served: Served, tmp_path: Path) -> None:
    for made in opened(browser, served.url, viewport={"width": 1280, "height": 800}):
        for name, address in (
            ("web-overview", "/"),
            ("web-queues", "/queues"),
            ("web-queue", "/queue/held-back"),
        ):
            made.goto(address)
            picture(made, name, tmp_path)
