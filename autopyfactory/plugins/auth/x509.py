"""`X509`: proxies made by voms-proxy-init or arcproxy, from a certificate or from a long-lived proxy."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from autopyfactory.credentials.credential import CredentialError
from autopyfactory.external.program import ProgramError, run
from autopyfactory.plugins.auth import delegation, files
from autopyfactory.plugins.auth.proxyoptions import ProxyPlugin, X509Options


class X509(ProxyPlugin[X509Options]):
    """A VOMS proxy."""

    name = "X509"
    Options = X509Options

    def make(self, new: Path) -> None:
        """Run the program that makes proxies. Raises CredentialError."""
        if self.options.flavor == "myproxy":
            delegation.retrieve(self.options, new, self.hours, self.context.others)
            return
        for path in (self.options.baseproxy,) if self.options.baseproxy else (self.options.userkey,):
            files.private(str(path))
        command = self.by_arcproxy(new) if self.options.flavor == "arc" else self.by_voms(new)
        try:
            run(command, self.options.timeout, 1_000_000, dict(os.environ))
        except ProgramError as err:
            raise CredentialError(str(err)) from None

    @property
    def _source(self) -> tuple[str, str]:
        """Return the files with the certificate and the key that the proxy is made from."""
        o = self.options
        if o.baseproxy:
            return o.baseproxy, o.baseproxy
        return str(o.usercert), str(o.userkey)

    def by_voms(self, new: Path) -> list[str]:
        """Return the command as 2.4 built it: a base proxy gets the attributes, no further proxy is made."""
        o = self.options
        cert, key = self._source
        return [
            *("voms-proxy-init", "-ignorewarn"),
            *(("-noregen",) if o.baseproxy else ()),
            *("-cert", cert, "-key", key),
            *(("-voms", o.vorole) if o.vorole else ()),
            *("-valid", f"{self.hours}:00", "-out", str(new)),
            *shlex.split(o.voms_arguments or ""),
        ]

    def by_arcproxy(self, new: Path) -> list[str]:
        """Return the command of NorduGrid's client, which gives proxy and attributes their own lifetimes."""
        o = self.options
        cert, key = self._source
        return [
            "arcproxy",
            *(("-P", str(new), "-C", cert, "-K", key)),
            *(("-S", o.vorole) if o.vorole else ()),
            *("-c", f"validityPeriod={self.hours}H", "-c", f"vomsACvalidityPeriod={self.hours}H"),
            *shlex.split(o.voms_arguments or ""),
        ]
