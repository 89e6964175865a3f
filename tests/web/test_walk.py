"""A person's way through the pages, in a real browser, with and without scripts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from patience import until
from servedweb import Served

LIMIT = 60_000  # ms: neighbours are busy


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Iterator[Page]:
    yield from opened(browser, served, java_script_enabled=request.param)


def opened(browser: Browser, served: Served, **options: Any) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(base_url=served.url, **options)
    context.set_default_timeout(LIMIT)
    made = context.new_page()
    wrong: list[str] = []
    made.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    made.on("pageerror", lambda e: wrong.append(str(e)))
    yield made
    context.close()
    assert [w for w in wrong if "401" not in w and "404" not in w] == [], (
        "the policy, or a script, was violated"
    )


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
    seen: set[str] = set()
    todo = ["/"]
    while todo and len(seen) < 150:
        address = todo.pop()
        if address in seen or address.startswith("/signin"):
            continue
        seen.add(address)
        if address.startswith(("/api", "/logs/")) and re.search(r"\.(out|err|log)$|^/api", address):
            assert page.request.get(address).status == 200, address
            continue
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        for link in links:
            parts = urlsplit(link)
            if f"{parts.scheme}://{parts.netloc}" == served.url:
                todo.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    assert len(seen) > 30


def test_an_order_is_given_and_seen(browser: Browser, served: Served) -> None:
    credentials = {"username": "me", "password": served.token}
    for made in opened(browser, served, http_credentials=credentials):
        made.goto("/signin?next=/queue/west")
        assert made.url.endswith("/queue/west")
        made.fill("input[name=reason]", "tests <b>run</b>")
        made.select_option("select[name=hours]", "1")
        made.click("button[value=pause]")
        assert "tests <b>run</b>" in made.inner_text("main")
        assert "ann (web)" in made.inner_text("main")
        made.fill("input[name=reason]", "done")
        made.click("button[value=resume]")
        assert "paused" not in made.inner_text(".decision")

        def told(page: Page = made) -> bool:
            page.goto("/events")
            return "tests <b>run</b>" in page.inner_text("main")

        until(told, "the order among the events: the history is written a moment later")


def test_without_a_token_nothing_can_be_ordered(page: Page) -> None:
    page.goto("/queue/west")
    assert page.locator("form[action='/order']").count() == 0
    answer = page.request.post("/order", form={"queue": "west", "action": "pause", "reason": "x"})
    assert answer.status == 401


LUMINANCE = """
() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const lum = ([r, g, b]) => [r, g, b].map(linear)
    .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const back = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const bad = [];
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    const box = e.getBoundingClientRect();
    if (!box.width || box.right < 0 || e.tagName === "TITLE" || e.tagName === "OPTION") continue;
    const a = lum(parse(getComputedStyle(e).color)), b = lum(back(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(`${e.tagName}.${e.className} ${ratio} ${e.textContent.trim().slice(0, 40)}`);
  }
  return bad;
}
"""
PAGES = (
    "/",
    "/queues",
    "/queue/east",
    "/queue/held-back",
    "/sources",
    "/events",
    "/logs",
    "/pilots?queue=east",
    "/ce/nothing",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_and_everything_has_a_name(
    browser: Browser, served: Served, scheme: str
) -> None:
    for made in opened(browser, served, color_scheme=scheme):
        for address in PAGES:
            made.goto(address)
            assert made.evaluate(LUMINANCE) == [], address
            assert made.locator("h1").count() == 1
            nameless = "input:not([type=hidden]), select, textarea"
            assert made.eval_on_selector_all(nameless, "all => all.filter(e => !e.labels.length).length") == 0
            assert made.eval_on_selector_all("table", "all => all.filter(t => !t.caption).length") == 0
            assert (
                made.eval_on_selector_all("thead th", "all => all.filter(t => t.scope !== 'col').length") == 0
            )


def test_a_keyboard_reaches_a_queue(browser: Browser, served: Served) -> None:
    for made in opened(browser, served):
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
    for made in opened(browser, served, viewport={"width": 360, "height": 740}):
        for address in PAGES:
            made.goto(address)
            assert made.evaluate("document.documentElement.scrollWidth") <= 360, address


def test_pictures_for_the_documents(browser: Browser, served: Served, tmp_path: Path) -> None:
    target = Path(os.environ.get("AUTOPYFACTORY_PICTURES", tmp_path))
    for made in opened(browser, served, viewport={"width": 1280, "height": 800}):
        for name, address in (
            ("web-overview", "/"),
            ("web-queues", "/queues"),
            ("web-queue", "/queue/held-back"),
        ):
            made.goto(address)
            made.screenshot(path=target / f"{name}.png")
            assert (target / f"{name}.png").stat().st_size > 10_000
