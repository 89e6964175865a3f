"""Plugins are found by entry points, imported when used, and hurt only those who use them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autopyfactory.config import registry
from autopyfactory.config.registry import PluginError, Registry
from configkit import REGISTRY, Limit, points
from patience import PATIENCE


def failure(kind: str, name: str) -> PluginError:
    with pytest.raises(PluginError) as caught:
        REGISTRY.find(kind, name)
    return caught.value


def test_a_plugin_is_found_by_name() -> None:
    assert REGISTRY.find("sched", "Limit") is Limit


@pytest.mark.parametrize(("name", "meant"), [("limit", "Limit"), ("Limt", "Limit"), ("Flor", "Floor")])
def test_a_misspelt_name_gets_a_suggestion(name: str, meant: str) -> None:
    error = failure("sched", name)
    assert str(error) == f"there is no sched plugin {name!r}"
    assert error.hint == f"did you mean {meant}?"


def test_nothing_alike_lists_all() -> None:
    assert failure("batchsubmit", "Xyzzy").hint == "installed are: Other, Send"
    assert failure("nokind", "X").hint == "no nokind plugin is installed"


def test_a_plugin_that_cannot_be_imported_is_one_clear_error() -> None:
    error = failure("sched", "Gone")
    assert "cannot be imported: ModuleNotFoundError: No module named 'no'" in str(error)
    assert failure("sched", "Gone") is error


def test_what_is_not_a_plugin_is_told() -> None:
    assert "is not a class with Options" in str(failure("sched", "Odd"))


def test_all_of_a_kind_with_the_broken_ones() -> None:
    found = {f.name: f for f in REGISTRY.all_of("sched")}
    assert list(found) == sorted(found)
    assert found["Limit"].cls is Limit
    assert found["Gone"].cls is None
    assert found["Gone"].error is not None


def test_two_packages_with_one_name_are_told() -> None:
    from importlib.metadata import EntryPoint

    both = [EntryPoint("X", f"configkit:{c}", "autopyfactory.sched") for c in ("Limit", "Floor")]
    with pytest.raises(PluginError, match="more than once"):
        Registry(lambda _: both).find("sched", "X")


def test_only_plugins_that_are_used_get_imported() -> None:
    loaded: list[str] = []

    class Watched:
        dist = None

        def __init__(self, name: str, value: str):
            self.name, self.value = name, value

        def load(self) -> object:
            loaded.append(self.name)
            return Limit

    some = Registry(lambda group: [Watched(p.name, p.value) for p in points(group)])  # type: ignore[misc]
    assert "Ready" in some.names("sched")
    some.find("sched", "Limit")
    some.find("sched", "Limit")
    assert loaded == ["Limit"]


def test_a_wheel_of_a_third_party_brings_a_plugin(tmp_path: Path) -> None:
    """The real thing: a distribution on the path, found by its metadata."""
    (tmp_path / "half.py").write_text(
        '"""Sends half."""\n'
        "from autopyfactory.options.declare import Options, option\n"
        "from autopyfactory.plugins.base import SchedPlugin\n"
        "class O(Options):\n"
        "    part: float = option(0.5, key='sched.half.part', gt=0, description='Part')\n"
        "class Half(SchedPlugin):\n"
        "    '''Sends a part.'''\n"
        "    name = 'Half'\n"
        "    Options = O\n"
        "    def calc(self, n, inputs):\n"
        "        return self.step(n, int(n * self.options.part), '')\n"
    )
    info = tmp_path / "apf_half-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: apf-half\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[autopyfactory.sched]\nHalf = half:Half\n")
    code = (
        "from autopyfactory.config.registry import find\n"
        "from autopyfactory.cli.config_cmd import command\n"
        "print(find('sched', 'Half').name)\n"
        "command(['reference'], standalone_mode=False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.startswith("Half\n")
    assert "sched.half.part" in done.stdout


def test_the_installed_plugins_are_all_sound() -> None:
    found = [f for kind in registry.KINDS for f in registry.all_of(kind)]
    assert [f"{f.kind} {f.name}: {f.error}" for f in found if f.error] == []
    assert {"Ready", "MaxPerCycle"} <= {f.name for f in found if f.kind == "sched"}
