"""A file that a queue names means the same wherever the factory, or `check`, is started."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.config.model import QueueConfig
from autopyfactory.config.registry import installed
from autopyfactory.options.common import QueueOptions
from autopyfactory.options.declare import specs
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


PLUGIN = """[DEFAULT]
enabled = True
schedplugin = Ready, MaxPending
batchstatusplugin = Condor
batchsubmitplugin = CondorCE
batchsubmit.condorce.gridresource = ce1
wmsstatusplugin = {wms}
batchsubmit.condorce.tokenfile = {name}
"""


def queues(tree: Tree, text: str) -> Mapping[str, QueueConfig]:
    factory = "[Factory]\nfactoryId = t\nbaseLogDir = /l\nqueueConf = queues.conf, more/queues.conf\n"
    (tree.folder / "more").mkdir()
    (tree.folder / "more/queues.conf").write_text("[M]\nbatchsubmit.condorce.proxyfile = p\n")
    tree.write(factory=factory, queues=text)
    found = tree.load(installed())
    assert not found.broken, found.problems
    return found.queues


def submit(queue: QueueConfig) -> Any:
    return queue.batchsubmit.options


def test_credentials_lie_beside_the_file_that_names_them(tree: Tree, elsewhere: Path) -> None:
    common = PLUGIN.format(wms="Condor", name="tokens/ce")
    found = queues(tree, f"{common}[A]\n[B]\n[C]\nbatchsubmit.condorce.tokenfile = /t\n[M]\n")
    folder = os.fspath(tree.folder)
    assert [submit(found[name]).tokenfile for name in "ABC"] == [f"{folder}/tokens/ce"] * 2 + ["/t"]
    assert submit(found["A"]) is submit(found["B"]), "one object, for thousands of queues"
    assert submit(found["M"]).proxyfile == f"{folder}/more/p"


def test_where_2_4_was_started_counts_for_credentials_too(tree: Tree, elsewhere: Path) -> None:
    (elsewhere / "token").touch()
    found = queues(tree, PLUGIN.format(wms="Condor", name="token") + "[A]\n[M]\n")
    assert submit(found["A"]).tokenfile == os.fspath(elsewhere / "token")
    (tree.folder / "token").touch()
    again = tree.load(installed()).queues["A"]
    assert submit(again).tokenfile == os.fspath(tree.folder / "token")


def test_what_is_known_when_it_is_used_is_left_alone(tree: Tree, elsewhere: Path) -> None:
    found = queues(tree, PLUGIN.format(wms="Condor", name="$ENV(TOKENS)/ce") + "[A]\n[M]\n")
    assert submit(found["A"]).tokenfile == "$ENV(TOKENS)/ce"


def test_each_way_of_a_queue_has_its_own_token_from_there(tree: Tree, elsewhere: Path) -> None:
    ways = "batchsubmit.ces = ce1, ce2 tokenfile=two\n"
    found = queues(tree, f"{PLUGIN.format(wms='Condor', name='one')}[A]\n{ways}[M]\n")["A"]
    tokens = [submit(found).tokenfile, *(route.batchsubmit.options.tokenfile for route in found.others)]
    assert tokens == [os.fspath(tree.folder / name) for name in ("one", "two")]


def test_every_option_of_a_plugin_that_names_a_file_here_is_declared_as_that() -> None:
    """Or it is listed here: files of another host, and those that are read in another way."""
    known = {
        "privkeyfile", "privkeypassfile",  # on the schedd's host
    }  # fmt: skip
    registry = installed()
    kinds = ("sched", "wmsstatus", "batchstatus", "batchsubmit")
    named = {
        spec.keys[0]
        for kind in kinds
        for plugin in registry.all_of(kind)
        if plugin.cls is not None
        for spec in specs(plugin.cls.Options)
        if not spec.path and spec.scope == "queue"
        and re.search(r"(file|path|dir)$", spec.keys[0]) and spec.keys[0].rpartition(".")[2] not in known
    }  # fmt: skip
    assert named == set()
