"""What `check` says of credentials that others keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from authkit import private_file, token
from autopyfactory.check.semantics import inspect
from autopyfactory.config.build import load

CONF = """[Factory]
factoryId = f
baseLogDir = {folder}
statedir = {folder}/state
queueConf = {folder}/queues.conf
authConf = {folder}/auth.conf
"""
QUEUES = """[q]
enabled = True
schedplugin = Fixed
executable = /bin/true
batchsubmitplugin = CondorCE
batchsubmit.condorce.gridresource = ce1.org
batchsubmit.condorce.auth = a
"""


def said(folder: Path, auth: str) -> list[str]:
    (folder / "factory.conf").write_text(CONF.format(folder=folder))
    (folder / "queues.conf").write_text(QUEUES)
    (folder / "auth.conf").write_text(auth)
    found = inspect(load([str(folder / "factory.conf")]))
    return [
        f"{p.section}: {p.message}"
        for p in found
        if p.section == "a" or p.key == "authConf" or "profile" in str(p)
    ]


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (token(7200), 0o600, None),
        (token(-60), 0o600, "expired "),
        ("nothing", 0o600, "holds no token"),
        (token(7200), 0o644, "may be read by others"),
        (None, 0, "there is no file"),
    ],
    ids=["good", "expired", "none", "open", "missing"],  # the tokens themselves are others in every second
)
def test_a_token_that_others_keep(tmp_path: Path, text: str | None, mode: int, words: str | None) -> None:
    file = tmp_path / "t"
    if text is not None:
        private_file(file, text).chmod(mode)
    found = said(tmp_path, f"[a]\nplugin = Token\ntoken.file = {file}\n")
    assert len(found) == (words is not None)
    assert words is None or words in found[0]


def test_what_the_factory_makes_itself_need_not_be_there_yet(tmp_path: Path) -> None:
    text = (
        "[a]\nplugin = Token\ntoken.flow = client\ntoken.client_id = x\ntoken.issuer = https://issuer.test\n"
    )
    assert said(tmp_path, text) == []


def test_a_profile_that_no_queue_uses_is_not_looked_at(tmp_path: Path) -> None:
    text = f"[a]\nplugin = Token\ntoken.file = {private_file(tmp_path / 't', token(7200))}\n"
    assert said(tmp_path, f"{text}[b]\nplugin = Token\ntoken.file = /nowhere\n") == []
