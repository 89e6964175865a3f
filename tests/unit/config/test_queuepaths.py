"""A file that a queue names means the same wherever the factory, or `check`, is started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autopyfactory.config.registry import installed
from autopyfactory.options.common import QueueOptions
from configkit import Tree

QUEUE = """[Q]
enabled = True
schedplugin = Fixed
batchsubmitplugin = CondorLocal
batchstatusplugin = Condor
"""


def options(tree: Tree, text: str) -> QueueOptions:
    """Return the options of a queue with `text`, in a file whose folder is not the working one."""
    factory = "[Factory]\nfactoryId = t\nbaseLogDir = /l\nqueueConf = queues.conf\n"
    tree.write(factory=factory, queues=QUEUE + text)
    return tree.load(installed()).queues["Q"].options


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_parts_of_a_wrapper_lie_beside_the_file_that_names_them(tree: Tree, elsewhere: Path) -> None:
    text = "wrapper.payload = glidein, mine=payloads/mine.sh\nwrapper.checks = os, my=gwms, c/licence.sh\n"
    found = options(tree, f"{text}wrapper.files = list, /etc/passwd\n")
    folder = os.fspath(tree.folder)
    assert found.wrapper_payloads == ("glidein", f"mine={folder}/payloads/mine.sh")
    assert found.wrapper_checks == ("os", "my=gwms", f"{folder}/c/licence.sh")
    assert found.wrapper_files == (f"{folder}/list", "/etc/passwd")


def test_an_executable_that_is_there(tree: Tree, elsewhere: Path) -> None:
    (tree.folder / "wrapper.sh").touch()
    assert options(tree, "executable = wrapper.sh\n").executable == os.fspath(tree.folder / "wrapper.sh")


def test_an_executable_of_the_worker_nodes_is_left_alone(tree: Tree, elsewhere: Path) -> None:
    assert options(tree, "executable = their/wrapper.sh\n").executable == "their/wrapper.sh"


def test_where_2_4_was_started_counts_if_nothing_is_beside_the_file(tree: Tree, elsewhere: Path) -> None:
    (elsewhere / "wrapper.sh").touch()
    found = options(tree, "executable = wrapper.sh\nwrapper.files = wrapper.sh\n")
    assert found.executable == os.fspath(elsewhere / "wrapper.sh")
    assert found.wrapper_files == (os.fspath(elsewhere / "wrapper.sh"),)
