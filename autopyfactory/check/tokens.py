"""Tokens that others can read, on this machine or on the way."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from autopyfactory.config.effective import parts_of
from autopyfactory.config.model import QueueConfig
from autopyfactory.model import hostport
from autopyfactory.options.declare import find, specs
from autopyfactory.options.problem import Problem

FIELDS = frozenset({"token_file", "tokenfile"})
HERE = ("127.0.0.1", "localhost", "::1")


def exposed(queue: QueueConfig, *, files: bool) -> Iterator[Problem]:
    """Yield a warning for each token file of `queue` that is sent in the clear, or that others can read."""
    for _, options in parts_of(queue):
        for spec in specs(type(options)):
            path = getattr(options, spec.field)
            hit = find(spec, queue.section)
            if spec.field not in FIELDS or not path or hit is None:
                continue
            for message, hint in _faults(str(path), str(getattr(options, "url", "")), files):
                yield Problem("warning", message, hit[1].where, queue.name, hit[0], hit[1].text, hint)


def _faults(path: str, url: str, files: bool) -> Iterator[tuple[str, str]]:
    if url.lower().startswith("http://") and not _here(url):
        yield "the token is sent over plain http: anybody on the way can take it", "use https"
    try:
        mode = os.stat(os.path.expanduser(path)).st_mode if files else 0
    except OSError:
        return  # it is told elsewhere that it is not there
    if stat.S_IMODE(mode) & 0o007:
        yield f"other users can read it (mode {stat.S_IMODE(mode):04o})", f"chmod 600 {path}"


def _here(url: str) -> bool:
    try:
        return hostport.parse_endpoint(url).host.lower() in HERE
    except ValueError:
        return False
