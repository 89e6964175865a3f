"""What an X.509 proxy says of itself: whose it is, when it and its VOMS attributes end, which roles it has.

The chain is read here; the attribute certificate in it by voms-proxy-info, which knows its form.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from autopyfactory.credentials.credential import Credential, CredentialError
from autopyfactory.external.program import NotStarted, ProgramError, run

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Name

TIMEOUT = 30.0  # seconds for voms-proxy-info, which asks nobody
_KEY = b"PRIVATE KEY-----"
_PROXY_INFO = "1.3.6.1.5.5.7.1.14"  # RFC 3820: every proxy has this extension
_SHORT = {
    "commonName": "CN",
    "domainComponent": "DC",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "localityName": "L",
    "emailAddress": "emailAddress",
}


def described(data: bytes, file: str) -> Credential:
    """Return what the proxy in `data`, of `file`, says of itself, roles apart. Raises CredentialError."""
    chain = certificates(data)
    if _KEY not in data:
        raise CredentialError("it holds no private key")
    owner = _person(chain)
    return Credential(
        kind="proxy",
        file=file,
        owner=slashed(owner.subject),
        expires=min(c.not_valid_after_utc for c in chain),
        issuer=slashed(owner.issuer),
        issued=chain[0].not_valid_before_utc,
        travels=True,
    )


def certificates(data: bytes) -> Sequence[Certificate]:
    """Return the certificates in `data`, the first one first. Raises CredentialError."""
    from cryptography import x509  # 8 MB: only where there are proxies

    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise CredentialError("it holds no certificate") from None


def _person(chain: Sequence[Certificate]) -> Certificate:
    """Return the certificate of the person or robot behind the proxies: the first that is no proxy itself."""
    return next((one for one in chain if not _is_proxy(one)), chain[-1])


def _is_proxy(one: Certificate) -> bool:
    last = list(one.subject)[-1] if list(one.subject) else None
    if last is not None and last.value in ("proxy", "limited proxy"):  # as Globus made them before RFC 3820
        return True
    try:
        return any(e.oid.dotted_string == _PROXY_INFO for e in one.extensions)
    except ValueError:  # an extension that cannot be read: nothing that a proxy needs
        return False


def slashed(name: Name) -> str:
    """Return a distinguished name as grid software writes it: /DC=org/DC=example/CN=Somebody."""
    return "".join(f"/{_SHORT.get(a.oid._name, a.oid._name)}={a.value!s}" for a in name)


def attributes(file: str, now: datetime) -> tuple[datetime, tuple[str, ...]]:
    """Return when the VOMS attributes in the proxy `file` end, and its FQANs. Raises CredentialError.

    They are not verified: that needs the VO's certificate here, and the CE does it anyway.
    """
    base = ("voms-proxy-info", "-file", file, "-dont-verify-ac")
    seconds = _asked((*base, "-actimeleft"))
    try:
        end = now.astimezone(UTC) + timedelta(seconds=int(seconds.split()[-1]))
    except (ValueError, IndexError):
        raise CredentialError(f"voms-proxy-info gives no time left: {seconds[:60]!r}") from None
    return end, tuple(line.strip() for line in _asked((*base, "-fqan")).splitlines() if line.strip())


def _asked(command: Sequence[str]) -> str:
    try:
        return run(command, TIMEOUT, 100_000).stdout.decode("utf-8", "replace").strip()
    except NotStarted as err:
        raise CredentialError(f"its VOMS attributes cannot be read: {err}") from None
    except ProgramError as err:
        raise CredentialError(f"it has no VOMS attributes that can be read: {err}") from None


def holds_role(fqans: Sequence[str], wanted: str) -> bool:
    """Whether one of `fqans` is the group and role in `wanted` (`vo:/group/Role=x`, as VOMS is asked).

    `vo` alone asks for any attribute of it. A group is not one of its subgroups, and a role is not another
    that begins alike.
    """
    vo, _, path = wanted.partition(":")
    path = path or f"/{vo}"
    if not path.startswith("/"):
        path = f"/{vo}/{path}"
    group, _, role = _plain(path).partition("/Role=")
    for fqan in fqans:
        its_group, _, its_role = _plain(fqan).partition("/Role=")
        if its_group == group and (its_role == role or not role):
            return True
    return False


def _plain(fqan: str) -> str:
    """Return an FQAN without what says nothing: /Role=NULL, /Capability=NULL."""
    return fqan.replace("/Capability=NULL", "").replace("/Role=NULL", "").rstrip("/")
