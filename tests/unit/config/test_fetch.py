"""Where a source lies, and that reading it ends: with bytes, or with one clear error."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from autopyfactory.config import fetch
from autopyfactory.config.fetch import READING, Reading, is_url, read, resolve
from autopyfactory.options.problem import ConfigError


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("http://x/q", True),
        ("HTTPS://x/q", True),
        ("file:///q", False),
        ("ftp://x/q", False),
        ("/http://x", False),
        ("https", False),
    ],
)
def test_what_is_fetched_over_the_network(source: str, url: bool) -> None:
    assert is_url(source) is url


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("started", "conf", "home"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "started")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("/etc/q.conf", "/etc/q.conf"),
        ("/etc/../etc/./q.conf", "/etc/q.conf"),
        ("~/q.conf", "{}/home/q.conf"),
        ("file:///etc/q.conf", "/etc/q.conf"),
        ("FILE:///etc/q.conf", "/etc/q.conf"),
        ("file://localhost/etc/q.conf", "/etc/q.conf"),
        ("file:///etc/a%20b%25.conf", "/etc/a b%.conf"),
        ("/etc/a%20b.conf", "/etc/a%20b.conf"),  # only a URL is encoded
        ("there.conf", "{}/conf/there.conf"),
        ("both.conf", "{}/conf/both.conf"),  # beside the file that names it, first
        ("here.conf", "{}/started/here.conf"),  # from where it was started, as with 2.4
        ("nowhere.conf", "{}/conf/nowhere.conf"),
        ("https://x/../q", "https://x/../q"),
    ],
)
def test_where_a_source_is(home: Path, source: str, place: str) -> None:
    for file in ("conf/there.conf", "conf/both.conf", "started/both.conf", "started/here.conf"):
        (home / file).touch()
    assert resolve(source, home / "conf") == place.format(home)


def test_without_a_file_that_names_it_the_working_directory_counts(home: Path) -> None:
    assert resolve("q.conf", None) == str(home / "started" / "q.conf")


def failure(source: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(source)
    (problem,) = caught.value.problems
    assert problem.severity == "error"
    assert problem.where is not None
    return problem.message


def test_bytes_are_as_they_are_on_disk(tmp_path: Path) -> None:
    (tmp_path / "q").write_bytes(b"\xff\x00\r\n")
    assert read(str(tmp_path / "q")) == (b"\xff\x00\r\n", [])


def test_what_is_no_file_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert failure(str(tmp_path / "pipe")) == "is not a regular file"
    assert failure(str(tmp_path)) == "is not a regular file"
    assert failure("/dev/zero") == "is not a regular file"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert failure(str(tmp_path / "s")) == "is not a regular file"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nix", "No such file"), ("x" * 300, "too long"), ("a\0b", "null"), ("loop", "symbolic link")],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    message = failure(f"{tmp_path}/{name}")
    assert message.startswith("cannot be read: ")
    assert reason in message


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(fetch.MAX_SIZE + 1)
    assert failure(str(tmp_path / "big")) == "is larger than 64 MB"
    with (tmp_path / "big").open("wb") as file:
        file.truncate(0)
    assert read(str(tmp_path / "big"))[0] == b""


def test_a_secret_in_a_url_is_not_told() -> None:
    token = READING.set(Reading(network=False, insecure=False))
    try:
        with pytest.raises(ConfigError) as caught:
            read("http://me:hunter2@127.0.0.1:1/q?token=hunter2")
        assert "hunter2" not in str(caught.value)
        data, (warning,) = read("https://me:hunter2@127.0.0.1:1/q?token=hunter2")
    finally:
        READING.reset(token)
    assert data == b""
    assert "hunter2" not in str(warning)


def test_copies_of_two_urls_are_two_files_for_the_owner_only(tmp_path: Path) -> None:
    how = Reading(network=False, copies=tmp_path / "copies")
    for url in ("https://x/a", "https://x/b"):
        assert fetch._keep(url, url.encode(), how) == []
    token = READING.set(how)
    try:
        for url in ("https://x/a", "https://x/b"):
            data, (warning,) = read(url)
            assert data == url.encode()
            assert "this is a copy of 2" in warning.message
    finally:
        READING.reset(token)
    assert (tmp_path / "copies").stat().st_mode & 0o077 == 0
    assert all(f.stat().st_mode & 0o077 == 0 for f in (tmp_path / "copies").iterdir())
    assert fetch._keep("https://x/c", b"", Reading(copies=tmp_path / "copies", keep=False)) == []
    assert len(list((tmp_path / "copies").iterdir())) == 2
