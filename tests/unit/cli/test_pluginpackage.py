"""The packages that `plugin new` writes; that they install and work is in tests/grid/test_third_party.py."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from autopyfactory.cli.pluginpackage import KINDS, NameTaken, check_name, texts, write
from autopyfactory.config.registry import KINDS as PLUGIN_KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_is_complete_and_its_entry_points_lead_to_its_classes(kind: str) -> None:
    made = texts(kind, "My_Thing")
    project = tomllib.loads(made["pyproject.toml"])
    points = project["project"]["entry-points"]
    assert f"autopyfactory.{kind}" in points
    for group in points.values():
        module, _, cls = group["My_Thing"].partition(":")
        tree = ast.parse(made[f"{module.replace('.', '/')}.py"])
        assert cls in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    assert project["tool"]["setuptools"]["packages"] == [f"apf_{kind}_my_thing"]
    assert {"README.md", "example/autopyfactory.conf", "tests/test_example.py"} <= made.keys()
    assert not [path for path, text in made.items() if "${" in text]


def test_there_is_a_package_for_every_kind_of_plugin_that_something_reads() -> None:
    assert set(PLUGIN_KINDS) - set(KINDS) == {"factory"}


@pytest.mark.parametrize("name", ["", "9lives", "a-b", "class", "a b", "ä", "../x"])
def test_a_name_must_be_one_of_a_class(name: str, tmp_path: Path) -> None:
    with pytest.raises(NameTaken, match="cannot be the name of a class"):
        write("sched", name, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kind", "name"), [("sched", "ready"), ("monitor", "APF")])
def test_a_name_that_is_installed_is_taken(kind: str, name: str) -> None:
    with pytest.raises(NameTaken, match="already"):
        check_name(kind, name)


def test_a_submit_plugin_brings_a_counter_whose_name_must_be_free_too() -> None:
    check_name("batchstatus", "CondorCE")
    with pytest.raises(NameTaken, match="batchstatus plugin Condor already"):
        check_name("batchsubmit", "Condor")


@pytest.mark.parametrize(
    ("kind", "name"), [("sched", "Step"), ("batchsubmit", "Options"), ("monitor", "Any")]
)
def test_a_name_that_the_class_itself_imports_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(NameTaken, match="used by the plugin itself"):
        write(kind, name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_that_exists_is_overwritten(tmp_path: Path) -> None:
    folder = write("sched", "Mine", tmp_path)
    (folder / "README.md").write_text("mine")
    with pytest.raises(NameTaken, match="exists already"):
        write("sched", "Mine", tmp_path)
    assert (folder / "README.md").read_text() == "mine"
