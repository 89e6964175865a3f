"""Asks the name service within a time limit: the resolver itself knows none."""

from __future__ import annotations

import socket
import threading


class NoSuchHost(Exception):
    """A name service answered that there is no such host."""


class NoNameService(Exception):
    """No name service answered in time: whether there is such a host is not known."""


def addresses(host: str, limit: float) -> tuple[str, ...]:
    """Return the addresses of `host`, within `limit` seconds. Raises NoSuchHost, NoNameService.

    Names below `localhost` are this machine, as RFC 6761 and curl have it, whatever resolvers say.
    """
    if host.lower().endswith(".localhost"):
        return ("127.0.0.1",)
    found: list[tuple[str, ...] | Exception] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as err:
            found.append(err)
        else:
            found.append(tuple(dict.fromkeys(str(address[0]) for *_, address in answers)))

    thread = threading.Thread(target=ask, name=f"name of {host}", daemon=True)
    thread.start()
    thread.join(limit)
    if not found:
        raise NoNameService(f"the name service does not answer within {limit:g} s")
    answer = found[0]
    if isinstance(answer, UnicodeError):
        raise NoSuchHost(f"{host} cannot be the name of a host")
    if isinstance(answer, socket.gaierror) and answer.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
        raise NoSuchHost(f"no host has the name {host}")
    if isinstance(answer, Exception):
        raise NoNameService(f"the name service says: {answer}")
    return answer
