"""URLs as they may be shown: in messages, logs and pages."""

from __future__ import annotations

import re

from autopyfactory.model.text import visible

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
