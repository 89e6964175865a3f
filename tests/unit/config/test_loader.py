"""Sources: where they may be, in which order they count, and what happens when one does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from autopyfactory.config.fetch import READING, Reading, resolve, shown
from autopyfactory.config.loader import RawConfig, load_directory, load_sources, merge, parse_text
from patience import PATIENCE


def texts(raw: RawConfig, name: str) -> dict[str, str]:
    section = raw.sections[name]
    return {k: section.values[k].text for k in section.values}


def write(folder: Path, **files: str) -> list[str]:
    for name, text in files.items():
        (folder / name).write_text(text)
    return [str(folder / name) for name in files]


# --- merging ----------------------------------------------------------------------------------------


def test_merging_as_in_2_4(tmp_path: Path) -> None:
    """The vector that was checked against the original."""
    first = "[DEFAULT]\nx=1\n[A]\nk=%(x)s\ny=5\n[B]\nz=9\n"
    second = "[DEFAULT]\nx=2\n[A]\nm=3\ny=6\n"
    raw = load_sources(write(tmp_path, a=first, b=second))
    assert texts(raw, "A") == {"k": "2", "m": "3", "x": "2", "y": "6"}
    assert texts(raw, "B") == {"x": "1", "z": "9"}
    assert list(raw.sections) == ["A", "B"]


def test_a_later_default_does_not_beat_an_explicit_value(tmp_path: Path) -> None:
    raw = load_sources(write(tmp_path, a="[A]\nx=1\n", b="[DEFAULT]\nx=2\n[A]\ny=3\n"))
    assert texts(raw, "A") == {"x": "1", "y": "3"}


def test_override_keeps_what_was_there_and_takes_what_is_new(tmp_path: Path) -> None:
    first = "[DEFAULT]\nd=1\n[A]\noverride=True\nx=1\n[B]\nx=1\n"
    second = "[DEFAULT]\nd=2\ne=2\n[A]\nx=2\ny=2\nd=3\n[B]\nx=2\n"
    raw = load_sources(write(tmp_path, a=first, b=second))
    assert texts(raw, "A") == {"override": "True", "x": "1", "d": "1", "e": "2", "y": "2"}
    assert texts(raw, "B") == {"x": "2", "d": "2", "e": "2"}


def test_override_may_stand_in_the_defaults(tmp_path: Path) -> None:
    raw = load_sources(write(tmp_path, a="[DEFAULT]\noverride=yes\n[A]\nx=1\n", b="[A]\nx=2\n"))
    assert texts(raw, "A")["x"] == "1"


def test_a_bad_override_is_told() -> None:
    raw = merge([parse_text("[A]\noverride=perhaps\nx=1\n"), parse_text("[A]\nx=2\n")])
    assert [p.message for p in raw.problems] == ["is neither true nor false"]
    assert texts(raw, "A")["x"] == "2"


def test_three_sources() -> None:
    parts = [f"[DEFAULT]\nd={i}\n[A]\nk{i}={i}\nsame={i}\n" for i in range(3)]
    raw = merge(parse_text(p) for p in parts)
    assert texts(raw, "A") == {"k0": "0", "k1": "1", "k2": "2", "same": "2", "d": "2"}


def test_values_that_a_plugin_made_are_not_interpolated() -> None:
    from autopyfactory.options.section import Section

    made = RawConfig({"A": Section.from_texts("A", {"k": "5% of %(x)s"})})
    assert texts(merge([made, parse_text("[A]\nl=1\n")]), "A") == {"k": "5% of %(x)s", "l": "1"}


# --- files and folders --------------------------------------------------------------------------------


def test_a_folder_is_read_in_sorted_order_with_one_default(tmp_path: Path) -> None:
    write(tmp_path, **{"b.conf": "[A]\nx=b\n", "a.conf": "[DEFAULT]\nd=1\n[A]\nx=a\ny=a\n"})
    write(tmp_path, **{"c.conf~": "[A]\nx=backup\n", ".h.conf": "[A]\nx=hidden\n", "README": "?"})
    raw = load_directory(str(tmp_path))
    assert texts(raw, "A") == {"x": "b", "y": "a", "d": "1"}
    assert raw.problems == ()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    (problem,) = load_directory(str(tmp_path / "nix")).problems
    assert problem.severity == "error"


def test_a_folder_that_may_not_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    write(tmp_path, **{"a.conf": "[A]\nk=1\n"})
    tmp_path.chmod(0)
    try:
        (problem,) = load_directory(str(tmp_path)).problems
    finally:
        tmp_path.chmod(0o700)
    assert problem.message == "cannot be read: Permission denied"


def test_what_cannot_be_read_is_told_and_the_rest_is_there(tmp_path: Path) -> None:
    (good,) = write(tmp_path, good="[A]\nk=1\n")
    raw = load_sources([str(tmp_path / "nix"), good, str(tmp_path)])
    assert [str(p.where) for p in raw.problems] == [str(tmp_path / "nix"), str(tmp_path)]
    assert [p.message for p in raw.problems] == [
        "cannot be read: No such file or directory",
        "is not a regular file",
    ]
    assert list(raw.sections) == ["A"]


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    raw = load_sources([str(tmp_path / "pipe")])
    assert [p.message for p in raw.problems] == ["is not a regular file"]


def test_spellings_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/apf")
    assert resolve("file:///etc/q.conf", None) == "/etc/q.conf"
    assert resolve("file:///a%20b", None) == "/a b"
    assert resolve("~/q.conf", None) == "/home/apf/q.conf"
    assert resolve("https://h/q.conf", tmp_path) == "https://h/q.conf"
    assert resolve("q.conf", tmp_path) == str(tmp_path / "q.conf")
    assert resolve("file://[", None).startswith("/")
    assert resolve("x" * 5000, tmp_path).endswith("xxx")  # too long for a name: told when it is read
    assert [p.severity for p in load_sources(["x" * 5000, "a\0b"]).problems] == ["error", "error"]


def test_a_relative_name_is_looked_for_beside_the_file_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    write(here, only_here="", both="")
    write(there, both="")
    monkeypatch.chdir(here)
    assert resolve("both", there) == str(there / "both")
    assert resolve("only_here", there) == str(here / "only_here")
    assert resolve("none", there) == str(there / "none")


def test_urls_are_shown_without_secrets() -> None:
    assert shown("https://u:p@h:8443/q.conf?token=abc#x") == "https://h:8443/q.conf"
    assert shown("/etc/q?x") == "/etc/q?x"


# --- URLs -----------------------------------------------------------------------------------------------


class Server:
    """A web server with one page, which can be made slow or go away."""

    text = "[A]\nk = 1\n"
    status = 200
    drip = 0.0

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.text)))
                self.end_headers()
                for byte in outer.text.encode():
                    time.sleep(outer.drip)
                    self.wfile.write(bytes([byte]))

            def log_message(self, *args: object) -> None:
                pass

        self.httpd = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.httpd.server_port}/q.conf"
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    it = Server()
    yield it
    it.drip = 0
    it.httpd.shutdown()
    it.httpd.server_close()


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "copies"
    token = READING.set(Reading(deadline=2, copies=folder, insecure=True))
    yield folder
    READING.reset(token)


def test_a_url_is_read_and_a_private_copy_kept(server: Server, copies: Path) -> None:
    raw = load_sources([server.url])
    assert texts(raw, "A") == {"k": "1"}
    assert raw.problems == ()
    assert str(raw.sections["A"].values["k"].where) == f"{server.url}:2"
    (copy,) = copies.iterdir()
    assert copy.read_text() == server.text
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copies.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("status", [404, 500])
def test_the_last_good_copy_is_used_when_the_server_fails(server: Server, copies: Path, status: int) -> None:
    load_sources([server.url])
    server.status, server.text = status, "<html>sorry</html>"
    raw = load_sources([server.url])
    assert texts(raw, "A") == {"k": "1"}
    (problem,) = raw.problems
    assert problem.severity == "warning"
    assert str(status) in problem.message
    assert "its copy of 20" in problem.message


def test_without_a_copy_it_is_an_error(server: Server, copies: Path) -> None:
    server.status = 404
    (problem,) = load_sources([server.url]).problems
    assert problem.severity == "error"


def test_a_server_that_drips_is_given_up_in_time(server: Server, copies: Path) -> None:
    load_sources([server.url])
    server.drip, server.text = 1.0, "[A]\nk = 2\n" + "#" * 110
    start = time.monotonic()
    raw = load_sources([server.url])
    assert time.monotonic() - start < PATIENCE / 2  # the server would take it all
    assert texts(raw, "A") == {"k": "1"}
    assert raw.problems[0].severity == "warning"


def test_no_network_means_no_question(server: Server, copies: Path) -> None:
    token = READING.set(replace(READING.get(), network=False))
    try:
        raw = load_sources([server.url])
        assert raw.sections == {}
        assert [p.message for p in raw.problems] == ["was not read, since it is on the network"]
    finally:
        READING.reset(token)


def test_a_copy_that_cannot_be_kept_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    token = READING.set(Reading(deadline=2, copies=tmp_path / "file" / "copies", insecure=True))
    try:
        raw = load_sources([server.url])
    finally:
        READING.reset(token)
    assert texts(raw, "A") == {"k": "1"}
    assert raw.problems[0].message.startswith("no copy of it can be kept")
