"""Who may read and act: tokens, proxies and forgeries of both, hosts, forms of other pages."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import webkit
from autopyfactory.web.tokens import TokenError, Tokens, token_file

NOW = datetime.now(UTC)
ORDER = {"reason": "cooling works"}


@pytest.fixture
def access(tmp_path: Path) -> webkit.FakeAccess:
    made = webkit.FakeAccess(tmp_path)
    made.answers["pause"] = {"queue": "east", "words": "paused"}
    return made


def token(access: webkit.FakeAccess, scope: Any = "operate", days: float = 1) -> str:
    return Tokens(token_file(access.folder)).add(f"t-{scope}-{days}", scope, NOW, NOW + timedelta(days=days))


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"me:{text}".encode()).decode()}


def pauses(access: webkit.FakeAccess) -> list[dict[str, Any]]:
    return [a for c, a in access.asked if c == "pause"]


def test_an_order_is_given_in_the_name_of_the_token(access: webkit.FakeAccess) -> None:
    answer = webkit.client(access).post("/api/queues/east/pause", json=ORDER, headers=bearer(token(access)))
    assert answer.status_code == 200, answer.text
    assert pauses(access) == [{"queue": "east", "reason": "cooling works", "by": "t-operate-1 (web)"}]


@pytest.mark.parametrize("who", ["nobody", "viewer", "expired", "unknown", "basic", "revoked", "garbage"])
def test_nobody_else_gives_one(access: webkit.FakeAccess, who: str) -> None:
    good = token(access)
    headers = {
        "nobody": {},
        "viewer": bearer(token(access, "view")),
        "expired": bearer(token(access, days=-1)),
        "unknown": bearer("apf_" + "x" * 43),
        "basic": basic(good),  # a browser would send that for any page
        "revoked": bearer(good),
        "garbage": {"Authorization": "Basic %%%"},
    }[who]
    if who == "revoked":
        Tokens(token_file(access.folder)).revoke("t-operate-1")
    answer = webkit.client(access).post("/api/queues/east/pause", json=ORDER, headers=headers)
    assert answer.status_code in (401, 403)
    assert pauses(access) == []


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": " "}, {"reason": "x", "until": "soon"}])
def test_an_order_has_a_reason_and_a_time_that_is_one(access: webkit.FakeAccess, body: Any) -> None:
    answer = webkit.client(access).post("/api/queues/east/pause", json=body, headers=bearer(token(access)))
    assert 400 <= answer.status_code < 500
    assert pauses(access) == []


def test_a_token_is_kept_as_a_hash_in_a_private_file(access: webkit.FakeAccess) -> None:
    made = token(access)
    path = token_file(access.folder)
    assert made not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o666)
    with pytest.raises(TokenError, match="open to other users"):
        Tokens(path).all()
    answer = webkit.client(access).post("/api/queues/east/pause", json=ORDER, headers=bearer(made))
    assert answer.status_code == 401


@pytest.mark.parametrize("broken", ["", "{}", '{"tokens": [{"name": 1}]}', "[]"])
def test_a_broken_file_of_tokens_lets_nobody_act(access: webkit.FakeAccess, broken: str) -> None:
    made = token(access)
    token_file(access.folder).write_text(broken)
    browser = webkit.client(access)
    assert browser.post("/api/queues/east/pause", json=ORDER, headers=bearer(made)).status_code == 401
    assert browser.get("/api/status").status_code == 200, "reading goes on"


def proxied(access: webkit.FakeAccess, addresses: tuple[str, ...] = ("127.0.0.1",), **more: Any) -> Any:
    secret = access.folder / "secret"
    secret.write_text("s3cret\n")
    return webkit.client(
        access, proxy_addresses=addresses, proxy_secret_file=str(secret), operators=("ann",), **more
    )


def test_a_proxy_that_proves_itself_is_believed(access: webkit.FakeAccess) -> None:
    browser = proxied(access, identified=True)
    known = {"X-Forwarded-User": "bob", "X-Proxy-Secret": "s3cret"}
    assert browser.get("/api/status", headers=known).status_code == 200
    assert browser.get("/api/status").status_code == 401


@pytest.mark.parametrize(
    ("addresses", "proof"),
    [(("10.0.0.0/8",), "s3cret"), (("127.0.0.1",), ""), (("127.0.0.1",), "wrong"), (("::1",), "s3cret")],
)
def test_a_forged_header_of_a_proxy_is_nobody(access: webkit.FakeAccess, addresses: Any, proof: str) -> None:
    browser = proxied(access, addresses, identified=True)
    forged = {"X-Forwarded-User": "ann", "X-Proxy-Secret": proof}
    assert browser.get("/api/status", headers=forged).status_code == 401
    assert browser.get("/health/live", headers=forged).status_code == 200


def test_a_header_that_comes_twice_is_not_believed(access: webkit.FakeAccess) -> None:
    twice = [("X-Forwarded-User", "bob"), ("X-Forwarded-User", "ann"), ("X-Proxy-Secret", "s3cret")]
    assert proxied(access, identified=True).get("/api/status", headers=twice).status_code == 401


@pytest.mark.parametrize("host", ["evil.example.org", "localhost.evil.org", "", "127.0.0.1.nip.io", "a b"])
def test_other_names_than_ours_are_refused(access: webkit.FakeAccess, host: str) -> None:
    assert webkit.client(access).get("/api/status", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    "host", ["localhost:1234", "127.0.0.1:80", "[::1]:8080", "apf.example.org", "LOCALHOST"]
)
def test_our_names_are_answered(access: webkit.FakeAccess, host: str) -> None:
    browser = webkit.client(access, names=("apf.example.org",))
    assert browser.get("/api/status", headers={"Host": host}).status_code == 200


def test_every_answer_has_the_headers_that_protect_it(access: webkit.FakeAccess) -> None:
    for path in ("/api/status", "/nothing", "/metrics"):
        headers = webkit.client(access).get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_other_methods_are_refused(access: webkit.FakeAccess, method: str) -> None:
    assert webkit.client(access).request(method, "/api/status").status_code == 405


def test_no_answer_shows_a_token(access: webkit.FakeAccess) -> None:
    made = token(access)
    said = webkit.client(access).get("/api/status", headers=bearer(made)).text
    assert made not in said
    assert json.loads(said)
