"""A browser without a window, from Debian's Chromium as a folder: Playwright drives it."""

from pathlib import Path

from testbed.folder import Add, folder

PACKAGES = ["chromium-headless-shell", "fonts-dejavu-core"]
# The folder's own fonts and no others: the package's configuration names the host's, which may have none.
FONTS = "etc/fonts/folder.conf"
_FAMILIES = {"sans-serif": "DejaVu Sans", "serif": "DejaVu Serif", "monospace": "DejaVu Sans Mono"}
_ALIASES = "".join(
    f"<alias><family>{generic}</family><prefer><family>{name}</family></prefer></alias>\n"
    for generic, name in _FAMILIES.items()
)
ADDITIONS = [
    Add(
        FONTS,
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">\n<fontconfig>\n'
        '<dir prefix="relative">../../usr/share/fonts</dir>\n<cachedir prefix="xdg">fontconfig</cachedir>\n'
        f"{_ALIASES}</fontconfig>\n",
    )
]
# A test's own pages on loopback, and nothing else: it talks to nobody, and keeps nothing.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


def program() -> Path:
    """Return the browser's program."""
    return _folder() / "usr/lib/chromium/chromium-headless-shell"


def environment() -> dict[str, str]:
    """Return what the browser needs to find its fonts."""
    return {"FONTCONFIG_FILE": str(_folder() / FONTS)}


def _folder() -> Path:
    return folder("chromium", PACKAGES, additions=ADDITIONS)
