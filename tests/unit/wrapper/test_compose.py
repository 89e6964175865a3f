"""A wrapper is made of its recipe and of nothing else, and what is wrong with a recipe is said at once."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pilotkit
from autopyfactory.wrapper.compose import Parts, Recipe, RecipeError, cksum, compose
from autopyfactory.wrapper.modules import ModuleProblem, find, names
from patience import PATIENCE


def faults(**recipe: object) -> list[str]:
    try:
        Parts.of(Recipe(**{"payloads": ("command",), **recipe}))  # type: ignore[arg-type]  # texts and tuples
    except RecipeError as err:
        return [f"{fault.part}: {fault.text}" for fault in err.faults]
    return []


def test_the_same_recipe_gives_the_same_bytes_whoever_makes_it(tmp_path: Path) -> None:
    extra = tmp_path / "data.txt"
    extra.write_text("x")
    recipe = Recipe(("command",), files=(str(extra),), options={"command.command": "true"})
    first = compose(recipe)
    os.utime(extra, (1, 1))
    extra.chmod(0o600)
    before = os.umask(0o077)
    try:
        assert compose(recipe) == first
    finally:
        os.umask(before)
    assert first.name == f"apf-wrapper-{first.sha256[:12]}.sh"


def test_each_part_changes_the_name(tmp_path: Path) -> None:
    extra = tmp_path / "data.txt"
    recipes = [
        Recipe(("command",)),
        Recipe(("command",), ("os",)),
        Recipe(("command", "glidein")),
        Recipe(("command",), options={"command.command": "true"}),
        Recipe(("command",), settings={"APF_HOLD": "1"}),
        Recipe(("command",), rules="cores >= 2 -> command"),
    ]
    built = [compose(recipe) for recipe in recipes]
    for text in ("a", "b"):
        extra.write_text(text)
        built.append(compose(Recipe(("command",), files=(str(extra),))))
    assert len({b.name for b in built}) == len(built)


@given(st.binary(max_size=3000))
def test_the_checksum_is_that_of_the_command(data: bytes) -> None:
    told = subprocess.run(["cksum"], input=data, capture_output=True, check=True, timeout=PATIENCE).stdout
    assert cksum(data) == told.decode().strip()


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({"payloads": ()}, "payload: names no payload"),
        ({"payloads": ("comand",)}, "payload: there is no payload 'comand'"),
        ({"payloads": ("command", "command")}, "payload: 'command' is there twice"),
        ({"payloads": ("Bad Name=command",)}, "payload: 'Bad Name' cannot name a payload"),
        ({"checks": ("scrach",)}, "checks: there is no check 'scrach'"),
        ({"checks": ("/nonexistent/mine.sh",)}, "checks: the check /nonexistent/mine.sh cannot be read"),
        ({"files": ("/nonexistent/f",)}, "files: /nonexistent/f cannot be read"),
        ({"rules": "cores > 1 -> panda"}, "payload.rules: no payload 'panda'"),
        ({"rules": "cores -> command"}, "payload.rules: not a condition: 'cores'"),
        ({"rules": "101% -> command"}, "payload.rules: a share is from 1% to 100%"),
        ({"rules": "-> command"}, "payload.rules: no condition before ->"),
        ({"rules": "cors > 1 -> command"}, "payload.rules: no check finds the fact 'cors'"),
        ({"options": {"command.comand": "x"}}, "option.command.comand: command has no option 'comand'"),
        ({"options": {"panda.url": "x"}}, "option.panda.url: no check or payload 'panda' here"),
        ({"options": {"command.arguments": "'"}}, "option.command.arguments: not words as in a shell"),
    ],
)
def test_what_is_wrong_is_said_with_its_part(recipe: dict[str, object], told: str) -> None:
    [fault] = faults(**recipe)
    assert fault.startswith(told), fault


def test_all_faults_at_once_and_suggestions() -> None:
    with pytest.raises(RecipeError) as caught:
        Parts.of(Recipe(("comand",), ("scrach",), files=("/nonexistent",)))
    assert len(caught.value.faults) == 3
    assert "did you mean command?" in str(caught.value) and "did you mean scratch?" in str(caught.value)


def test_what_is_not_found_is_told_once_whatever_options_it_has() -> None:
    options = {"mine.server": "x", "rc.url": "y"}
    payloads, checks = ("command", "rc=panada"), ("/nonexistent/mine.sh",)
    (check, payload) = faults(payloads=payloads, checks=checks, options=options)
    assert "mine.sh cannot be read: No such file or directory" in f"{check}{payload}"
    assert "no payload 'panada'" in f"{check}{payload}"


def test_what_payloads_need_is_added() -> None:
    options = {"a.needs": "token", "b.container": "/image.sif"}
    parts = Parts.of(Recipe(("a=command", "b=command"), ("os",), options=options))
    assert list(parts.checks) == ["scratch", "os", "token", "container"]
    assert [parts.needs(p) for p in parts.payloads.values()] == [("token",), ("container",)]


@pytest.mark.parametrize("kind", ["check", "payload"])
def test_every_module_says_what_it_does(kind: str) -> None:
    for name in names(kind):  # type: ignore[arg-type]  # a literal
        module = find(kind, name)  # type: ignore[arg-type]  # as above
        assert module.does and module.own
        for option, (_, text) in module.options.items():
            assert text, option


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("# deadline: 0", "deadline must be a whole number from 1"),
        ("# deadline: soon", "deadline must be a whole number"),
        ("# class: deadly", "class must be one of fatal, limited, info"),
        ("# owner: nobody", "owner must be one of site, vo, us"),
        ("# option: x", "not `option: NAME=DEFAULT DESCRIPTION`"),
        ("# exit: 64", "exit must be a whole number from 1 to 63"),
    ],
)
def test_declarations_are_checked(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "mine.sh"
    path.write_text(f"{line}\n")
    with pytest.raises(ModuleProblem, match=told):
        find("check", str(path))


def test_the_wrapper_lists_what_it_carries(tmp_path: Path) -> None:
    wrapper = pilotkit.built("command", checks=("cores",), rules="cores >= 2 -> command")
    path = tmp_path / wrapper.name
    path.write_bytes(wrapper.data)
    done = subprocess.run(
        ["sh", str(path), "--apf-list"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
        cwd=tmp_path,
    )
    assert "scratch|scratch.sh|1|20|fatal|site|16|yes\n" in done.stdout
    assert "command|cores >= 2\n" in done.stdout
    assert list(tmp_path.iterdir()) == [path]
