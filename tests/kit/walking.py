"""A person's way through pages in a real browser: what every page must hold, wherever it comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

LIMIT = 60_000  # ms: neighbours are busy


def opened(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(base_url=url, **options)
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


def picture(page: Page, name: str, otherwise: Path) -> None:
    """Take the picture of what a page shows, for the documents, to the folder that somebody names for them.

    All of them: `AUTOPYFACTORY_PICTURES=FOLDER bin/test tests/web -k pictures`.
    """
    path = Path(os.environ.get("AUTOPYFACTORY_PICTURES", otherwise)) / f"{name}.png"
    page.screenshot(path=path)
    assert path.stat().st_size > 10_000


def links_answer(page: Page, url: str, most: int = 150) -> set[str]:
    """Follow every link from the overview; each has to answer. Returns the addresses that were seen."""
    seen: set[str] = set()
    todo = ["/"]
    while todo and len(seen) < most:
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
            if f"{parts.scheme}://{parts.netloc}" == url:
                todo.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return seen


def can_be_read(page: Page, address: str) -> None:
    """Check that all text of a page has contrast, and that fields, tables and their heads have names."""
    page.goto(address)
    assert page.evaluate(LUMINANCE) == [], address
    assert page.locator("h1").count() == 1
    nameless = "input:not([type=hidden]), select, textarea"
    assert page.eval_on_selector_all(nameless, "all => all.filter(e => !e.labels.length).length") == 0
    assert page.eval_on_selector_all("table", "all => all.filter(t => !t.caption).length") == 0
    assert page.eval_on_selector_all("thead th", "all => all.filter(t => t.scope !== 'col').length") == 0


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
