"""What every request passes: nothing that a client sends breaks it, and every answer is protected."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import webkit
from autopyfactory.web.guard import HEADERS, LONGEST_QUERY, _headers


@pytest.fixture
def access(tmp_path: Path) -> webkit.FakeAccess:
    return webkit.FakeAccess(tmp_path)


@pytest.mark.parametrize(
    "shown",
    [b"Basic \xe9", b"Basic %%%", b"Basic", b"Basic " + b"/" * 400, b"Bearer", b"Bearer \xff\xfe", b"\xe9",
     b"Digest username=x", b"Basic YTpi\xc3", b"Basic gICA"],
)  # fmt: skip
def test_what_is_no_identity_is_401_and_never_an_accident(access: webkit.FakeAccess, shown: bytes) -> None:
    answer = webkit.client(access).get("/api/status", headers=[(b"authorization", shown)])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert access.asked == [], "the factory is not asked for nobody"


@pytest.mark.parametrize("path", ["/api/status", "/nothing", "/api/queues?limit=0", "/static/style.css"])
@pytest.mark.parametrize("host", ["localhost", "evil.example.org"])
def test_all_answers_are_protected(access: webkit.FakeAccess, path: str, host: str) -> None:
    headers = webkit.client(access).get(path, headers={"Host": host}).headers
    for name, value in HEADERS:
        assert headers[name.decode()] == value.decode()


def test_a_page_may_be_stricter_than_the_rest(access: webkit.FakeAccess) -> None:
    folder = access.folder / "pilots" / "2026-11-22" / "east"
    folder.mkdir(parents=True)
    (folder / "1.0.out").write_text("<script>alert(1)</script>")
    answer = webkit.client(access).get("/logs/2026-11-22/east/1.0.out")
    assert answer.headers.get_list("content-security-policy") == ["sandbox; default-src 'none'"]
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_query_that_is_too_long_is_refused(access: webkit.FakeAccess) -> None:
    browser = webkit.client(access)
    assert browser.get("/api/status?" + "a" * LONGEST_QUERY).status_code == 200
    assert browser.get("/api/status?" + "a" * (LONGEST_QUERY + 1)).status_code == 414


def test_head_is_get_and_is_allowed_no_more(access: webkit.FakeAccess) -> None:
    browser = webkit.client(access, identified=True)
    assert browser.head("/api/status").status_code == 401
    assert browser.head("/health/live").status_code == 200


@given(st.lists(st.tuples(st.sampled_from([b"Host", b"host", b"Cookie", b"X"]), st.binary(max_size=5))))
def test_a_header_counts_only_if_it_comes_once(raw: list[tuple[bytes, bytes]]) -> None:
    found = _headers(raw)
    for name in ("host", "cookie", "x"):
        values = [v.decode("latin-1") for k, v in raw if k.lower() == name.encode()]
        assert found.get(name) == (values[0] if len(values) == 1 else None)
