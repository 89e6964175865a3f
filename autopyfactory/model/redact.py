"""URLs, and texts in which somebody left a secret, as they may be shown: in messages, logs and pages."""

from __future__ import annotations

import re

from autopyfactory.model.text import visible

MASK = "***"
_SECRET = (
    r"(?:passw(?:or)?d|passphrase|passwd|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|private[_-]?key"
    r"|credential|authorization|cookie)s?"
)
_VALUE = r"""(?:(?:Bearer|Basic)\s+)?(?:"[^"]*"|'[^']*'|[^\s&;,"']+)"""
# NAME=value, name: value, --name value, ?name=value: the name ends in a word for a secret
_ASSIGNED = re.compile(rf"((?<![\w.-])[\w.-]*?{_SECRET}(?:=|\s*:\s*))({_VALUE})", re.I)
_OPTION = re.compile(rf"((?<!\S)--?[\w-]*{_SECRET}\s+)({_VALUE})", re.I)
_JWT = re.compile(r"\beyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?")
_USERINFO = re.compile(r"(\w+://[^/\s:@]*:)[^/\s@]+@")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)")


def shown(source: str) -> str:
    """Return a URL without what may be secret: user, password, query and fragment; other text as it is.

    Works on the text alone, so that a URL which nobody can parse is shown safely too.
    """
    match = _URL.match(source)
    if match is None:
        return visible(source)
    scheme, authority, path = match.groups()
    if "@" in path:  # a password with a slash in it, not encoded: nobody can tell where it ends
        authority, path = path.rpartition("@")[2], ""
    return visible(f"{scheme}://{authority.rpartition('@')[2]}{path}")


def hidden(text: str) -> str:
    """Return `text` without what looks like a secret: `TOKEN=...`, `--password ...`, `?apikey=...`, JWTs."""
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    text = _OPTION.sub(rf"\1{MASK}", text)
    return _JWT.sub(MASK, text)


def hidden_value(key: str, text: str) -> str:
    """Return `text`, the value of `key`, without what looks like a secret by itself or by the name."""
    return hidden(f"{key}={text}").removeprefix(f"{key}=")
