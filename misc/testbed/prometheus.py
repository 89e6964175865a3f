"""Prometheus and promtool, from the host's programs or from Debian's as a folder."""

import shutil
from pathlib import Path

from testbed.folder import folder

PACKAGES = ["prometheus", "promtool"]


def program(name: str) -> Path:
    """Return the program `name` (prometheus, promtool)."""
    installed = shutil.which(name)
    return Path(installed) if installed else folder("prometheus", PACKAGES) / "usr/bin" / name
