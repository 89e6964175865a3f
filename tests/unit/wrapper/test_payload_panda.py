"""The payload `panda` around a pilot of our own making: how it is fetched, started, watched, and ends.

With PanDA's own pilot it runs in tests/grid/test_panda_pilot.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import signal
import tarfile
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from patience import PATIENCE, until
from pilotkit import Ended, Pilot, built
from servers.base import HttpServer, Reply, Request

Fly = Callable[..., Pilot]
VERSION = "3.12.0.1"

# Writes down how it was started, gets some jobs, and ends as the test says.
PILOT = """
import json, os, signal, sys, time
say = json.loads(os.environ["FAKE"])
seen = {"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}
seen["leads"] = os.getsid(0) == os.getpid()
print("SEEN " + json.dumps(seen), flush=True)
print("CONFIG " + json.dumps(open(os.environ["HARVESTER_PILOT_CONFIG"]).read()), flush=True)
with open(os.environ["PANDA_PILOT_SOURCE"] + "/pandaIDs.out", "a") as file:
    file.write("".join(f"{n}\\n" for n in say.get("jobs", ())))
if "hang" in say:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda n, frame: (print("GOT", n, flush=True), sys.exit(say["hang"])))
    open("pilotlog.txt", "w").write("begun")
    while True:
        time.sleep(0.1)
        if say.get("writes"):
            open("pilotlog.txt", "a").write("x")
sys.exit(say.get("exit", 0))
"""


def archive(version: str = VERSION, top: str = "pilot3") -> bytes:
    files = {
        "pilot.py": PILOT,
        "PILOTVERSION": version,
        "pilot/util/default.cfg": "[Information]\nqueues_url: https://far.example.org/\nother: kept\n",
    }
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


Start = Callable[..., Pilot]


@pytest.fixture
def start(fly: Fly, tmp_path: Path) -> Start:
    """``start(say, options=, shell=, **environment)``: a pilot whose archive is a file of the node."""
    data = archive()
    place = tmp_path / "pilot3.tar.gz"
    place.write_bytes(data)

    def start(
        say: Mapping[str, Any],
        options: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Pilot:
        given = {"url": str(place), "sha256": sha256(data), **(options or {})}
        wrapper = built("panda", options={f"panda.{k}": v for k, v in given.items()}, settings=settings)
        return fly(wrapper, FAKE=json.dumps(dict(say)), **more)

    return start


def told(ended: Ended, word: str) -> Any:
    [line] = [line for line in ended.output.splitlines() if line.startswith(f"{word} ")]
    return json.loads(line.removeprefix(f"{word} "))


@pytest.mark.parametrize(
    ("code", "jobs", "exit_code", "outcome", "reason"),
    [
        (0, [7, 8, 8], 0, "ok", "done"),
        (0, [], 0, "empty", "no-job"),
        (82, [], 0, "empty", "no-job"),
        *((n, [], n, "failed", f"pilot-{n}") for n in (64, 65, 67, 71, 79, 81, 83)),
        *((n, [], n, "node-fault", f"pilot-{n}") for n in (66, 69, 75)),
        *((n, [], n, "refused", f"pilot-{n}") for n in (68, 80)),
        (1, [7], 20, "failed", "exit-code-1"),
        (84, [], 20, "failed", "exit-code-84"),
    ],
)
def test_its_exit_codes(
    start: Start, code: int, jobs: list[int], exit_code: int, outcome: str, reason: str
) -> None:
    ended = start({"exit": code, "jobs": jobs}).end()
    assert (ended.code, ended.summary["outcome"], ended.summary["reason"]) == (exit_code, outcome, reason)
    assert ended.summary["payload"]["exit"] == code
    assert ended.summary["payload"]["total"] == len(set(jobs))
    assert ended.summary.get("owner") == ("site" if outcome == "node-fault" else None)


def test_a_node_fault_holds_the_slot_and_an_empty_pilot_does_not(start: Start) -> None:
    assert start({"exit": 75}, settings={"APF_HOLD": "1"}).end().summary["hold"] == 1
    assert start({"exit": 68}, settings={"APF_HOLD": "1"}).end().summary["hold"] == 0


def test_how_it_is_started(start: Start, sh: str) -> None:
    options = {
        "server": "https://panda.example.org", "port": "25085", "user": "rubin", "label": "user", "jobs": "2",
        "resource_type": "MCORE", "proxycheck": "no", "queues_url": "http://near.example.org/q",
        "queuedata_url": "http://near.example.org/d", "arguments": "--verify-proxy 'a b'",
    }  # fmt: skip
    pilot = start(
        {"jobs": [1]}, options, shell=sh, files={"panda.token": "t0ken-itself"},
        PANDA_AUTH_TOKEN="panda.token",
        X509_USER_PROXY="/not/here", HARVESTER_ID="f", HARVESTER_WORKER_ID="1700",
    )  # fmt: skip
    ended = pilot.end()
    seen = told(ended, "SEEN")
    words, env = seen["argv"], seen["env"]
    pairs = dict(pairwise(words))
    assert (pairs["-q"], pairs["-r"], pairs["-s"]) == ("SITE", "SITE", "SITE")
    assert (pairs["--pilot-user"], pairs["-j"], pairs["-v"]) == ("rubin", "user", "2")
    assert (pairs["--url"], pairs["-p"]) == ("https://panda.example.org", "25085")
    assert (pairs["--resource-type"], pairs["--verify-proxy"]) == ("MCORE", "a b")
    assert pairs["-a"] == seen["cwd"] and "-t" in words
    assert env["PANDA_AUTH_TOKEN"] == str(pilot.folder / "panda.token")
    assert (env["X509_USER_PROXY"], env["HARVESTER_WORKER_ID"]) == ("/not/here", "1700")
    assert env["PILOT_NOKILL"] == "YES" and not seen["leads"]
    assert told(ended, "CONFIG") == "[Information]\nqueues_url: http://near.example.org/q\nother: kept\n"
    assert "t0ken-itself" not in ended.output + ended.errors


def test_it_is_ended_when_its_log_is_silent(start: Start) -> None:
    ended = start({"jobs": [1], "hang": 3}, {"stuck": "1"}).end(2 * PATIENCE)
    assert (ended.code, ended.summary["outcome"], ended.summary["reason"]) == (21, "cut", "stuck")
    assert "GOT 2\n" in ended.output  # as its own wrapper does


def test_it_is_ended_at_its_lifetime_and_not_before_while_it_writes(start: Start) -> None:
    ended = start({"hang": 3, "writes": True}, {"stuck": "11", "lifetime": "14"}).end(2 * PATIENCE)
    assert (ended.code, ended.summary["reason"]) == (21, "lifetime")
    assert ended.summary["payload"]["wall"] >= 14 and "GOT 15\n" in ended.output


def test_term_reaches_it(start: Start, sh: str) -> None:
    pilot = start({"hang": 0}, settings={"APF_GRACE": "60"}, shell=sh)
    until(lambda: "SEEN " in pilot.output and "CONFIG " in pilot.output, "the pilot runs")
    pilot.process.send_signal(signal.SIGTERM)
    ended = pilot.end()
    assert (ended.code, ended.summary["outcome"]) == (143, "cut")


# --- how it comes -----------------------------------------------------------------------------------------


class Shelf(HttpServer):
    """A web server with files."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__()
        self.files = files

    def answer(self, request: Request) -> Reply:
        data = self.files.get(request.path)
        return Reply(200, data) if data is not None else Reply.text("no", 404)


def options(urls: str, digests: str, version: str = "") -> dict[str, str]:
    return {"url": urls, "sha256": digests, "version": version}


def test_the_digest_of_the_version_decides(start: Start) -> None:
    old, new = archive("3.9.2"), archive("3.12.0.1")
    both = f"3.9.2:{sha256(old)} 3.12.0.1:{sha256(new)}"
    with Shelf({"/pilot3-3.9.2.tar.gz": old, "/pilot3-3.12.0.1.tar.gz": new}) as shelf:
        for version in ("3.9.2", "3.12.0.1"):
            wanted = options(f"{shelf.url}/pilot3-{{version}}.tar.gz", both, version)
            ended = start({"jobs": [1]}, wanted).end()
            assert ended.code == 0 and f"pilot {version} for SITE" in ended.output
        ended = start({}, options(f"{shelf.url}/pilot3-{{version}}.tar.gz", both, "3.10")).end()
        assert (ended.code, ended.summary["reason"], ended.summary["outcome"]) == (22, "no-digest", "refused")


def test_the_second_place_is_asked_when_the_first_has_something_else(start: Start) -> None:
    good = archive()
    with Shelf({"/bad": b"not that", "/good": good}) as shelf:
        ended = start(
            {"jobs": [1]}, options(f"{shelf.url}/none {shelf.url}/bad {shelf.url}/good", sha256(good))
        ).end()
        assert ended.code == 0
        assert [request.path for request in shelf.requests] == ["/none", "/bad", "/good"]


@pytest.mark.parametrize("more", [{"sha256": "0" * 64}, {"url": "/nowhere/at/all"}, {"megabytes": "0"}])
def test_nothing_else_runs(start: Start, more: dict[str, str]) -> None:
    ended = start({}, more).end()
    assert (ended.code, ended.summary["reason"], ended.summary["outcome"]) == (22, "no-pilot", "refused")
    assert "SEEN" not in ended.output and ended.summary["hold"] == 0


def test_an_archive_without_a_pilot(start: Start, tmp_path: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("empty/file"))
    (tmp_path / "other.tar.gz").write_bytes(made.getvalue())
    ended = start({}, options(str(tmp_path / "other.tar.gz"), sha256(made.getvalue()))).end()
    assert (ended.code, ended.summary["reason"]) == (22, "no-pilot-inside")


# --- archives of the payload `command` ----------------------------------------------------------------------


def program(text: str = "echo from the archive; cat data") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, content, mode in (("run.sh", f"#!/bin/sh\n{text}\n", 0o755), ("data", "the data\n", 0o644)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content.encode()))
    return made.getvalue()


def test_a_command_comes_in_an_archive(fly: Fly, sh: str, tmp_path: Path) -> None:
    path = tmp_path / "program.tar.gz"
    path.write_bytes(program())
    given = {"command.command": "run.sh", "command.archive": "program.tar.gz"}
    ended = fly(built("command", options=given, files=(str(path),)), shell=sh).end()
    assert ended.code == 0 and "from the archive\nthe data\n" in ended.output


def test_an_archive_is_fetched_by_its_digest(fly: Fly) -> None:
    data = program()
    with Shelf({"/p": data}) as shelf:
        for digest, code, reason in (
            (sha256(data), 0, "done"),
            ("0" * 64, 22, "no-archive"),
            ("", 22, "no-archive"),
        ):
            given = {"command": "run.sh", "archive": f"{shelf.url}/p", "sha256": digest}
            wrapper = built("command", options={f"command.{k}": v for k, v in given.items() if v})
            ended = fly(wrapper).end()
            assert (ended.code, ended.summary["reason"]) == (code, reason)
