"""`web`: the pages from a terminal, and tokens: made, listed, revoked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request

from patience import PATIENCE
from place import Place


def test_tokens_are_made_listed_and_revoked(place: Place) -> None:
    (place.folder / "state").mkdir()
    made = place.run("web", "token", "add", "ann", "--scope", "operate", "--until", "2h").stdout.strip()
    assert re.fullmatch(r"apf_[\w-]{40,}", made)
    listed = place.run("web", "token", "list").stdout
    assert "ann" in listed
    assert "operate" in listed
    assert made not in listed
    place.run("web", "token", "add", "ann", code=1)
    place.run("web", "token", "revoke", "ann")
    assert place.run("web", "token", "list").stdout == ""
    place.run("web", "token", "revoke", "ann", code=1)


def test_a_factory_that_is_down_has_its_pages(place: Place) -> None:
    place.start()
    place.wait_kept("east", "nothing")
    place.stop()
    command = [sys.executable, "-m", "autopyfactory", "web", "--conf", str(place.conf), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stdout is not None
    try:
        url = process.stdout.readline().removeprefix("web: ").strip()
        with urllib.request.urlopen(f"{url}/api/status", timeout=PATIENCE) as answer:
            assert b'"east"' in answer.read()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        process.stdout.close()
