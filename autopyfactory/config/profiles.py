"""Credential profiles of 2.4's two kinds of files, auth.conf and the older proxy.conf, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from autopyfactory.config.ini import parse
from autopyfactory.options.problem import Problem
from autopyfactory.options.section import Value

HINT = "authConf and proxyConf are merged: give the profile another name in one of them, or equal values"


def clashes(auth: Iterable[Path], proxy: Iterable[Path]) -> list[Problem]:
    """Return an error for each key on which files of `auth` and of `proxy` contradict each other."""
    known = {name: own for file in auth for name, own in profiles(file)}
    return [
        Problem("error", f"is {there.text!r} in {there.where}", value.where, name, key, value.text, HINT)
        for file in proxy
        for name, own in profiles(file)
        for key, value in own.items()
        if (there := known.get(name, {}).get(key)) is not None and there.text != value.text
    ]


def profiles(file: Path) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield the profiles of `file`, their keys as auth.conf has them: x509.proxyfile, not proxyfile."""
    ini = parse(file.read_bytes(), str(file))
    for name, own in ini.sections.items():
        both = {**ini.defaults, **own}
        yield name, {_as_in_auth_conf(key): value for key, value in both.items()}


def _as_in_auth_conf(key: str) -> str:
    return key if key in ("plugin", "authbasedir") or key.startswith(("x509.", "ssh.")) else f"x509.{key}"
