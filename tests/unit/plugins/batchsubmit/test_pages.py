"""The configurations in docs/targets load as they stand."""

import re
from pathlib import Path

import pytest

from autopyfactory.config.build import load

PAGES = Path(__file__).parents[4] / "docs/targets"
FACTORY = "[Factory]\nfactoryId = f\nbaseLogDir = {0}/logs\nstatedir = {0}\nqueueConf = {0}/queues.conf\n"


@pytest.mark.parametrize("page", sorted(p.name for p in PAGES.glob("*.md") if p.name != "README.md"))
def test_a_page_s_configuration_loads(page: str, tmp_path: Path) -> None:
    (block,) = re.findall(r"```ini\n(.*?)```", (PAGES / page).read_text(), re.S)
    (tmp_path / "queues.conf").write_text(block)
    (tmp_path / "factory.conf").write_text(FACTORY.format(tmp_path))
    found = load([str(tmp_path / "factory.conf")])
    assert [str(p) for p in found.problems if p.severity == "error"] == []
    (queue,) = found.queues.values()
    assert queue.batchsubmit is not None
