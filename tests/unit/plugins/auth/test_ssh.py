"""Keys from files and from auth.conf: private from the first byte on, written where they are missing."""

from __future__ import annotations

import base64
import os
import stat
import threading
from pathlib import Path

import pytest

from authkit import complaint, private_file, profile
from autopyfactory.credentials.credential import CredentialError
from autopyfactory.plugins.auth.ssh import SSH

KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_key_in_a_file(tmp_path: Path) -> None:
    file = private_file(tmp_path / "id", KEY)
    p = profile(SSH, tmp_path, **{"ssh.privatekeyfile": str(file)})
    found = p.look("")
    assert (found.kind, found.expires, p.renews) == ("ssh key", None, False)
    assert (p.presented("").key_file, p.presented("").passphrase_file) == (str(file), "")
    file.chmod(0o644)
    with pytest.raises(CredentialError, match="may be read by others"):
        p.look("")
    private_file(file, b"nothing")
    file.chmod(0o600)
    with pytest.raises(CredentialError, match="holds no private key"):
        p.look("")


def test_keys_from_auth_conf_are_written_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        p = profile(
            SSH,
            tmp_path,
            authbasedir=str(tmp_path / "keys"),
            **{
                "ssh.type": "ed25519",
                "ssh.privatekey": encoded(KEY.rstrip()),
                "ssh.publickey": encoded(b"ssh-ed25519 A"),
                "ssh.privkeypass": encoded(b"phrase"),
            },
        )
        wide: list[str] = []
        stop = threading.Event()

        def watch() -> None:
            while not stop.is_set():
                for file in (tmp_path / "keys").rglob("*"):
                    try:
                        if file.stat().st_mode & 0o077:
                            wide.append(str(file))
                    except FileNotFoundError:
                        pass

        watcher = threading.Thread(target=watch)
        watcher.start()
        for _ in range(20):
            p.renew("")
        stop.set()
        watcher.join()
    finally:
        os.umask(before)
    assert wide == []
    key = tmp_path / "keys/p/ed25519"
    assert key.read_bytes() == KEY
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert (tmp_path / "keys/p/ed25519.pub").read_bytes() == b"ssh-ed25519 A\n"
    assert Path(p.presented("").passphrase_file).read_bytes() == b"phrase\n"
    assert p.look("").kind == "ssh key"
    key.write_bytes(KEY.replace(b"abc", b"xyz"))
    with pytest.raises(CredentialError, match="not the key of the profile"):
        p.look("")
    p.renew("")
    p.look("")


@pytest.mark.parametrize(
    ("keys", "words"),
    [({}, "ssh.privatekeyfile or ssh.privatekey"), ({"ssh.privatekey": "not base64!"}, "is no base64")],
)
def test_profiles_that_cannot_work(keys: dict[str, str], words: str) -> None:
    told = complaint(SSH, **keys)
    assert words in told
    assert "not base64!" not in told
