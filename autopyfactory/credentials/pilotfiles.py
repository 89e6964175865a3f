"""Whether pilots' files on this host can be used: credentials that have expired, and what is missing.

A schedd that is refused says only that: the CE's reasons stay with the CE. What the files themselves tell is
looked up here. Whether a signature or an audience is right only the CE knows.
"""

from __future__ import annotations

import base64
import json
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from autopyfactory.model.text import span
from autopyfactory.wrapper.compose import RecipeError

CREDENTIALS = {"scitokens_file": "token", "x509userproxy": "proxy"}  # submit command: what it names
GONE = "was on this host and is gone"  # so ends what is told of a file that pilots need
LARGEST = 1_000_000  # bytes; no credential is larger
_TOKEN = re.compile(rb"[\w-]+\.([\w-]+)\.[\w-]+")


class Describes(Protocol):
    """A batch submit plugin, as far as it matters here."""

    def describe(self, tag: str, now: datetime | None = None) -> Mapping[str, str]:
        """Return the submit description of pilots."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one file, in words."""

    kind: Literal["expired", "unusable", "missing"]
    words: str
    credential: bool = True  # and not some other file


def of_plugin(plugin: Describes, now: datetime) -> Iterator[Fault]:
    """Yield what is wrong with the files of a queue's pilots; also that there is no pilot to describe."""
    try:
        description = plugin.describe("", now)
    except (RecipeError, ValueError) as err:  # a part of the wrapper is gone, or a name that cannot be sent
        yield Fault("unusable", f"no pilot can be made: {err}", False)
        return
    yield from faults(description, now)


def carried(description: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each file on this host that a submit description names, credentials apart, and what it is."""
    executable = description.get("executable", "")
    local = description.get("transfer_executable", "True").lower() != "false" and "$" not in executable
    composed = "+ApfWrapper" in description  # written down when a pilot is first sent with it
    if executable and local and not composed:
        yield executable, "executable"
    for path in filter(None, (p.strip() for p in description.get("transfer_input_files", "").split(","))):
        if "://" not in path and "$" not in path:
            yield path, "transfer_input_files"


def faults(description: Mapping[str, str], now: datetime) -> Iterator[Fault]:
    """Yield what is wrong with the files that a submit description names, as far as this host can tell."""
    yield from of_credentials(description, now)
    for path, what in carried(description):
        if what == "executable" and not Path(path).is_file():
            yield Fault("missing", f"there is no file {path} (executable) on this host", False)


def of_credentials(description: Mapping[str, str], now: datetime) -> Iterator[Fault]:
    """Yield the same, without the executable: of credentials, and of what travels with the pilot."""
    for command, what in CREDENTIALS.items():
        if path := description.get(command):
            yield from _credential(Path(path), f"the {what} {path}", what, now)
    for path, what in carried(description):
        if what != "executable":
            yield from _credential(Path(path), path, "", now)


def faults_of(path: str, now: datetime) -> Iterator[Fault]:
    """Yield what is wrong with the credential in one file."""
    yield from _credential(Path(path), f"the credential {path}", "credential", now)


def of_queues(plugins: Mapping[str, Iterable[Describes]], now: datetime) -> dict[str, str]:
    """Return what is wrong with credentials, in words, of those queues where something is.

    A queue has a plugin for each CE that it sends to. One that cannot describe its pilots is told like
    a fault of theirs: it concerns that queue only.
    """
    found = {
        queue: "; ".join(dict.fromkeys(words for plugin in its for words in _told(plugin, now)))
        for queue, its in plugins.items()
    }
    return {queue: words for queue, words in found.items() if words}


def _told(plugin: Describes, now: datetime) -> list[str]:
    try:
        return [f.words for f in of_plugin(plugin, now) if f.credential]
    except Exception as err:  # noqa: BLE001 - a third party's plugin may raise anything
        return [f"what pilots carry cannot be told: {str(err) or type(err).__name__}"]


def _credential(path: Path, name: str, what: str, now: datetime) -> Iterator[Fault]:
    """Judge one file; `what` is empty where it may as well hold something else than a credential."""
    try:
        kind = path.stat()
        if not stat.S_ISREG(kind.st_mode):
            if what or not stat.S_ISDIR(kind.st_mode):
                yield Fault("unusable", f"{name} is no file", bool(what))
            return
        data = path.read_bytes() if kind.st_size <= LARGEST else b""
    except FileNotFoundError:
        yield Fault("missing", f"there is no file {path} on this host", bool(what))
        return
    except OSError as err:
        yield Fault("unusable", f"{name} cannot be read: {err.strerror or err}", bool(what))
        return
    end = expiry(data)
    if end is None and what:
        yield Fault("unusable", f"{name} holds no {what}")
    elif end is not None and end <= now:
        yield Fault("expired", ended(name, end, now))


def ended(name: str, end: datetime, now: datetime) -> str:
    """Say that the credential called `name` has expired."""
    return f"{name} expired at {end:%Y-%m-%d %H:%MZ}, {span((now - end).total_seconds())} ago"


def expiry(data: bytes) -> datetime | None:
    """Return when a token (JWT) or a proxy (PEM) ends; the far future for one that says nothing of it.

    None when it is neither.
    """
    if match := _TOKEN.fullmatch(data.strip()):
        return _of_token(match[1])
    if b"-----BEGIN CERTIFICATE" not in data:
        return None
    from cryptography import x509  # 8 MB: only where there are proxies

    try:
        return min(c.not_valid_after_utc for c in x509.load_pem_x509_certificates(data))
    except ValueError:
        return None


def _of_token(payload: bytes) -> datetime | None:
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        end = claims.get("exp")
        return datetime.max.replace(tzinfo=UTC) if end is None else datetime.fromtimestamp(float(end), UTC)
    except (ValueError, TypeError, AttributeError, OverflowError, OSError):
        return None
