"""Proxies: 2.4's profiles load, commands are 2.4's, a proxy is judged before it replaces another.

The programs here are stand-ins; the real ones, and real servers, are in tests/grid.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from authkit import complaint, private_file, profile
from autopyfactory.credentials.credential import CredentialError
from autopyfactory.plugins.auth.myproxy import MyProxy
from autopyfactory.plugins.auth.x509 import X509
from testbed.authority import Authority

INFO = """case "$*" in
*-actimeleft*) echo 7200 ;;
*-fqan*) echo /atlas/Role=production/Capability=NULL; echo /atlas ;;
esac"""
MAKE = """printf "%s\\n" "$@" > {folder}/asked
cat > {folder}/stdin
while [ $# -gt 1 ]; do
    case $1 in -out|-o|-P) cp {folder}/made "$2" ;; esac
    shift
done"""


class World:
    """A folder with stand-ins on PATH; what makes proxies copies `made` and writes its words to `asked`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
        self.authority = Authority()
        self.user = self.authority.user("factory")
        self.made = private_file(folder / "made", self.authority.proxy(self.user, 86400))
        self.cert = private_file(folder / "cert", self.user.certificate)
        self.key = private_file(folder / "key", self.user.key)
        self.proxy = folder / "out" / "proxy"
        self.program("voms-proxy-info", INFO)
        make = MAKE.format(folder=folder)
        for name in ("voms-proxy-init", "arcproxy", "myproxy-logon"):
            self.program(name, make)

    def program(self, name: str, text: str) -> None:
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def x509(self, cls: type = X509, **keys: str) -> X509:
        given = {
            "x509__proxyfile": str(self.proxy),
            "x509__usercert": str(self.cert),
            "x509__userkey": str(self.key),
            "x509__vorole": "atlas:/atlas/Role=production",
            **keys,
        }
        made: X509 = profile(
            cls, self.folder, lambda name: str(self.made) if name == "other" else None, **given
        )
        return made

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()


@pytest.fixture
def w(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_a_proxy_is_made_judged_and_put_in_place(w: World) -> None:
    p = w.x509(**{"x509.lifetime": "345600", "x509.voms.args": "-bits 2048"})
    with pytest.raises(CredentialError, match="there is no file"):
        p.look("")
    p.renew("")
    asked = w.asked
    new = asked[asked.index("-out") + 1]
    assert asked == [
        *("-ignorewarn", "-cert", str(w.cert), "-key", str(w.key), "-voms", "atlas:/atlas/Role=production"),
        *("-valid", "96:00", "-out", new, "-bits", "2048"),
    ]
    assert Path(new).parent.parent == w.proxy.parent, "made beside it, so that it can be renamed"
    assert not Path(new).exists()
    assert stat.S_IMODE(w.proxy.stat().st_mode) == 0o600
    found = p.look("")
    assert (found.kind, found.owner) == ("proxy", "/DC=test/DC=grid/CN=factory")
    assert found.issuer == "/DC=test/DC=grid/CN=Test Authority"
    assert found.roles[0] == "/atlas/Role=production/Capability=NULL"
    assert found.travels
    assert p.presented("").commands == {"x509userproxy": str(w.proxy)}


def test_the_part_that_ends_first_counts(w: World) -> None:
    """The attributes here end in two hours, the proxy in a day."""
    p = w.x509()
    p.renew("")
    found = p.look("")
    assert found.expires is not None and found.issued is not None
    left = (found.expires - found.issued).total_seconds() - 12 * 3600  # issued half a day ago
    assert 7000 < left <= 7300
    alone = w.x509(**{"x509.vorole": "None"}).look("").expires
    assert alone is not None
    assert alone > found.expires


def test_a_base_proxy_gets_attributes_only(w: World) -> None:
    w.x509(**{"x509.baseproxy": str(w.made)}).renew("")
    assert w.asked[:6] == ["-ignorewarn", "-noregen", "-cert", str(w.made), "-key", str(w.made)]


def test_arcproxy(w: World) -> None:
    w.x509(**{"x509.flavor": "arc", "x509.lifetime": "7300"}).renew("")
    assert w.asked[0::2] == ["-P", "-C", "-K", "-S", "-c", "-c"]
    assert w.asked[-3:] == ["validityPeriod=2H", "-c", "vomsACvalidityPeriod=2H"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("echo 'User unknown to this VO.' >&2; exit 1", "User unknown to this VO"),
        ("exit 0", "there is no file"),
        (
            "while [ $# -gt 1 ]; do [ $1 = -out ] && (umask 077; echo nonsense > $2); shift; done",
            "no certificate",
        ),
        ("sleep 600", "did not end within 1 s"),
    ],
)
def test_what_goes_wrong_leaves_the_old_proxy(w: World, how: str, words: str) -> None:
    p = w.x509(**{"x509.timeout": "1"}) if "sleep" in how else w.x509()
    private_file(w.proxy, b"the old one")
    w.program("voms-proxy-init", how)
    with pytest.raises(CredentialError, match=words):
        p.renew("")
    assert w.proxy.read_bytes() == b"the old one"
    assert [f.name for f in w.proxy.parent.iterdir()] == ["proxy"], "nothing is left behind"


@pytest.mark.parametrize("voms", ["7200", "0"])
def test_one_that_has_ended_replaces_nothing(w: World, voms: str) -> None:
    """Nor one whose VOMS attributes have: what is there may still be good."""
    private_file(w.proxy, b"the old one")
    w.program("voms-proxy-info", INFO.replace("7200", voms))
    private_file(w.made, w.authority.proxy(w.user, -60 if voms != "0" else 3600))
    with pytest.raises(CredentialError, match="the new proxy expired"):
        w.x509().renew("")
    assert w.proxy.read_bytes() == b"the old one"


def test_another_role_is_not_the_one(w: World) -> None:
    w.program("voms-proxy-info", INFO.replace("production", "pilot"))
    p = w.x509()
    with pytest.raises(CredentialError, match="has not the role atlas:/atlas/Role=production"):
        p.renew("")
    assert not w.proxy.exists()


def test_a_key_that_others_may_read_is_not_used(w: World) -> None:
    w.key.chmod(0o640)
    with pytest.raises(CredentialError, match="mode 0640"):
        w.x509().renew("")


def test_myproxy_gets_the_pass_phrase_where_nobody_sees_it(w: World) -> None:
    phrase = private_file(w.folder / "phrase", "open sesame\n")
    server = {"x509.myproxy_hostname": "mp.org", "x509.myproxy_username": "factory", "x509.vorole": "None"}
    for given in ({"x509.myproxy_passphrasefile": str(phrase)}, {"x509.myproxy_passphrase": "open sesame"}):
        p = w.x509(MyProxy, **server, **given)
        p.renew("")
        assert w.asked[:8] == ["-s", "mp.org", "-p", "7512", "-l", "factory", "-t", "96"]
        assert "-S" in w.asked
        assert not any("sesame" in word for word in w.asked)
        assert (w.folder / "stdin").read_text() == "open sesame\n"
        assert "sesame" not in repr(w.x509(MyProxy, **server, **given).presented(""))
    old = w.x509(X509, **server, **{"x509.flavor": "myproxy", "x509.retriever_list": "gone, other"})
    old.renew("")
    assert w.asked[-1] == "-n"


def test_a_retriever_that_has_no_proxy_yet(w: World) -> None:
    p = w.x509(
        MyProxy,
        **{"x509.myproxy_hostname": "mp.org", "x509.myproxy_username": "f", "x509.retriever_list": "gone"},
    )
    with pytest.raises(CredentialError, match="none of the profiles gone has a proxy yet"):
        p.renew("")


OLD_PROXY_CONF = {
    "baseproxy": "None",
    "proxyfile": "/tmp/prodProxy",
    "lifetime": "604800",
    "checktime": "3600",
    "minlife": "259200",
    "usercert": "~/cert.pem",
    "userkey": "~/key.pem",
    "vorole": "atlas:/atlas/Role=production",
    "flavor": "voms",
    "renew": "True",
}


def test_proxy_conf_of_2_4_loads(tmp_path: Path) -> None:
    o = profile(X509, tmp_path, **OLD_PROXY_CONF).options
    assert (o.proxyfile, o.lifetime, o.least, o.check) == ("/tmp/prodProxy", 604800, 259200, 3600)
    assert o.usercert == str(Path("~/cert.pem").expanduser())


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "x509.proxyfile: required"),
        ({"x509.proxyfile": "/p"}, "x509.baseproxy is required, or x509.usercert and x509.userkey"),
        ({"x509.proxyfile": "/p", "x509.flavor": "myproxy"}, "x509.myproxy_hostname"),
        ({"x509.proxyfile": "/p", "x509.baseproxy": "/b", "x509.voms.args": "'"}, "No closing quotation"),
        ({"x509.proxyfile": "/p", "x509.baseproxy": "/b", "x509.vorole": "-x"}, "x509.vorole"),
    ],
)
def test_profiles_that_cannot_work(keys: dict[str, str], words: str) -> None:
    assert words in complaint(X509, **keys)


def test_one_that_others_make_needs_only_its_file(tmp_path: Path) -> None:
    p = profile(X509, tmp_path, **{"x509.proxyfile": "/p", "x509.renew": "False"})
    assert not p.renews
