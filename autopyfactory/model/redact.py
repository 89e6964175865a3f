"""URLs, and texts in which somebody left a secret, as they may be shown: in messages, logs and pages."""

from __future__ import annotations

import re

from autopyfactory.model.text import visible

MASK = "***"
_SECRET = (
    r"(?:passw(?:or)?d|passphrase|passwd|pwd|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|private[_-]?key|credential|authorization|cookie|[-_]signature)s?"
)
_SCHEME = r"(?:(?:Bearer|Basic|Negotiate|NTLM|Digest|Token|ApiKey)\s+)?"
_VALUE = _SCHEME + r"""(?:"[^"]*"|'[^']*'|[^\s&;,"']+)"""
# Names of files by which people call tokens and certificates; a secret itself does not end like that.
_NAMED = r"[\w.~/-]{1,255}\.(?:token|jwt|pem)(?![\w./+=-])"
# NAME=value, name: value, "name": "value", --name value, ?name=value: the name ends in a word for a secret
_ASSIGNED = re.compile(rf"((?<![\w.-])[\w.-]*?{_SECRET}[\"']?\s*(?::|=(?!=))\s*)(?!{_NAMED})({_VALUE})", re.I)
# headers, whose values have several parts: up to the quote that they stand in, else to the end of the line
_HEADER = r"(?:proxy-)?authorization\s*:\s*|(?:set-)?cookie2?\s*:\s*"
_QUOTED_HEADER = re.compile(rf"(([\"'])(?:{_HEADER}))[^\r\n]*?\2", re.I)
_PLAIN_HEADER = re.compile(rf"((?<![\w\"'-])(?:{_HEADER}))[^\r\n]+", re.I)
_OPTION = re.compile(rf"((?<!\S)--?[\w-]*{_SECRET}\s+)(?!{_NAMED})({_VALUE})", re.I)
_JWT = re.compile(r"\beyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?")
_USERINFO = re.compile(r"(\w+://[^/\s:@]*:)[^/\s]+@")
_FILE = re.compile(_NAMED, re.I)
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


def names_file(text: str) -> bool:
    """Whether `text` is the name of a file with a token or certificate, by its look; no secret itself."""
    return _FILE.fullmatch(text) is not None


def hidden(text: str) -> str:
    """Return `text` without what looks like a secret: `TOKEN=...`, `--password ...`, `?apikey=...`, JWTs."""
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    text = _QUOTED_HEADER.sub(rf"\1{MASK}\2", text)
    text = _PLAIN_HEADER.sub(rf"\1{MASK}", text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    text = _OPTION.sub(rf"\1{MASK}", text)
    return _JWT.sub(MASK, text)


def hidden_value(key: str, text: str) -> str:
    """Return `text`, the value of `key`, without what looks like a secret by itself or by the name."""
    return hidden(f"{key}={text}").removeprefix(f"{key}=")
