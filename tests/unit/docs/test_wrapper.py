"""What docs/wrapper.md tells VO admins to write works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from autopyfactory.wrapper.compose import Parts, Recipe
from autopyfactory.wrapper.modules import find, names

TEXT = (Path(__file__).parents[3] / "docs/wrapper.md").read_text()


def test_the_example_check_is_one(tmp_path: Path) -> None:
    [script] = [s for s in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) if s.startswith("# does:")]
    path = tmp_path / "licence.sh"
    path.write_text(script)
    module = find("check", str(path))
    assert (module.deadline, module.kind, module.owner, module.hold) == (15, "limited", "site", True)
    assert Parts.of(Recipe(("command",), (str(path), "cores"), options={"licence.server": "http://x"})).checks


def test_the_example_rules_are_rules() -> None:
    [rules] = re.findall(r"```\n(gpus >= 1 and.*)\n```", TEXT)
    payloads = ("training=command", "rc=command", "short=command", "panda=command")
    parts = Parts.of(Recipe(payloads, ("gpu", "os", "cores", "wall"), rules=rules))
    assert [rule.payload for rule in parts.rules] == ["training", "rc", "short", "panda"]


def test_every_check_is_in_the_table() -> None:
    listed = re.findall(r"^\| `([a-z0-9_]+)` \| .*; \d+ s \|", TEXT, re.MULTILINE)
    assert tuple(listed) == names("check")
