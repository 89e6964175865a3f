"""Tokens: only their hashes are kept, only what is whole and in time lets anybody in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.web.tokens import PREFIX, TokenError, Tokens, token_file

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return token_file(tmp_path)


def written(path: Path, text: str) -> Tokens:
    path.write_text(text)
    path.chmod(0o600)
    return Tokens(path)


def test_a_token_is_good_from_its_making_to_its_end(path: Path) -> None:
    tokens = Tokens(path)
    text = tokens.add("ann", "operate", NOW, NOW + DAY)
    found = tokens.find(text, NOW)
    assert found is not None and (found.name, found.scope) == ("ann", "operate")
    assert tokens.find(text, NOW + DAY - timedelta(seconds=1)) is not None
    assert tokens.find(text, NOW + DAY) is None, "its end is not a moment later"
    east = (NOW + DAY + timedelta(seconds=1)).astimezone()
    assert tokens.find(text, east) is None, "whatever the zone of the clock"


@pytest.mark.parametrize("other", ["", PREFIX, "x", "apf_\ud800", "apf_é"])
def test_nothing_else_is_the_token(path: Path, other: str) -> None:
    tokens = Tokens(path)
    text = tokens.add("ann", "view", NOW, NOW + DAY)
    for wrong in (other, text[:-1], text + "x", text.swapcase(), f" {text}", path.read_text()):
        assert tokens.find(wrong, NOW) is None
    kept = json.loads(path.read_text())["tokens"][0]["sha256"]
    assert tokens.find(kept, NOW) is None, "who reads the file can do nothing with it"


def test_two_tokens_are_never_the_same(path: Path) -> None:
    tokens = Tokens(path)
    made = {tokens.add(f"t{i}", "view", NOW, NOW + DAY) for i in range(20)}
    assert len(made) == 20
    assert min(map(len, made)) >= len(PREFIX) + 43  # 32 bytes


def test_one_name_is_one_token_until_it_is_over(path: Path) -> None:
    tokens = Tokens(path)
    first = tokens.add("ann", "view", NOW, NOW + DAY)
    with pytest.raises(TokenError, match="already"):
        tokens.add("ann", "view", NOW, NOW + DAY)
    second = tokens.add("ann", "operate", NOW + 2 * DAY, NOW + 3 * DAY)
    assert tokens.find(first, NOW) is None
    assert tokens.find(second, NOW + 2 * DAY) is not None
    assert [t.scope for t in tokens.all()] == ["operate"]


def test_revoking_ends_one_and_leaves_the_others(path: Path) -> None:
    tokens, served = Tokens(path), Tokens(path)
    gone, kept = (tokens.add(n, "operate", NOW, NOW + DAY) for n in ("ann", "bob"))
    assert served.find(gone, NOW) is not None
    tokens.revoke("ann")
    assert served.find(gone, NOW) is None, "also for who has read the file before"
    assert served.find(kept, NOW) is not None
    with pytest.raises(TokenError, match="no token 'ann'"):
        tokens.revoke("ann")


def test_a_file_that_is_gone_holds_no_token(path: Path) -> None:
    tokens = Tokens(path)
    text = tokens.add("ann", "operate", NOW, NOW + DAY)
    path.unlink()
    assert tokens.find(text, NOW) is None


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o602, 0o644, 0o601])
def test_a_file_that_others_reach_is_not_believed(path: Path, mode: int) -> None:
    text = Tokens(path).add("ann", "operate", NOW, NOW + DAY)
    path.chmod(mode)
    with pytest.raises(TokenError, match="0600"):
        Tokens(path).find(text, NOW)


GOOD = {
    "name": "a",
    "sha256": "0" * 64,
    "scope": "view",
    "created": NOW.isoformat(),
    "expires": NOW.isoformat(),
}


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": 5}, {"sha256": None}, {"sha256": "é" * 64}, {"expires": "soon"}, {"expires": 7},
        {"expires": "2026-11-22T12:00:00"}, {"scope": "admin"}, {"scope": ["operate"]}, {"name": 3},
        {"more": 1},
    ],
)  # fmt: skip
def test_a_file_of_something_else_is_an_error_and_no_accident(path: Path, change: dict[str, Any]) -> None:
    tokens = written(path, json.dumps({"tokens": [{**GOOD, **change}]}))
    with pytest.raises(TokenError, match="cannot be read"):
        tokens.find("apf_x", NOW)


@given(st.binary(max_size=60))
def test_whatever_the_file_holds_nobody_is_let_in_by_it(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.json"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(TokenError):
        Tokens(path).find("apf_x", NOW)


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "nosuch" / "web-tokens.json")
    with pytest.raises(TokenError, match="cannot be written"):
        tokens.add("ann", "view", NOW, NOW + DAY)
