import os
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import pytest

from autopyfactory.external import privatefiles


def modes(folder):
    return {p.name: p.stat().st_mode & 0o7777 for p in [folder, *folder.rglob("*")]}


def test_what_others_could_read_is_closed_and_told(tmp_path):
    state = tmp_path / "state"
    (state / "config-copies").mkdir(parents=True)
    state.chmod(0o755)
    for name in ("ledger.db", "history.db", "history.db-wal", "pauses.json", "autopyfactory.pid"):
        (state / name).write_text("")
        (state / name).chmod(0o644)
    (state / "somebody.txt").write_text("")
    (state / "somebody.txt").chmod(0o644)
    told = privatefiles.keep(state)
    assert len(told) == 7 and f"{state} had mode 0755" in told
    found = modes(state)
    assert found.pop("somebody.txt") == 0o644
    assert {m for n, m in found.items() if n in ("state", "config-copies")} == {0o700}
    assert {m for n, m in found.items() if n not in ("state", "config-copies")} == {0o600}
    assert privatefiles.keep(state) == []


def test_a_group_may_read_and_no_more(tmp_path):
    state = tmp_path / "state"
    privatefiles.keep(state, os.getgid())
    assert state.stat().st_mode & 0o7777 == 0o2750
    privatefiles.create(state / "x.db")
    assert (state / "x.db").stat().st_mode & 0o777 == 0o640
    privatefiles.keep(state)
    assert modes(state) == {"state": 0o700, "x.db": 0o600}


def test_no_link_is_followed(tmp_path):
    target = tmp_path / "target.json"
    target.write_text("")
    target.chmod(0o644)
    state = tmp_path / "state"
    state.mkdir()
    (state / "pauses.json").symlink_to(target)
    privatefiles.keep(state)
    assert target.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_databases_are_private_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        privatefiles.keep(tmp_path / "state")
        path = tmp_path / "state" / "x.db"
        privatefiles.create(path)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (x)")
        assert set(modes(tmp_path / "state").values()) == {0o700, 0o600}
        assert (tmp_path / "state" / "x.db-wal").exists()
        connection.close()
    finally:
        os.umask(before)


@pytest.mark.root
def test_another_user_can_no_longer_lock_the_ledger():
    """As root: the user `nobody` tries to take a shared lock, which would stop every submission."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        state = Path(folder, "state")
        state.mkdir(mode=0o755)
        path = state / "ledger.db"
        path.write_text("")
        path.chmod(0o644)
        code = f"import fcntl; fcntl.lockf(open({str(path)!r}, 'rb'), fcntl.LOCK_SH)"
        nobody = [
            "setpriv",
            "--reuid=nobody",
            "--regid=nogroup",
            "--clear-groups",
            "/usr/bin/python3",
            "-c",
            code,
        ]
        assert subprocess.run(nobody, capture_output=True, check=False).returncode == 0
        privatefiles.keep(state)
        done = subprocess.run(nobody, capture_output=True, text=True, check=False)
        assert done.returncode != 0 and "Permission denied" in done.stderr
