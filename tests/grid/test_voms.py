"""Proxies by a real VOMS server and from a real MyProxy server, with the real clients."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from authkit import private_file, profile
from autopyfactory.credentials.credential import Credential, CredentialError
from autopyfactory.plugins.auth.myproxy import MyProxy
from autopyfactory.plugins.auth.x509 import X509
from testbed.authority import Authority, Identity
from testbed.voms import VO, VOMS

pytestmark = pytest.mark.slow

DN = "/DC=test/DC=grid/CN=factory"
PHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def user(authority: Authority) -> Identity:
    return authority.user("factory")


@pytest.fixture(scope="module")
def servers(place: Path, authority: Authority) -> Iterator[VOMS]:
    with VOMS(place / "voms", authority, "factory") as made:
        yield made


@pytest.fixture(autouse=True)
def clients(servers: VOMS, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in servers.variables.items():
        monkeypatch.setenv(name, value)


def x509(servers: VOMS, folder: Path, who: Identity, **keys: str) -> X509:
    cert, key = private_file(folder / "cert", who.certificate), private_file(folder / "key", who.key)
    given = {
        "x509.proxyfile": str(folder / "proxy"),
        "x509.vorole": f"{VO}:/{VO}/Role=pilot",
        "x509.usercert": str(cert),
        "x509.userkey": str(key),
        "x509.lifetime": "43200",
        "x509.voms.args": servers.arguments,
        **keys,
    }
    made: X509 = profile(X509, folder, **given)
    return made


def hours(found: Credential) -> float:
    return found.left(datetime.now(UTC)) / 3600


def test_a_proxy_with_its_role_is_made_from_a_certificate(
    servers: VOMS, tmp_path: Path, user: Identity
) -> None:
    p = x509(servers, tmp_path, user)
    p.renew("")
    found = p.look("")
    assert (found.owner, found.issuer) == (DN, "/DC=test/DC=grid/CN=Test Authority")
    assert found.roles[0] == f"/{VO}/Role=pilot/Capability=NULL"
    assert 11.9 < hours(found) <= 12
    assert stat.S_IMODE((tmp_path / "proxy").stat().st_mode) == 0o600


def test_the_attributes_may_end_before_the_proxy(servers: VOMS, tmp_path: Path, user: Identity) -> None:
    p = x509(servers, tmp_path, user, **{"x509.voms.args": f"{servers.arguments} -vomslife 2:00"})
    p.renew("")
    assert 1.9 < hours(p.look("")) <= 2
    alone = x509(servers, tmp_path, user, **{"x509.vorole": "None"})
    assert 11.9 < hours(alone.look("")) <= 12


def test_a_base_proxy_gets_new_attributes(
    servers: VOMS, tmp_path: Path, user: Identity, authority: Authority
) -> None:
    base = private_file(tmp_path / "base", authority.proxy(user, 7 * 86400))
    p = x509(servers, tmp_path, user, **{"x509.baseproxy": str(base)})
    p.renew("")
    found = p.look("")
    assert found.owner == DN
    assert found.roles[0] == f"/{VO}/Role=pilot/Capability=NULL"


def test_a_role_that_one_has_not_is_refused_in_voms_words(
    servers: VOMS, tmp_path: Path, user: Identity
) -> None:
    p = x509(servers, tmp_path, user, **{"x509.vorole": f"{VO}:/{VO}/Role=production"})
    with pytest.raises(CredentialError, match=r"(?i)unable to satisfy|not.*role"):
        p.renew("")
    assert not (tmp_path / "proxy").exists()


def test_whom_the_vo_does_not_know(servers: VOMS, tmp_path: Path, authority: Authority) -> None:
    with pytest.raises(CredentialError, match=r"(?i)unknown to this VO"):
        x509(servers, tmp_path, authority.user("stranger")).renew("")


def test_arcproxy_makes_the_same(servers: VOMS, tmp_path: Path, user: Identity) -> None:
    here = servers.directory
    words = f"--vomses={here}/vomses --vomsdir={here}/vomsdir --cadir={here}/anchors"
    p = x509(servers, tmp_path, user, **{"x509.flavor": "arc", "x509.voms.args": words})
    p.renew("")
    found = p.look("")
    assert (found.owner, found.roles[0]) == (DN, f"/{VO}/Role=pilot/Capability=NULL")
    assert 11.9 < hours(found) <= 12


def test_myproxy_gives_a_proxy_for_the_pass_phrase(servers: VOMS, tmp_path: Path, user: Identity) -> None:
    servers.store(user, "stored", PHRASE)
    keys = {
        "x509.proxyfile": str(tmp_path / "proxy"),
        "x509.myproxy_hostname": "localhost",
        "x509.myproxy_port": str(servers.myproxy_port),
        "x509.myproxy_username": "stored",
        "x509.myproxy_passphrasefile": str(private_file(tmp_path / "phrase", PHRASE + "\n")),
        "x509.lifetime": "7200",
    }
    p: MyProxy = profile(MyProxy, tmp_path, **keys)
    p.renew("")
    found = p.look("")
    assert found.owner == DN
    assert 1.9 < hours(found) <= 2
    (tmp_path / "phrase").write_text("wrong phrase\n")
    with pytest.raises(CredentialError, match=r"(?i)invalid.*pass ?phrase") as told:
        p.renew("")
    assert "wrong phrase" not in str(told.value)
    assert p.look("").owner == DN, "the old one stays"


def test_myproxy_gives_a_proxy_to_another_profiles_proxy(
    servers: VOMS, tmp_path: Path, user: Identity, authority: Authority
) -> None:
    """2.4's retriever_list: no pass phrase, whoever shows that proxy is let in."""
    servers.store(user, "open", "", "-n", "-x", "-Z", DN)
    retriever = private_file(tmp_path / "retriever", authority.proxy(user))
    keys = {
        "x509.proxyfile": str(tmp_path / "proxy"),
        "x509.flavor": "myproxy",
        "x509.myproxy_hostname": "localhost",
        "x509.myproxy_port": str(servers.myproxy_port),
        "x509.myproxy_username": "open",
        "x509.retriever_list": "retriever",
        "x509.lifetime": "7200",
    }
    p: X509 = profile(X509, tmp_path, lambda name: str(retriever), **keys)
    p.renew("")
    assert p.look("").owner == DN
    stranger = private_file(tmp_path / "stranger", authority.proxy(authority.user("stranger")))
    other: X509 = profile(X509, tmp_path, lambda name: str(stranger), **keys)
    with pytest.raises(CredentialError, match=r"myproxy-logon ended with code 1"):
        other.renew("")
