"""How a factory is reached follows from `[Factory]` alone, however wrong the rest is."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopyfactory.api.access import Access
from autopyfactory.control.client import NotRunning
from autopyfactory.control.server import ControlServer
from autopyfactory.history.place import HistoryError, default_file
from autopyfactory.history.store import default_url
from autopyfactory.options.problem import ConfigError
from configkit import Tree
from contracts.records import cycle
from remembered import remember


def reach(tree: Tree, *lines: str) -> Access:
    keys = ("factoryId = f", f"statedir = {tree.folder}/state", *lines)
    tree.write(factory="[Factory]\n" + "\n".join(keys) + "\n", queues="[this is no section\n")
    (tree.folder / "state").mkdir(exist_ok=True)
    return Access([tree.conf])


def test_the_rest_may_be_broken(tree: Tree) -> None:
    access = reach(tree, "queueConf = queues.conf")
    assert access.options.factory_id == "f"
    assert access.state_dir == tree.folder / "state"
    assert access.configuration is not None
    assert access.configuration.queues == {}
    assert any(problem.severity == "error" for problem in access.configuration.problems)


def test_the_section_as_it_is_written(tree: Tree) -> None:
    assert reach(tree).read_section().text("factoryId") == "f"


def test_without_the_file_nothing_is_known(tree: Tree) -> None:
    access = Access([str(tree.folder / "nowhere.conf")])
    for read in (access.read_options, access.read_section):
        with pytest.raises(ConfigError, match=r"nowhere\.conf"):
            read()
    assert access.configuration is None


def test_the_socket_lies_with_the_state_unless_it_is_said_where(tree: Tree) -> None:
    assert reach(tree).socket == tree.folder / "state/control.sock"
    assert reach(tree, "socket = /run/apf.sock").socket == Path("/run/apf.sock")


def test_the_factory_is_asked(tree: Tree) -> None:
    access = reach(tree)
    with pytest.raises(NotRunning):
        access.ask("status")
    server = ControlServer(access.socket, lambda command, arguments: [command, arguments])
    server.start()
    try:
        assert access.ask("status", queue="east") == ["status", {"queue": "east"}]
    finally:
        server.close()


def test_a_history_that_is_not_there_and_one_that_is(tree: Tree) -> None:
    access = reach(tree)
    file = default_file(access.state_dir)
    with pytest.raises(HistoryError, match=f"there is no history yet: {file} does not exist"):
        access.history()
    for factory, queue in (("f", "east"), ("another", "west")):
        remember(access.state_dir, factory, cycle(queue))
    reader = access.history()
    assert set(reader.latest()) == {"east"}, "its own only"
    reader.close()


def test_a_history_elsewhere(tree: Tree) -> None:
    elsewhere = Path(tree.folder, "elsewhere")
    access = reach(tree, f"history.url = {default_url(elsewhere)}")
    with pytest.raises(HistoryError, match="elsewhere"):
        access.history()
