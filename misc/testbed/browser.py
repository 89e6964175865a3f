"""A browser without a window, from Debian's Chromium as a folder: Playwright drives it."""

from pathlib import Path

from testbed.folder import folder

PACKAGES = ["chromium-headless-shell", "fonts-dejavu-core"]
# A test's own pages on loopback, and nothing else: it talks to nobody, and keeps nothing.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


def program() -> Path:
    """Return the browser's program."""
    return folder("chromium", PACKAGES) / "usr/lib/chromium/chromium-headless-shell"


def environment() -> dict[str, str]:
    """Return what the browser needs to find its fonts."""
    return {"FONTCONFIG_PATH": str(folder("chromium", PACKAGES) / "etc/fonts")}
