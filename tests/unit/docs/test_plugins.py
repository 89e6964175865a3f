"""The plugin author's guide shows what the command writes, and that works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from autopyfactory.cli.pluginpackage import KINDS, texts

GUIDE = (Path(__file__).parents[3] / "docs" / "plugins.md").read_text()
BLOCK = re.compile(r"^`(\S+\.py)`:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
CHAPTER = re.compile(r"^## [^\n]*`(\w+)`\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
NAMES = dict(re.findall(r"^\| \[`(\w+)`\].* \| `(\w+)` \|$", GUIDE, re.MULTILINE))
CHAPTERS = dict(CHAPTER.findall(GUIDE))
NOT_INSTALLED = "not entry_point and not example"  # see tests/grid/test_third_party.py


def test_there_is_an_example_of_every_kind() -> None:
    assert set(NAMES) == set(CHAPTERS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_guide_shows_what_the_command_writes(kind: str) -> None:
    shown = dict(BLOCK.findall(CHAPTERS[kind]))
    made = texts(kind, NAMES[kind])
    assert len(shown) >= 2, "the class and its test"
    for path, text in shown.items():
        assert text == made[path], f"{path} of `plugin new {kind} {NAMES[kind]}` is another text"


@pytest.mark.slow
def test_the_examples_of_the_guide_pass_their_tests(tmp_path: Path) -> None:
    """What is shown is laid over what the command writes beside it."""
    for kind, name in NAMES.items():
        for path, text in {**texts(kind, name), **dict(BLOCK.findall(CHAPTERS[kind]))}.items():
            (tmp_path / kind / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / kind / path).write_text(text)
    running = {
        kind: subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", NOT_INSTALLED, "tests"],
            cwd=tmp_path / kind,
            stdout=subprocess.PIPE,
            text=True,
        )
        for kind in NAMES
    }
    told = {kind: process.communicate(timeout=240)[0] for kind, process in running.items()}
    assert {kind: process.returncode for kind, process in running.items()} == dict.fromkeys(NAMES, 0), told
    assert all(re.search(r"\b[5-9]\d* passed|\b\d\d+ passed", text) for text in told.values()), told
