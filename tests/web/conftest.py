"""A factory that serves its pages, and a browser to walk them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from servedweb import Served, serving
from services import condor_folder, make_pool, place  # noqa: F401
from testbed import browser as chromium


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        made = play.chromium.launch(
            executable_path=str(chromium.program()), args=chromium.FLAGS, env=chromium.environment()
        )
        yield made
        made.close()
