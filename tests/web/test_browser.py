"""The browser of these tests brings all it needs: pages look the same whatever the host has."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

from smalldisk import NAMESPACES
from testbed import browser as chromium

WIDTH = """family => {
    const text = document.createElement("span")
    text.style.fontFamily = family
    text.textContent = "illicit WORDS"
    document.body.append(text)
    return text.offsetWidth
}"""


def test_text_has_its_shape_where_the_host_has_no_fonts(tmp_path: Path) -> None:
    """The host's fonts are hidden from this browser, as on a machine that has none."""
    start = tmp_path / "browser"
    hide = 'if [ -d /usr/share/fonts ]; then mount -t tmpfs none /usr/share/fonts; fi; exec "$@"'
    start.write_text(f"#!/bin/sh\nexec {' '.join(NAMESPACES)} sh -c '{hide}' - {chromium.program()} \"$@\"\n")
    start.chmod(0o755)
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=str(start), args=chromium.FLAGS, env=chromium.environment()
        )
        page = browser.new_page()
        widths = [page.evaluate(WIDTH, family) for family in ("sans-serif", "serif", "monospace")]
        browser.close()
    assert all(widths) and len(set(widths)) == 3, widths
