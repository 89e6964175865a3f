"""Whether a glidein gets the token with which it joins the users' pool: without it a pilot is in vain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from autopyfactory.config.model import QueueConfig

PROGRAM = "glidein.sh"
PAYLOAD = "glidein"
_TOKEN = re.compile(r"(?:^|\s)--token[=\s]+([^\s'\"]+)")


def token_left_behind(queue: QueueConfig, description: Mapping[str, str]) -> str | None:
    """Return the token that a pilot of `queue` is told to use and that does not travel with it.

    None: all is well, or it cannot be told from here (the token is a path on the node, or of no glidein).
    `wrapper.files` lie elsewhere on the node, and in wrappers that CEs may cache: no place for a token.
    """
    named = _composed(queue) if queue.options.wrapper_payloads else _by_hand(description)
    travels = description.get("transfer_input_files", "").split(",")
    there = {PurePath(path.strip()).name for path in travels}
    return next((n for n in named if n not in there and "$" not in n and not n.startswith("/")), None)


def _composed(queue: QueueConfig) -> Iterator[str]:
    for payload in queue.options.wrapper_payloads:
        name, _, kind = payload.partition("=")
        if (kind or name) == PAYLOAD and (token := queue.options.wrapper_options.get(f"{name}.token")):
            yield token


def _by_hand(description: Mapping[str, str]) -> Iterator[str]:
    if PurePath(description.get("executable", "")).name == PROGRAM:
        yield from _TOKEN.findall(description.get("arguments", "").strip('"'))
