"""docs/first-factory.md, literally: whoever copies its commands has ten jobs done and a wrong token told."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.control.client import NotRunning, call
from patience import until
from testbed.errors import TestbedError
from testbed.grid import Grid

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs/first-factory.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
LIMIT = 1200  # seconds


@pytest.fixture
def checkout(place: Path) -> Iterator[Path]:
    """What `make setup` leaves, in a folder that can be written to; nothing that was started there stays."""
    folder = place / "checkout"
    folder.mkdir()
    for name in (".venv", "misc"):
        (folder / name).symlink_to(TOP / name)
    yield folder
    pidfile = folder / "my-factory/factory.pid"
    if pidfile.exists():
        os.kill(int(pidfile.read_text()), 9)
    for directory in place.glob("autopyfactory-testbed-*"):
        try:
            Grid.load(directory).down()
        except TestbedError as error:
            print(error)


@pytest.mark.slow
@pytest.mark.timeout(LIMIT + 60)
def test_from_nothing_to_ten_jobs_done(checkout: Path, place: Path) -> None:
    first, *rest = BLOCKS
    assert first == "make setup\n"
    script = "\n".join(f"echo '=== {number}'\n{block}" for number, block in enumerate(rest))
    env = {**os.environ, "TMPDIR": str(place)}  # where the test bed lives: not in that of the user
    file = place / "output"
    with file.open("w") as output:  # no pipe: what the commands leave running would keep it open
        done = subprocess.run(
            ["bash", "-eu", "-c", script],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            cwd=checkout, env=env, timeout=LIMIT, check=False,
        )  # fmt: skip
    text = file.read_text()
    print(text)
    assert done.returncode == 0
    said = re.split(r"^=== \d+\n", text, flags=re.MULTILINE)[1:]
    told = dict(zip(rest, said, strict=True))

    def after(words: str) -> str:
        (found,) = (text for block, text in told.items() if words in block)
        return found

    assert "0 errors, 0 warnings" in after("autopyfactory check --conf")
    looked = after("autopyfactory check --online")
    assert looked.count("ok    authenticate") == 2, looked
    assert "10 job(s) submitted" in after("condor_q")
    assert re.findall(r"^\d+ \d+ (\d+)$", after("condor_wait"), re.MULTILINE) == ["0"] * 10
    assert "credential" in after("until autopyfactory why")

    def over() -> bool:
        try:
            call(checkout / "my-factory/state/control.sock", "status")
        except NotRunning:
            return True
        return False

    until(over, "the factory's end")
    assert not list(place.glob("autopyfactory-testbed-*"))
