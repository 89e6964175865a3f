"""Run a command where the name server takes questions and never answers.

`silentresolver.py LOG COMMAND...` belongs into namespaces of its own (`NAMESPACES`): it changes the network,
this host's name and /etc/resolv.conf there. LOG gets a line per question, with the name that was asked for.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

NAMESPACES = ("unshare", "--user", "--map-root-user", "--net", "--uts", "--mount")
HOST = "nobody-knows-this-host"  # in no hosts file: only a name server could tell its full name

_SET_FLAGS, _UP = 0x8914, 0x41  # SIOCSIFFLAGS; IFF_UP | IFF_RUNNING


def _name(question: bytes) -> str:
    """Return the name in a DNS question (RFC 1035, 4.1)."""
    labels, at = [], 12
    while at < len(question) and (length := question[at]):
        labels.append(question[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    return ".".join(labels)


def _listen(server: socket.socket, log: Path) -> None:
    while True:
        question, _ = server.recvfrom(1000)
        with log.open("a") as file:
            file.write(_name(question) + "\n")


def main() -> int:
    log = Path(sys.argv[1])
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(server, _SET_FLAGS, struct.pack("16sh", b"lo", _UP))
    server.bind(("127.0.0.1", 53))
    socket.sethostname(HOST)
    resolv = log.with_name("resolv.conf")
    resolv.write_text("nameserver 127.0.0.1\n")
    subprocess.run(["mount", "--bind", str(resolv), "/etc/resolv.conf"], check=True)
    threading.Thread(target=_listen, args=(server, log), daemon=True).start()
    ordinary = ("unshare", "--user", "--map-user=1000", "--map-group=1000")  # no longer root, even here
    environment = {k: v for k, v in os.environ.items() if k != "RES_OPTIONS"}
    child = subprocess.Popen([*ordinary, *sys.argv[2:]], env=environment)
    try:
        return child.wait()
    finally:
        child.kill()


if __name__ == "__main__":
    sys.exit(main())
