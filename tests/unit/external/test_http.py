import gzip
import socket
import ssl
import time
from pathlib import Path

import pytest

from autopyfactory.external.http import Client, HttpError, Identity
from patience import PATIENCE, SOON
from servers import certificates, faulty
from servers.base import HttpServer, Reply, Request


class Echo(HttpServer):
    """Tells what it was asked; each path has its quirk."""

    failures = 0

    def answer(self, request: Request) -> Reply:
        if request.path == "/flaky" and self.failures:
            self.failures -= 1
            return Reply.text("later", 503)
        if request.path == "/there":
            return Reply(302, headers={"Location": "/here"})
        if request.path == "/cached" and request.headers.get("If-None-Match") == '"1"':
            return Reply(304, headers={"ETag": '"1"'})
        if request.path == "/zip":
            return Reply(200, gzip.compress(b"7" * 3_000_000), {"Content-Encoding": "gzip"})
        if request.path == "/down":
            return Reply(302, headers={"Location": "http://127.0.0.1:1/"})
        seen = {k.lower(): v for k, v in request.headers.items()}
        return Reply.of({"path": request.path, "headers": seen, "client": request.client_cert})


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("certs"))


@pytest.fixture
def echo():
    with Echo() as server:
        yield server


def test_get_json_with_the_headers_we_choose(echo):
    client = Client(headers={"Accept": "application/json"})
    got = client.get(f"{echo.url}/x", params={"a": "ä b"}).json()
    assert got["headers"]["accept"] == "application/json"
    assert got["headers"]["user-agent"].startswith("autopyfactory/")
    assert echo.requests[0].query == {"a": ["ä b"]}


def test_connection_is_kept_and_a_dropped_one_replaced(echo):
    client = Client()
    client.get(echo.url)
    echo.stop()
    echo.start()
    assert client.get(echo.url).status == 200


def test_get_is_tried_again_after_503_but_post_is_not(echo):
    echo.failures = 1
    assert Client().get(f"{echo.url}/flaky").status == 200
    echo.failures = 1
    with pytest.raises(HttpError, match=r"answered 503 .*later"):
        Client().request("POST", f"{echo.url}/flaky")
    assert len(echo.requests) == 3


def test_redirect_is_followed_and_conditional_get_says_304(echo):
    assert Client().get(f"{echo.url}/there").json()["path"] == "/here"
    assert Client().get(f"{echo.url}/cached", headers={"If-None-Match": '"1"'}).status == 304


def test_size_limit_holds_for_the_unpacked_body(echo):
    with pytest.raises(HttpError, match="more than 1000000 bytes"):
        Client(max_bytes=1_000_000).get(f"{echo.url}/zip")


def test_environment_cannot_weaken_trust_nor_replace_the_token(echo, certs, tmp_path, monkeypatch):
    netrc, token = tmp_path / "netrc", tmp_path / "token"
    netrc.write_text("machine 127.0.0.1 login evil password evil\n")
    token.write_text("abc.def\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certs.other_ca_file)
    client = Client(identity=Identity(token_file=str(token)))
    assert client.get(echo.url).json()["headers"]["authorization"] == "Bearer abc.def"
    token.write_text("new\n")
    assert client.get(echo.url).json()["headers"]["authorization"] == "Bearer new"
    with Echo(certs.server()) as secure:
        assert Client(identity=Identity(ca=certs.ca_file)).get(secure.url).status == 200
        with pytest.raises(HttpError, match=r"TLS failed.*verify failed"):
            Client().get(secure.url)  # the variable still holds where nothing else is configured


def test_proxy_variables_are_obeyed(echo, monkeypatch):
    monkeypatch.setenv("http_proxy", echo.url)
    assert Client().get("http://elsewhere.invalid/x").status == 200
    assert echo.requests[0].raw_path == "http://elsewhere.invalid/x"


@pytest.mark.parametrize("text", ["", "two words", "a\nb"])
def test_a_token_file_without_one_token_is_refused_before_anything_is_sent(echo, tmp_path, text):
    (tmp_path / "t").write_text(text)
    with pytest.raises(HttpError, match="no single token"):
        Client(identity=Identity(token_file=str(tmp_path / "t"))).get(echo.url)
    assert echo.requests == []


def test_client_certificate_is_shown_and_its_renewal_noticed(certs, tmp_path):
    mine = tmp_path / "proxy.pem"
    mine.write_bytes(Path(certs.expired_client).read_bytes())
    client = Client(identity=Identity(ca=certs.ca_file, cert=str(mine)))
    with Echo(certs.server(ssl.CERT_REQUIRED)) as server:
        with pytest.raises(HttpError, match="TLS failed"):
            client.get(server.url)
        fresh = tmp_path / "fresh.pem"
        fresh.write_bytes(Path(certs.client).read_bytes())
        fresh.replace(mine)
        assert client.get(server.url).json()["client"]


def test_missing_files_are_named(echo):
    with pytest.raises(HttpError, match=r"/nowhere/ca.pem"):
        Client(identity=Identity(ca="/nowhere/ca.pem")).get(echo.url)
    with pytest.raises(HttpError, match="/nowhere/token"):
        Client(identity=Identity(token_file="/nowhere/token")).get(echo.url)


def test_secrets_in_a_url_are_not_repeated():
    with pytest.raises(HttpError) as caught:
        Client().get("http://user:hunter2@127.0.0.1:1/x?token=hunter2")
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1:1/x" in str(caught.value)


def test_redirect_from_tls_to_plain_is_not_followed(certs):
    with Echo(certs.server()) as secure, pytest.raises(HttpError, match="plain http"):
        Client(identity=Identity(ca=certs.ca_file)).get(f"{secure.url}/down")


FAULTS = {
    "reset": (faulty.reset, "reset|aborted"),
    "silent": (faulty.silent, "did not answer completely within 0.6 s"),
    "slow header": (faulty.drip_head, "did not answer completely within 0.6 s"),
    "slow body": (faulty.drip_body, "did not answer completely within 0.6 s"),
    "cut off": (faulty.cut_off, "broke off"),
    "100 MB": (faulty.endless, "sends more than 1000000 bytes"),
    "100 MB announced": (faulty.huge, "sends 100000000 bytes"),
    "redirect loop": (faulty.redirect_loop, "redirects more than 5 times"),
    "html": (faulty.says(faulty.HTML), "answered 200 with an HTML page"),
    "repr": (faulty.says(faulty.PYTHON_REPR), "text form of a Python object"),
    "truncated": (faulty.says(faulty.TRUNCATED_JSON), "breaks off after"),
    "empty": (faulty.says(faulty.http(b"")), "an empty answer"),
    "no http": (faulty.says(b"SSH-2.0-OpenSSH_9.2\r\n"), "SSH-2.0|BadStatusLine|broke off|aborted"),
    "plain 403": (
        faulty.says(faulty.http(b"ERROR : method nope is forbidden", status="403 Forbidden")),
        "403 Forbidden: ERROR : method nope",
    ),
}


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_end_in_time_and_are_told(fault, secure, certs):
    behaviour, told = FAULTS[fault]
    with faulty.FaultyServer(behaviour, certs.server() if secure else None) as server:
        timeout = 0.6 if "0.6 s" in told else PATIENCE  # what only hangs takes it
        client = Client(timeout=timeout, max_bytes=1_000_000, identity=Identity(ca=certs.ca_file))
        started = time.monotonic()
        with pytest.raises(HttpError, match=told):
            client.get(server.url).json()
        assert time.monotonic() - started < SOON


def test_refused_connection_is_told():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(HttpError, match="Connection refused"):
            Client().get(f"http://127.0.0.1:{unused.getsockname()[1]}/")


def test_tls_to_a_plain_server_is_told(echo):
    with pytest.raises(HttpError, match="TLS failed"):
        Client().get(echo.url.replace("http:", "https:"))
