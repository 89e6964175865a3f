"""How a MyProxy server delegates a proxy to us: for a pass phrase, or for another profile's proxy."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from autopyfactory.credentials.credential import CredentialError
from autopyfactory.external.program import ProgramError, run
from autopyfactory.plugins.auth import files
from autopyfactory.plugins.auth.proxyoptions import X509Options

Others = Callable[[str], str | None]
PROGRAM = "myproxy-logon"


def retrieve(options: X509Options, new: Path, hours: int, others: Others) -> None:
    """Have the server delegate a proxy to the file `new`. Raises CredentialError."""
    command = [
        *(PROGRAM, "-s", str(options.myproxy_host), "-p", str(options.myproxy_port)),
        *("-l", str(options.myproxy_username), "-t", str(hours), "-o", str(new)),
        *(("-m", options.vorole.partition(":")[0]) if options.vorole else ()),
    ]
    told = dict(os.environ)
    if options.retrievers:
        command.append("-n")
        proxy = _retriever(options, others)
        told |= {"X509_USER_PROXY": proxy, "X509_USER_CERT": proxy, "X509_USER_KEY": proxy}
        secret = b""
    else:
        command.append("-S")  # the pass phrase comes by standard input: no list of processes shows it
        secret = _passphrase(options) + b"\n"
    try:
        run(command, options.timeout, 1_000_000, told, secret)
    except ProgramError as err:
        raise CredentialError(str(err)) from None


def _passphrase(options: X509Options) -> bytes:
    if not options.myproxy_passphrase_file:
        return (options.myproxy_passphrase or "").encode()
    files.private(options.myproxy_passphrase_file)
    return files.read(options.myproxy_passphrase_file).strip()


def _retriever(options: X509Options, others: Others) -> str:
    for name in options.retrievers:
        path = others(name)
        if path and os.access(path, os.R_OK):
            return path
    raise CredentialError(f"none of the profiles {', '.join(options.retrievers)} has a proxy yet")
