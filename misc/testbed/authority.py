"""A certificate authority of one test bed: certificates of hosts and users, proxies, a folder of anchors."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from testbed.commands import run

ORGANISATION = ("test", "grid")  # /DC=test/DC=grid
PROXY_INFO = ObjectIdentifier("1.3.6.1.5.5.7.1.14")
# RFC 3820: a critical ProxyCertInfo that inherits all rights (language id-ppl-inheritAll)
INHERIT_ALL = bytes.fromhex("300c300a06082b06010505071501")


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """Makes what services and users show each other; lives as long as the test."""

    def __init__(self) -> None:
        self._key = _key()
        self._name = _name("Test Authority")
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self._certificate = (
            _builder(self._name, self._name, self._key, days=30)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """The authority's own certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def host(self, *names: str) -> Identity:
        """A certificate for a service on 127.0.0.1 with these names."""
        others = [*(x509.DNSName(name) for name in names), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return self._issue(_name(names[0]), uses, x509.SubjectAlternativeName(others))

    def user(self, name: str) -> Identity:
        """A person's certificate, /DC=test/DC=grid/CN=`name`."""
        return self._issue(_name(name), [ExtendedKeyUsageOID.CLIENT_AUTH], None)

    def proxy(self, user: Identity, seconds: float = 3600) -> bytes:
        """An RFC 3820 proxy of `user`: certificate, key and chain in one PEM; below 0 s: an expired one."""
        issuer = x509.load_pem_x509_certificate(user.certificate)
        key = _key()
        serial = x509.random_serial_number() >> 96
        subject = x509.Name([*issuer.subject, x509.NameAttribute(NameOID.COMMON_NAME, str(serial))])
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder(issuer.subject, subject, key.public_key(), serial)
            .not_valid_before(now - dt.timedelta(hours=12))
            .not_valid_after(now + dt.timedelta(seconds=seconds))
            .add_extension(x509.UnrecognizedExtension(PROXY_INFO, INHERIT_ALL), critical=True)
            .add_extension(x509.KeyUsage(True, False, True, False, False, False, False, False, False), True)
        )
        loaded = serialization.load_pem_private_key(user.key, None)
        assert isinstance(loaded, rsa.RSAPrivateKey)
        signed = made.sign(loaded, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM) + _pem(key) + user.certificate

    def anchors(self, folder: Path) -> Path:
        """Write what grid software looks for in a folder of trusted authorities; return the folder."""
        folder.mkdir(mode=0o755)
        (folder / "authority.pem").write_bytes(self.pem)
        found = run(["openssl", "x509", "-noout", "-hash", "-in", folder / "authority.pem"], timeout=20)
        name = found.stdout.strip()
        (folder / f"{name}.0").write_bytes(self.pem)
        (folder / f"{name}.signing_policy").write_text(
            "access_id_CA X509 '/DC=test/DC=grid/CN=Test Authority'\n"
            "pos_rights globus CA:sign\n"
            "cond_subjects globus '\"/DC=test/DC=grid/*\"'\n"
        )
        return folder

    def _issue(
        self, name: x509.Name, uses: list[ObjectIdentifier], names: x509.SubjectAlternativeName | None
    ) -> Identity:
        key = _key()
        made = _builder(name, self._name, key, days=5).add_extension(x509.BasicConstraints(False, None), True)
        made = made.add_extension(
            x509.KeyUsage(True, False, True, False, False, False, False, False, False), True
        ).add_extension(x509.ExtendedKeyUsage(uses), False)
        if names is not None:
            made = made.add_extension(names, False)
        signed = made.sign(self._key, hashes.SHA256())
        return Identity(signed.public_bytes(serialization.Encoding.PEM), _pem(key))


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _name(common: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.DOMAIN_COMPONENT, part) for part in ORGANISATION]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, days: float
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
        # VOMS names its own certificate by it in what it signs
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
