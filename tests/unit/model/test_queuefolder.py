"""Names on disk: as 2.4 wrote them, and within the tree whatever a queue is called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autopyfactory.model.queuefolder import LONGEST, queue_folder

ANY = st.text(st.characters(exclude_categories=()), max_size=300)


@pytest.mark.parametrize(
    ("queue", "folder"),
    [
        ("BNL_ATLAS-condor", "BNL_ATLAS-condor"),
        ("CERN-ce503.cern.ch-share", "CERN-ce503.cern.ch-share"),
        ("a/b:c", "a_b_c"),  # as 2.4
        ("host:9619/queue", "host_9619_queue"),
        ("..", "_."),
        (".", "_"),
        (".hidden", "_hidden"),
        ("", "_"),
        ("../../etc/passwd", "_._.._etc_passwd"),
        ("a\nb\x00c\x7f", "a_b_c_"),
        ("with blank", "with blank"),
        ("Zürich", "Zürich"),
        ("x" * LONGEST, "x" * LONGEST),
    ],
)
def test_names_as_they_lie_on_disk(queue: str, folder: str) -> None:
    assert queue_folder(queue) == folder


@given(ANY.filter(lambda t: not re.search("[\ud800-\udc7f\udd00-\udfff]", t)))
@example("é" * 150)
@example("\udc80" * 250)
@example("." * 300)
@example("/" * 300)
def test_any_name_is_one_visible_folder_that_a_file_system_takes(queue: str) -> None:
    name = queue_folder(queue)
    assert 0 < len(name.encode(errors="surrogateescape")) <= LONGEST
    assert not name.startswith(".")
    assert not re.search(r"[/:\x00-\x1f\x7f]", name)
    assert Path("/logs", name).parent == Path("/logs")
    assert queue_folder(name) == name  # what lies on disk leads to itself


@given(st.text("ab/:\u00e9", min_size=LONGEST, max_size=LONGEST + 9), st.integers(0, 9))
def test_long_names_that_differ_anywhere_stay_apart(queue: str, at: int) -> None:
    other = queue[: len(queue) - at] + "#" + queue[len(queue) - at :]
    if len(queue.encode()) > LONGEST:
        assert queue_folder(queue) != queue_folder(other)


def test_a_long_name_begins_as_the_queue_does() -> None:
    name = queue_folder("SITE_" + "x" * 400)
    assert name.startswith("SITE_xxx")
    assert len(name) == LONGEST
    assert re.search(r"-[0-9a-f]{12}$", name)


def test_a_name_is_not_cut_within_a_character() -> None:
    for lead in range(4):
        queue_folder("x" * lead + "東" * 100).encode()
