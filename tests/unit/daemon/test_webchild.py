"""The web process: there when it is wanted, replaced when it dies, gone with its factory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import ValidationError

from autopyfactory.config.build import load
from autopyfactory.daemon import webchild
from autopyfactory.daemon.webchild import WebChild, WebOptions, address, options_of
from daemonkit.bench import alive
from patience import PATIENCE, until
from place import Place


class Wanted:
    """Options that a test changes."""

    def __init__(self) -> None:
        self.now: WebOptions | None = WebOptions(port=0)

    def __call__(self) -> WebOptions | None:
        return self.now


@pytest.fixture
def wanted() -> Wanted:
    return Wanted()


@pytest.fixture
def child(place: Place, wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebChild]:
    monkeypatch.setattr(webchild, "FIRST_PAUSE", 0.1)
    (place.folder / "state").mkdir()
    made = WebChild(wanted, [str(place.conf)], place.folder / "state")
    made.start()
    yield made
    made.stop(PATIENCE)


def up(place: Place, child: WebChild) -> str:
    def there() -> bool:
        said = place.folder / "state/web.json"
        return said.exists() and json.loads(said.read_text())["pid"] == child.pid

    until(there)
    found = address(place.folder / "state")
    assert found is not None
    return found


def live(url: str) -> int:
    with urllib.request.urlopen(f"{url}/health/live", timeout=PATIENCE) as answer:
        return int(answer.status)


def test_it_serves_dies_comes_back_and_ends(place: Place, child: WebChild, wanted: Wanted) -> None:
    assert live(up(place, child)) == 200
    first = child.pid
    assert first is not None
    assert psutil.Process(first).nice() > 0, "cycles come first"
    os.kill(first, signal.SIGKILL)
    until(lambda: child.pid not in (None, first))
    assert live(up(place, child)) == 200
    wanted.now = WebOptions(port=None)
    until(lambda: child.pid is None)
    until(lambda: address(place.folder / "state") is None)
    wanted.now = WebOptions(port=0, per_queue="off")
    until(lambda: child.pid is not None)
    assert live(up(place, child)) == 200


def test_new_options_replace_it(place: Place, child: WebChild, wanted: Wanted) -> None:
    up(place, child)
    before = child.pid
    wanted.now = WebOptions(port=0, identified=True)
    until(lambda: child.pid not in (None, before))


def test_one_that_dies_at_once_is_not_started_again_and_again(place: Place, wanted: Wanted) -> None:
    made = WebChild(wanted, [str(place.conf)], place.folder, command=("/bin/false",))
    for _ in range(50):
        made.step()
    assert made.starts <= 2
    made.stop()


def test_it_ends_with_its_parent_however_that_ends(place: Place) -> None:
    code = "\n".join(
        (
            "import sys, time",
            "from pathlib import Path",
            "from autopyfactory.daemon.webchild import WebChild, WebOptions",
            f"conf, state = [{str(place.conf)!r}], Path({str(place.folder / 'state')!r})",
            "child = WebChild(lambda: WebOptions(port=0), conf, state)",
            "child.start()",
            "while child.pid is None: time.sleep(0.01)",
            "print(child.pid, flush=True)",
            "time.sleep(600)",
        )
    )
    (place.folder / "state").mkdir()
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    until(lambda: address(place.folder / "state") is not None)
    parent.kill()
    parent.wait(PATIENCE)
    parent.stdout.close()
    until(lambda: not alive(pid))


def test_it_is_off_unless_it_is_configured(place: Place) -> None:
    found = options_of(load([str(place.conf)]).parts)
    assert found is not None
    assert found.port is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "0.0.0.0"},
        {"host": "::"},
        {"host": "apf.example.org"},
        {"host": "127.0.0.1:80"},
        {"port": 70000},
        {"proxy_addresses": ("127.0.0.1",)},
        {"proxy_addresses": ("somewhere",), "proxy_secret_file": "/x"},
        {"proxy_header": "X Y"},
    ],
)
def test_what_would_open_it_to_others_by_mistake_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebOptions(**wrong)


def test_no_file_or_a_dead_process_is_no_address(tmp_path: Path) -> None:
    assert address(tmp_path) is None
    (tmp_path / "web.json").write_text("[]")
    assert address(tmp_path) is None
    dead = subprocess.Popen(["/bin/true"])
    dead.wait(PATIENCE)
    (tmp_path / "web.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": dead.pid}))
    assert address(tmp_path) is None
