"""Bytes of a configuration source: a file, or a URL with a time limit and a last good copy."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from autopyfactory.external import atomicfile
from autopyfactory.model.redact import shown
from autopyfactory.options.problem import ConfigError, Problem, Where

MAX_SIZE = 64 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """How sources are read: whether URLs are asked, how long that may take, and where copies are kept."""

    network: bool = True
    deadline: float = 30.0  # seconds for one URL, all in all
    copies: Path | None = None  # folder of last good copies; None: none are kept or used
    keep: bool = True  # write copies, not only read them
    insecure: bool = False  # take configuration over plain http too


READING: ContextVar[Reading] = ContextVar("autopyfactory_reading")


def reading() -> Reading:
    """Return how sources are to be read in this context."""
    return READING.get(Reading())


def is_url(source: str) -> bool:
    """Whether `source` is fetched over the network."""
    return source.lower().startswith(("http://", "https://"))


def resolve(source: str, base: Path | None) -> str:
    """Return `source` as a URL or an absolute path.

    `file://` and `~` are understood. A relative path is meant from the folder of the file that names it
    (`base`); where there is nothing, from the working directory, as in 2.4.
    """
    if is_url(source):
        return source
    if source.lower().startswith("file://"):
        _, slash, path = source[len("file://") :].partition("/")
        source = unquote(slash + path)
    path = os.path.expanduser(source)
    if base is not None:
        beside = os.path.join(base, path)
        path = beside if os.path.exists(beside) or not os.path.exists(path) else path
    return os.path.abspath(path)


def read(source: str) -> tuple[bytes, list[Problem]]:
    """Return the bytes of a path or URL, and warnings. Raises ConfigError when there is nothing to give."""
    return _read_url(source) if is_url(source) else (_read_file(source), [])


def _error(source: str, message: str, hint: str | None = None) -> ConfigError:
    return ConfigError([Problem("error", message, Where(shown(source)), hint=hint)])


def _read_file(path: str) -> bytes:
    try:
        info = os.stat(path)
        if not stat.S_ISREG(info.st_mode):  # a pipe would block for ever
            raise _error(path, "is not a regular file")
        if info.st_size > MAX_SIZE:
            raise _error(path, f"is larger than {MAX_SIZE >> 20} MB")
        with open(path, "rb") as file:
            return file.read(MAX_SIZE)
    except (OSError, ValueError) as err:
        reason = err.strerror if isinstance(err, OSError) and err.strerror else str(err)
        raise _error(path, f"cannot be read: {reason}") from err


def _read_url(url: str) -> tuple[bytes, list[Problem]]:
    how = reading()
    where = Where(shown(url))
    if not (how.insecure or url.lower().startswith("https://")):
        message = "is not read over plain http: anybody on the way could change what this factory does"
        raise _error(url, message, "use https, or set queueConf.allowinsecure = True")
    if not how.network:
        copy = _last_good(url, how)
        if copy is None:
            return b"", [Problem("warning", "was not read, since it is on the network", where)]
        return copy[0], [Problem("warning", f"was not asked; this is a copy of {copy[1]}", where)]
    from autopyfactory.external.http import Client, HttpError  # only those who use URLs pay for this import

    client = Client(timeout=how.deadline, max_bytes=MAX_SIZE)
    try:
        data = client.get(url).body
    except (HttpError, ValueError) as err:
        copy = _last_good(url, how)
        if copy is None:
            raise _error(url, f"cannot be fetched: {err}") from err
        return copy[0], [
            Problem("warning", f"cannot be fetched: {err}; its copy of {copy[1]} is used", where)
        ]
    finally:
        client.close()
    return data, _keep(url, data, how)


def _copy_path(url: str, how: Reading) -> Path | None:
    return how.copies and how.copies / (hashlib.sha256(url.encode()).hexdigest()[:32] + ".conf")


def _last_good(url: str, how: Reading) -> tuple[bytes, str] | None:
    path = _copy_path(url, how)
    if path is None:
        return None
    try:
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(path.stat().st_mtime))
        return path.read_bytes(), when
    except OSError:
        return None


def _keep(url: str, data: bytes, how: Reading) -> list[Problem]:
    """Keep `data` as the last good copy, for the owner only: configurations may hold secrets."""
    path = _copy_path(url, how)
    if path is None or not how.keep:
        return []
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomicfile.replace(path, data, mode=atomicfile.OWNER)
    except OSError as err:
        return [Problem("warning", f"no copy of it can be kept: {err}", Where(shown(url)))]
    return []
