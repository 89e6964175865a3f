"""Every picture of the pages in the documents is taken by a test, and one command takes all of them."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).parents[3]


def test_each_picture_of_the_pages_is_shown_and_taken_by_the_one_command() -> None:
    there = {path.stem for path in (TOP / "docs/pictures").glob("web-*.png")}
    text = "".join(path.read_text() for path in [TOP / "README.md", *(TOP / "docs").rglob("*.md")])
    shown = set(re.findall(r"pictures/(web-[a-z]+)\.png", text))
    taken = set()
    for path in (TOP / "tests/web").glob("test_*.py"):
        for name, body in re.findall(r"^def (test_\w+)\((.*?)(?=^def |^@|\Z)", path.read_text(), re.M | re.S):
            found = set(re.findall(r'"(web-[a-z]+)"', body))
            assert not found or "pictures" in name, f"`-k pictures` does not take {found}"
            taken |= found
    assert there == taken
    assert shown <= there
    assert "bin/test tests/web -k pictures" in (TOP / "docs/web.md").read_text()
