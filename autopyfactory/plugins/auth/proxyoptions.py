"""What X.509 proxies have in common, however they are made: options (those of 2.4 among them) and checks."""

from __future__ import annotations

import math
import os
import pwd
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, model_validator

from autopyfactory.credentials import proxies
from autopyfactory.credentials.credential import Credential, CredentialError, Presented, usable
from autopyfactory.options.declare import Lenient, NameList, Options, option
from autopyfactory.plugins.auth import files
from autopyfactory.plugins.auth.files import File, home
from autopyfactory.plugins.base import AuthPlugin


def _words(text: str | None) -> str | None:
    shlex.split(text or "")  # raises ValueError for a quotation mark without its partner
    return text


class ProxyOptions(Options):
    """What every profile with a proxy has; the old proxy.conf says the same without `x509.`."""

    proxyfile: Annotated[str, AfterValidator(lambda text: home(text) or "")] = option(
        key="x509.proxyfile",
        scope="auth",
        legacy=("proxyfile",),
        min_length=1,
        description="The proxy that pilots are sent with",
    )
    vorole: str | None = option(
        None,
        key="x509.vorole",
        scope="auth",
        legacy=("vorole",),
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(:/?[A-Za-z0-9._/=-]+)?$",
        description="VO, group and role that it must have, as vo:/vo/group/Role=name",
    )
    renew_it: bool = option(
        True,
        key="x509.renew",
        scope="auth",
        legacy=("renew",),
        description="Whether it is made here; when false others do, and it is only watched",
    )
    owner: str | None = option(
        None,
        key="x509.owner",
        scope="auth",
        legacy=("owner",),
        description="User whom the proxy belongs to, where it is made as root",
    )
    lifetime: int = option(
        345600,
        key="x509.lifetime",
        scope="auth",
        unit="s",
        ge=3600,
        lenient=Lenient(3600, 3600),
        legacy=("lifetime",),
        description="How long a new proxy shall hold; whole hours count",
    )
    least: int = option(
        259200,
        key="x509.minlife",
        scope="auth",
        unit="s",
        ge=0,
        lenient=Lenient(0, 0),
        legacy=("minlife",),
        description="It is renewed when it, or its VOMS attributes, hold for less",
    )
    check: int = option(
        3600,
        key="x509.checktime",
        scope="auth",
        unit="s",
        ge=1,
        lenient=Lenient(1, 1),
        legacy=("checktime",),
        description="It is looked at so often, changed or not",
    )
    timeout: float = option(
        60, key="x509.timeout", scope="auth", unit="s", gt=0, le=600, description="For making one proxy"
    )


class X509Options(ProxyOptions):
    """Options of a profile with `plugin = X509`."""

    flavor: Literal["voms", "arc", "myproxy"] = option(
        "voms",
        key="x509.flavor",
        scope="auth",
        legacy=("flavor",),
        description="What makes it: voms-proxy-init, arcproxy, or a MyProxy server (as plugin = MyProxy)",
    )
    voms_arguments: Annotated[str | None, AfterValidator(_words)] = option(
        None,
        key="x509.voms.args",
        scope="auth",
        legacy=("voms.args",),
        description="Further arguments of voms-proxy-init or arcproxy, as they stand",
    )
    baseproxy: File = option(
        None,
        key="x509.baseproxy",
        scope="auth",
        legacy=("baseproxy",),
        description="A long-lived proxy that new ones are made from, instead of certificate and key",
    )
    usercert: File = option(
        None,
        key="x509.usercert",
        scope="auth",
        legacy=("usercert",),
        description="The certificate that proxies are made from",
    )
    userkey: File = option(
        None,
        key="x509.userkey",
        scope="auth",
        legacy=("userkey",),
        description="Its private key, without a pass phrase",
    )
    myproxy_host: str | None = option(
        None,
        key="x509.myproxy_hostname",
        scope="auth",
        legacy=("myproxy_hostname",),
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$",
        description="The MyProxy server",
    )
    myproxy_port: int = option(
        7512, key="x509.myproxy_port", scope="auth", ge=1, le=65535, description="Its port"
    )
    myproxy_username: str | None = option(
        None,
        key="x509.myproxy_username",
        scope="auth",
        legacy=("myproxy_username",),
        pattern=r"^[^\s-]\S*$",
        description="The name that the credential is stored under",
    )
    myproxy_passphrase: str | None = option(
        None,
        key="x509.myproxy_passphrase",
        scope="auth",
        legacy=("myproxy_passphrase",),
        secret=True,
        description="The pass phrase that it is stored with; better in a file",
    )
    myproxy_passphrase_file: File = option(
        None,
        key="x509.myproxy_passphrasefile",
        scope="auth",
        description="File that holds the pass phrase, mode 0600",
    )
    retrievers: NameList = option(
        (),
        key="x509.retriever_list",
        scope="auth",
        legacy=("retriever_list",),
        description="Profiles whose proxy lets us take the credential without a pass phrase; the first that"
        " is there counts",
    )

    @model_validator(mode="after")
    def _enough(self) -> Self:
        """Refuse what cannot work. Raises ValueError."""
        if not self.renew_it:
            return self
        if self.flavor == "myproxy":
            if not self.myproxy_host or not self.myproxy_username:
                raise ValueError("x509.myproxy_hostname and x509.myproxy_username are required")
            if not (self.retrievers or self.myproxy_passphrase or self.myproxy_passphrase_file):
                raise ValueError("x509.retriever_list or x509.myproxy_passphrasefile is required")
        elif not self.baseproxy and not (self.usercert and self.userkey):
            raise ValueError("x509.baseproxy is required, or x509.usercert and x509.userkey")
        return self


ProxyT = TypeVar("ProxyT", bound=ProxyOptions)


class ProxyPlugin(AuthPlugin[ProxyT]):
    """A proxy in a file. Subclasses make it in `make`."""

    @property
    def checktime(self) -> float:
        """Return the seconds between two looks."""
        return float(self.options.check)

    @property
    def renews(self) -> bool:
        """Whether proxies are made here."""
        return self.options.renew_it

    def file(self, variant: str) -> str:
        """Return the proxy's file."""
        return self.options.proxyfile

    def presented(self, variant: str) -> Presented:
        """Return the submit command."""
        return Presented({"x509userproxy": self.options.proxyfile})

    def minlife(self, credential: Credential) -> float:
        """Return what the options say."""
        return float(self.options.least)

    def look(self, variant: str) -> Credential:
        """Read the proxy and its VOMS attributes. Raises CredentialError."""
        return self.judged(self.options.proxyfile)

    def judged(self, path: str) -> Credential:
        """Return the proxy in `path`, if it is what the options ask for. Raises CredentialError."""
        data = files.read(path)
        files.private(path)
        try:
            found = proxies.described(data, path)
            return self._with_role(found)
        except CredentialError as err:
            raise CredentialError(f"{path}: {err}") from None

    def _with_role(self, found: Credential) -> Credential:
        wanted = self.options.vorole
        if not wanted or found.left(datetime.now(UTC)) <= 0:  # one that has ended says all with that
            return found
        end, fqans = proxies.attributes(found.file, datetime.now(UTC))
        if not proxies.holds_role(fqans, wanted):
            has = ", ".join(fqans[:3]) or "none"
            raise CredentialError(f"it has not the role {wanted} (its roles: {has})")
        return replace(found, roles=fqans, expires=min(end, found.expires) if found.expires else end)

    def renew(self, variant: str) -> None:
        """Make a new proxy beside the old one, judge it, and put it in place. Raises CredentialError."""
        path = self.options.proxyfile
        with files.beside(path) as folder:
            new = folder / "proxy"
            self.make(new)
            usable(self.judged(str(new)), datetime.now(UTC))
            data = files.read(str(new))
        files.write(path, data)
        if self.options.owner:
            _give(Path(path), self.options.owner)

    def make(self, new: Path) -> None:
        """Write a new proxy to `new`, within `timeout`. Raises CredentialError."""
        raise NotImplementedError

    @property
    def hours(self) -> int:
        """Return the lifetime in whole hours."""
        return max(1, math.floor(self.options.lifetime / 3600))


def _give(path: Path, owner: str) -> None:
    try:
        entry = pwd.getpwnam(owner)
        os.chown(path, entry.pw_uid, entry.pw_gid)
    except (KeyError, OSError) as err:
        raise CredentialError(f"{path} cannot be given to {owner}: {err}") from None
