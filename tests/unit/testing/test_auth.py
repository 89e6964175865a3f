"""The contract of kind `auth`, held by our own plugins."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path

from authkit import private_file, token
from autopyfactory.plugins.auth.myproxy import MyProxy
from autopyfactory.plugins.auth.ssh import SSH
from autopyfactory.plugins.auth.token import Token
from autopyfactory.plugins.auth.x509 import X509
from autopyfactory.testing.auth import AuthContract
from testbed.authority import Authority

PHRASE = "open sesame, they said"


class TestToken(AuthContract):
    plugin = Token
    keys = {"token.file": "/t"}

    def working(self, folder: Path) -> Mapping[str, str]:
        return {"token.file": str(private_file(folder / "t", token()))}

    def broken(self, folder: Path) -> Mapping[str, str]:
        return {"token.file": str(private_file(folder / "t", f"{PHRASE} is no token"))}

    def secrets(self, folder: Path) -> Iterator[str]:
        yield PHRASE


class TestTokenFromAnIssuer(AuthContract):
    plugin = Token
    keys = {"token.flow": "client", "token.client_id": "x", "token.issuer": "https://issuer.test"}

    def working(self, folder: Path) -> Mapping[str, str]:
        return TestToken().working(folder)

    def broken(self, folder: Path) -> Mapping[str, str]:
        """Nobody listens there."""
        return {**self.keys, "token.issuer": "http://127.0.0.1:9", "token.client_secret": PHRASE}

    def secrets(self, folder: Path) -> Iterator[str]:
        yield PHRASE


class TestX509(AuthContract):
    plugin = X509
    keys = {"x509.proxyfile": "/p", "x509.baseproxy": "/b"}

    def working(self, folder: Path) -> Mapping[str, str]:
        authority = Authority()
        proxy = private_file(folder / "proxy", authority.proxy(authority.user("me")))
        return {"x509.proxyfile": str(proxy), "x509.renew": "False"}

    def broken(self, folder: Path) -> Mapping[str, str]:
        base = private_file(folder / "base", "no proxy")
        return {"x509.proxyfile": str(folder / "proxy"), "x509.baseproxy": str(base)}


class TestMyProxy(TestX509):
    plugin = MyProxy
    keys = {
        "x509.proxyfile": "/p",
        "x509.myproxy_hostname": "127.0.0.1",
        "x509.myproxy_port": "9",
        "x509.myproxy_username": "me",
        "x509.myproxy_passphrase": PHRASE,
    }

    def broken(self, folder: Path) -> Mapping[str, str]:
        return {**self.keys, "x509.proxyfile": str(folder / "proxy")}

    def secrets(self, folder: Path) -> Iterator[str]:
        yield PHRASE


class TestSSH(AuthContract):
    plugin = SSH
    keys = {"ssh.privatekeyfile": "/k"}

    def working(self, folder: Path) -> Mapping[str, str]:
        key = b"-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"
        return {"ssh.privatekey": base64.b64encode(key).decode(), "authbasedir": str(folder / "keys")}

    def broken(self, folder: Path) -> Mapping[str, str]:
        return {"ssh.privatekeyfile": str(private_file(folder / "key", PHRASE))}

    def secrets(self, folder: Path) -> Iterator[str]:
        yield PHRASE
