"""A factory whose daemon serves its pages, with processes as pilots and queues in all states."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autopyfactory.daemon.webchild import address
from patience import PATIENCE, until
from place import Place

QUEUES = """
[paused]
wmsqueue = west
[held-back]
wmsqueue = east
wmsstatus.file.path = {folder}/missing.json
[refusing]
wmsqueue = east
executable = /nonexistent/wrapper
"""


@dataclass
class Served:
    """A factory that runs, its pages, its process, and a token that may act there."""

    place: Place
    url: str
    token: str
    daemon: subprocess.Popen[bytes]


@contextmanager
def serving() -> Iterator[Served]:
    """Run the factory; its pages are at any port that is free."""
    with tempfile.TemporaryDirectory(prefix="apf-web-") as folder:
        place = Place(Path(folder))
        place.configure(QUEUES.format(folder=folder), web__port="0")
        log = place.folder / "factory.log"
        command = [
            sys.executable,
            "-m",
            "autopyfactory",
            "--conf",
            str(place.conf),
            "--info",
            "--log",
            str(log),
        ]
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            until(lambda: address(place.folder / "state") is not None)
            place.run("pause", "paused", "--until", "8h", "--reason", "the cooling is being mended")
            until(lambda: _settled(place))
            token = place.run("web", "token", "add", "ann", "--scope", "operate").stdout.strip()
            url = address(place.folder / "state")
            assert url is not None
            yield Served(place, url, token, daemon)
        finally:
            daemon.terminate()
            daemon.wait(PATIENCE)
            place.kill_pilots()


def _settled(place: Place) -> bool:
    rows = {r["queue"]: r for r in json.loads(place.run("status", "--json").stdout)["queues"]}
    causes = {name: row["cause"] for name, row in rows.items()}
    seen = causes.get("held-back") == "wms-down" and causes["paused"] == "paused"
    return seen and rows["east"]["running"] == 2
