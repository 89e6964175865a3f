"""Values that must never be shown: in problems, dumps, differences, logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from autopyfactory.model.redact import MASK, hidden, names_file

_NAMES = re.compile(
    r"(pass(word|wd|phrase)?|passw|secret|token|private_?key|privkeypass|credential|authorization|cookie"
    r"|(?P<plain>api[_-]?key|access[_-]?key))s?$",
    re.I,
)
_PATHS = re.compile(r"(file|path|dir|directory|_key)$", re.I)
MIN_LENGTH = 4  # shorter texts are in everything


@lru_cache(maxsize=10_000)  # the same few keys are asked about for each of thousands of queues
def secret_name(key: str) -> bool:
    """Whether a key of this name holds a secret itself (not the name of a file with one)."""
    found = _NAMES.search(key)
    return found is not None and (found["plain"] is not None or _PATHS.search(key) is None)


def is_secret(key: str, text: str) -> bool:
    """Whether `text` is a secret, as far as the name of its key tells; names of files are none."""
    return secret_name(key) and text not in ("", "None", "none") and not names_file(text)


def masked(key: str, text: str, secrets: Iterable[str] = (), *, plain: bool = False) -> str:
    """Return `text` of `key` fit to be shown; `secrets` are texts that must not be in it either.

    `plain`: whatever the key's name, its declaration says that the value is no secret.
    """
    if not plain and is_secret(key, text):
        return MASK
    for secret in secrets:
        if len(secret) >= MIN_LENGTH:
            text = text.replace(secret, MASK)
    return hidden(text)
