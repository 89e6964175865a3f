"""`autopyfactory check` as an operator sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autopyfactory.cli.check import command
from autopyfactory.config import registry
from configkit import DEFAULTS, FACTORY, REGISTRY, Tree

ETC = Path(__file__).parents[3] / "etc"


@pytest.fixture(autouse=True)
def own_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopyfactory.config.build.installed", lambda: REGISTRY)


def check(tree: Tree, *options: str) -> Result:
    return CliRunner().invoke(command, ["--conf", tree.conf, *options])


def test_a_sound_configuration(tree: Tree) -> None:
    tree.write(factory=FACTORY, queues=f"{DEFAULTS}executable = /bin/sh\n[A]\n[B]\nenabled = False\n")
    done = check(tree, "--strict")
    assert (done.exit_code, done.output) == (0, "0 errors, 0 warnings; 2 queues, 1 enabled\n")


def test_everything_at_once_in_order_of_place(tree: Tree) -> None:
    text = f"{DEFAULTS}executable = /bin/sh\n[A]\nsched.limit.maximum = ten\nsched.limt.maximum = 1\n"
    text += "[B]\nschedplugin = Redy\n"
    tree.write(factory=FACTORY + "factory.slep = 1\n", queues=text)
    done = check(tree)
    place = tree.folder / "queues.conf"
    assert done.exit_code == 1
    assert done.output == (
        f"{tree.conf}:5: error: [Factory] factory.slep: unknown key\n"
        "    hint: did you mean factory.sleep?\n"
        f"{place}:12: error: [A] sched.limit.maximum = ten: is not a whole number\n"
        "    allowed: whole number, at least 0, in pilots, or None\n"
        f"{place}:13: error: [A] sched.limt.maximum: unknown key\n"
        "    hint: did you mean sched.limit.maximum?\n"
        f"{place}:15: error: [B] schedplugin = Redy: there is no sched plugin 'Redy'\n"
        "    hint: did you mean Ready?\n"
        "4 errors, 0 warnings; 2 queues, 0 enabled, 2 cannot run: A, B\n"
    )


def test_repeated_problems_come_together(tree: Tree) -> None:
    queues = "".join(f"[Q{i:02}]\nsched.limt.maximum = 1\n" for i in range(40))
    done = check(tree.write(factory=FACTORY, queues=DEFAULTS + "executable = /bin/sh\n" + queues))
    assert done.output.count("unknown key") == 1
    assert f"also in [Q01] ({tree.folder}/queues.conf:14), [Q02]" in done.output
    assert " and 34 more\n" in done.output
    assert "40 errors" in done.output


def test_problems_of_default_name_their_place_once(tree: Tree) -> None:
    queues = "[A]\n[B]\n[C]\nwmsqueue = c\n"
    done = check(tree.write(factory=FACTORY, queues=DEFAULTS + "executable = /nonexistent/w\n" + queues))
    assert "[A] executable = /nonexistent/w: there is no such file on this machine\n" in done.output
    assert "    also in [B], [C]\n" in done.output
    assert check(tree, "--no-files").exit_code == 0


def test_warnings_fail_only_when_strict(tree: Tree) -> None:
    tree.write(factory=FACTORY + "versionTag = 1\n", queues=DEFAULTS + "executable = /bin/sh\n[A]\n")
    assert check(tree).exit_code == 0
    assert check(tree, "--strict").exit_code == 1


@pytest.mark.parametrize("text", [None, b"", b"[A]\nx=1\n", b"\x00\xff" * 50])
def test_what_cannot_be_read_is_exit_code_2(tree: Tree, text: bytes | None) -> None:
    if text is not None:
        tree.write(factory=text)
    done = check(tree)
    assert done.exit_code == 2
    assert "error: " in done.output
    assert check(tree, "--json").exit_code == 2


def test_wrong_usage_is_exit_code_2(tree: Tree) -> None:
    assert check(tree, "--wrong").exit_code == 2
    assert CliRunner().invoke(command, ["--conf", " , "]).exit_code == 2


def test_an_unusable_factory_still_tells_about_queues(tree: Tree) -> None:
    tree.write(factory="[Factory]\nqueueConf=queues.conf\n", queues=f"{DEFAULTS}[A]\nsched.limit.maximum=x\n")
    done = check(tree)
    assert done.exit_code == 1
    for key in ("factoryId", "baseLogDir", "sched.limit.maximum"):
        assert key in done.output


def test_json(tree: Tree) -> None:
    tree.write(
        factory=FACTORY, queues=f"{DEFAULTS}executable = /bin/sh\n[A]\nsched.limit.maximum = ten\n[B]\n"
    )
    done = check(tree, "--json")
    data = json.loads(done.output)
    assert (data["ok"], data["errors"], data["warnings"]) == (False, 1, 0)
    assert data["queues"] == {"enabled": ["B"], "disabled": [], "cannot_run": ["A"]}
    assert data["problems"] == [
        {
            "severity": "error",
            "message": "is not a whole number",
            "where": {"source": str(tree.folder / "queues.conf"), "line": 12},
            "section": "A",
            "key": "sched.limit.maximum",
            "value": "ten",
            "hint": None,
            "allowed": "whole number, at least 0, in pilots, or None",
        }
    ]


def test_urls_are_asked_only_online(tree: Tree) -> None:
    url = "https://127.0.0.1:9/queues.conf"
    tree.write(factory=FACTORY.replace("queues.conf", url) + f"statedir = {tree.folder}/state\n")
    offline, online = check(tree), check(tree, "--online")
    assert offline.exit_code == 0
    assert f"{url}: warning: was not read, since it is on the network" in offline.output
    assert online.exit_code == 1
    assert f"{url}: error: cannot be fetched" in online.output
    assert not (tree.folder / "state").exists()


def test_the_environment_names_the_file(tree: Tree) -> None:
    tree.write(factory=FACTORY, queues="")
    done = CliRunner().invoke(command, [], env={"AUTOPYFACTORY_CONF": tree.conf})
    assert "there is no queue" in done.output


def test_what_we_ship_is_clean() -> None:
    from autopyfactory.check import semantics
    from autopyfactory.config import build

    configuration = build.load([str(ETC / "autopyfactory.conf")], registry=registry.installed())
    assert [str(p) for p in configuration.problems] == []
    assert [str(p) for p in semantics.inspect(configuration)] == []
    assert configuration.queues


def test_places_below_the_working_folder_are_short(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.write(factory=FACTORY + "factory.slep = 1\n", queues="")
    monkeypatch.chdir(tree.folder)
    assert "factory.conf:5: error: [Factory] factory.slep: unknown key" in check(tree).output.splitlines()
