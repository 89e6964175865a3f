"""Where we listen for what pilots tell: on loopback only, unless more is said in so many words."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator

from autopyfactory.model import hostport


def _with_port(text: str) -> str:
    if hostport.parse(text).port is None:
        raise ValueError("names no port: host:port is wanted")
    return text


ListenAddress = Annotated[str, AfterValidator(_with_port)]
"""`host:port`."""


def refuse_others(key: str, listen: str | None, *, remote: bool) -> None:
    """Raise ValueError if other machines reach `<key>.listen`, and `<key>.remote` does not allow it."""
    host = hostport.parse(listen).host if listen else "localhost"
    if not remote and not _loopback(host):
        raise ValueError(f"other machines reach {host}: {key}.listen takes it with {key}.remote = True only")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
