"""Pilots' files are hostile: names, links, sizes, content."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.web import logfiles
from autopyfactory.web.logfiles import NoSuchLog

DAY, QUEUE = "2026-11-22", "east"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "logs" / DAY / QUEUE).mkdir(parents=True)
    (tmp_path / "secret.0.out").write_text("secret")
    return tmp_path / "logs"


def put(base: Path, name: str, data: bytes) -> Path:
    path = base / DAY / QUEUE / name
    path.write_bytes(data)
    return path


def test_head_and_tail_of_a_large_file_are_all_that_is_read(base: Path) -> None:
    path = put(base, "1.0.out", b"")
    with path.open("r+b") as file:
        file.write(b"begin\n")
        file.seek(50_000_000_000)  # a hole: takes no room
        file.write(b"end\n")
    head, tail = logfiles.excerpts(base, DAY, QUEUE, "1.0.out")
    assert head.text.startswith("begin")
    assert tail.text.endswith("end\n")
    assert head.length + tail.length == logfiles.HEAD + logfiles.TAIL
    assert head.size == 50_000_000_004


def test_links_are_not_followed_anywhere(base: Path, tmp_path: Path) -> None:
    (base / DAY / QUEUE / "2.0.out").symlink_to(tmp_path / "secret.0.out")
    (base / DAY / "linked").symlink_to(tmp_path)
    (base / "2026-11-23").symlink_to(base / DAY)
    os.mkfifo(base / DAY / QUEUE / "3.0.out")
    (base / DAY / QUEUE / "4.0.out").mkdir()
    places = [(DAY, QUEUE, f"{n}.0.out") for n in (2, 3, 4)]
    for day, queue, name in (*places, (DAY, "linked", "1.0.out"), ("2026-11-23", QUEUE, "1.0.out")):
        with pytest.raises(NoSuchLog):
            logfiles.excerpts(base, day, queue, name)
    assert logfiles.files(base, DAY, QUEUE) == []


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_no_names_lead_out(tmp_path_factory: pytest.TempPathFactory, day: str, queue: str, name: str) -> None:
    base = tmp_path_factory.getbasetemp() / "none"
    base.mkdir(exist_ok=True)
    for call in (lambda: logfiles.files(base, day, queue), lambda: logfiles.excerpts(base, day, queue, name)):
        with pytest.raises(NoSuchLog):
            call()


@pytest.mark.parametrize("queue", ["..", ".", "", "a/b", ".hidden", "a\0b", "x" * 300])
def test_folders_that_are_no_queues_are_refused(base: Path, queue: str) -> None:
    with pytest.raises(NoSuchLog):
        logfiles.files(base, DAY, queue)


def test_a_listing_is_bounded_in_order_and_goes_on(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfiles, "LISTED", 3)
    for name in ("10.0.out", "9.0.out", "9.1.err", "2.0.log", "submit.9.jdl", "notes"):
        put(base, name, b"x")
    first = [f.name for f in logfiles.files(base, DAY, QUEUE)]
    assert first == ["2.0.log", "9.0.out", "9.1.err"]
    assert [f.name for f in logfiles.files(base, DAY, QUEUE, first[-1])] == ["10.0.out"]
    assert logfiles.days(base) == [DAY]
    assert logfiles.queues(base, DAY) == [QUEUE]


SECRETS = [
    "export APF_TOKEN=hunter2",
    "password: hunter2",
    "Authorization: Bearer hunter2",
    "https://me:hunter2@host/x",
    "x --password hunter2 y",
    "eyJhbGciOiJSUzI1NiJ9hunter2.eyJzdWIiOiJhYmNkZWZnaGlqa2xtIn0hunter2.hunter2sig" + "a" * 3000,
    "x" * 3000 + " PROXY_TOKEN=hunter2",
]


@pytest.mark.parametrize("line", SECRETS)
def test_secrets_are_masked(line: str) -> None:
    assert "hunter2" not in logfiles.shown(f"before\n{line}\nafter")


@given(st.text(max_size=3000))
def test_what_is_shown_is_inert_whatever_it_was(text: str) -> None:
    shown = logfiles.shown(text)
    assert not [c for c in shown if ord(c) < 32 and c not in "\n\t"]
    assert "\u202e" not in shown


def test_hostile_text_costs_little() -> None:
    for text in ("eyJ-" * 70_000, "a" * 280_000, "token" * 50_000, "-" * 280_000, "A=" * 140_000):
        began = time.process_time()
        logfiles.shown(text[: logfiles.MOST])
        assert time.process_time() - began < 20, text[:10]
