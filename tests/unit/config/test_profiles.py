"""Profiles of auth.conf and of proxy.conf, compared."""

from __future__ import annotations

from pathlib import Path

from autopyfactory.config.profiles import clashes, profiles

AUTH = "[DEFAULT]\nx509.lifetime = 3600\n[a]\nplugin = X509\nx509.proxyfile = /a\n[b]\nx509.proxyfile = /b\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_old_keys_are_those_of_auth_conf(tmp_path: Path) -> None:
    (name, own), *_ = profiles(write(tmp_path / "p", "[a]\nproxyfile = /a\nvoms.args = x\n"))
    assert name == "a"
    assert {k: v.text for k, v in own.items()} == {"x509.proxyfile": "/a", "x509.voms.args": "x"}


def test_only_what_contradicts_is_told(tmp_path: Path) -> None:
    auth = write(tmp_path / "auth.conf", AUTH)
    proxy = write(tmp_path / "proxy.conf", "[a]\nproxyfile = /a\nlifetime = 60\n[c]\nproxyfile = /c\n")
    (problem,) = clashes([auth], [proxy])
    assert (problem.section, problem.key, problem.value) == ("a", "x509.lifetime", "60")
    assert "auth.conf:2" in problem.message
    assert clashes([auth], []) == clashes([], [proxy]) == []
