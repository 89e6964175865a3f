import ssl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autopyfactory.external import redirects
from autopyfactory.external.http import Client, HttpError, Identity
from servers import certificates
from servers.base import HttpServer, Reply, Request


class Leading(HttpServer):
    """Redirects to `where`, with `status`; keeps what it was asked."""

    where = ""
    status = 302

    def answer(self, request: Request) -> Reply:
        if request.path == "/there" or not self.where:
            return Reply.of({"here": True})
        return Reply(self.status, headers={"Location": self.where})


@pytest.fixture
def two():
    with Leading() as first, Leading() as second:
        yield first, second


SECRET = {"X-SLURM-USER-TOKEN": "s3cret", "X-Api-Key": "k3y", "Accept": "application/json"}


def test_tokens_and_headers_go_to_no_other_server(two, tmp_path):
    first, second = two
    (tmp_path / "token").write_text("t0ken")
    first.where = f"{second.url}/there"
    Client(identity=Identity(token_file=str(tmp_path / "token")), headers=SECRET).get(f"{first.url}/a")
    told = {k.lower(): v for k, v in second.requests[0].headers.items()}
    assert "t0ken" not in str(told) and "s3cret" not in str(told) and "k3y" not in str(told)
    assert told["accept"] == "application/json"
    assert "t0ken" in str(first.requests[0].headers)


def test_not_even_when_another_server_leads_back(two):
    first, second = two
    first.where, second.where = f"{second.url}/b", f"{first.url}/there"
    Client(headers=SECRET).get(f"{first.url}/a")
    assert first.requests[1].path == "/there" and "s3cret" not in str(first.requests[1].headers)


def test_they_stay_on_the_same_server(two):
    first, _ = two
    first.where = "/there"
    Client(headers=SECRET).get(f"{first.url}/a", params={"q": "1"})
    assert first.requests[1].headers["X-SLURM-USER-TOKEN"] == "s3cret"
    assert first.requests[1].query == {}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("same", [True, False])
def test_a_body_is_sent_to_nobody_else(two, status, same):
    first, second = two
    first.where, first.status = ("/there" if same else f"{second.url}/there"), status
    with pytest.raises(HttpError, match="redirects a POST"):
        Client().request("POST", f"{first.url}/a", json={"password": "p"})
    with pytest.raises(HttpError, match="redirects a GET"):
        Client().request("GET", f"{first.url}/a", data={"password": "p"})
    assert len(first.requests) == 2 and second.requests == []


def test_a_client_certificate_is_shown_to_nobody_else(tmp_path):
    certs = certificates.make(tmp_path)
    with (
        Leading(certs.server(ssl.CERT_OPTIONAL)) as first,
        Leading(certs.server(ssl.CERT_OPTIONAL)) as second,
    ):
        first.where = f"{second.url}/there"
        Client(identity=Identity(ca=certs.ca_file, cert=certs.client)).get(f"{first.url}/a")
    assert first.requests[0].client_cert and not second.requests[0].client_cert


@pytest.mark.parametrize("before", ["", "\x00", "\t", "\x1b", " ", "\x7f", "\x01\x02"])
@pytest.mark.parametrize("scheme", ["http", "HTTP", "hTtP"])
def test_https_never_leads_to_http_however_it_is_written(before, scheme):
    with pytest.raises(redirects.RedirectError):
        redirects.follow("https://h/a", f"{before}{scheme}://h/b", method="GET", body=False)


@example("//[/0")
@given(st.text(max_size=60) | st.text(alphabet="htps:/\\@[]#?.\x00\t\n é%", max_size=30))
def test_no_target_leaves_https_or_names_no_host(location):
    try:
        target = redirects.follow("https://h:8443/a/b?c", location, method="GET", body=False)
    except redirects.RedirectError:
        return
    scheme, host, _ = redirects.origin(target)
    assert scheme == "https" and host and target.isprintable()


def test_ports_are_compared_whether_written_or_not():
    assert redirects.origin("https://H/") == redirects.origin("HTTPS://h:443/x")
    assert redirects.origin("http://h:443/") != redirects.origin("https://h:443/")
