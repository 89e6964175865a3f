from collections.abc import Iterator
from pathlib import Path

import pytest

from configkit import Tree
from place import Place


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    try:
        yield made
    finally:
        made.stop()
        made.kill_pilots()
