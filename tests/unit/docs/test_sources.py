"""Every example in the pages on sources is a configuration without a fault."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autopyfactory.config import build
from servers import cric

PAGES = sorted((Path(__file__).parents[3] / "docs" / "sources").glob("*.md"))
BLOCK = re.compile(r"^```ini\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples(page: Path) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    for name, text in BLOCK.findall(page.read_text()):
        files.setdefault(name, []).append(text)
    return files


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_examples_load_without_a_problem(page: Path, tmp_path: Path) -> None:
    files = examples(page)
    if page.stem != "README":
        assert files, "a page without an example"
    queues = []
    for number, text in enumerate(files.get("queues.conf", [])):
        queues.append(tmp_path / f"queues{number}.conf")
        queues[-1].write_text(text)
    if "monitor.conf" in files:
        (tmp_path / "monitor.conf").write_text(files["monitor.conf"][0])
    factory = files.get("autopyfactory.conf", ["[Factory]\n"])[0]
    assert factory.startswith("[Factory]\n")
    head = f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nstatedir = {tmp_path}\n"
    factory = head + factory.removeprefix("[Factory]\n").replace("/etc/autopyfactory", str(tmp_path))
    with cric.CRIC({"AGLT2": cric.queue("AGLT2", cloud="US", pilot_manager="APF")}) as server:
        factory = re.sub(r"https://atlas-cric\S+", server.source, factory)
        factory = re.sub(r"(?m)^config.queues.cric.capath.*\n", "", factory)
        for name in files.keys() - {"queues.conf", "autopyfactory.conf", "monitor.conf"}:
            (tmp_path / name).write_text(files[name][0])
        for source in queues or [None]:
            conf = factory if source is None else factory.replace(head, f"{head}queueConf = {source}\n")
            (tmp_path / "autopyfactory.conf").write_text(conf)
            configuration = build.load([str(tmp_path / "autopyfactory.conf")])
            assert [str(p) for p in configuration.problems] == []
            assert configuration.queues or not (queues or "CRIC" in factory)
