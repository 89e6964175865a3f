"""Throw-away certification authorities and certificates."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """A CA that tests trust, one they do not, and client certificates."""

    ca: trustme.CA
    ca_file: str
    other_ca_file: str
    client: str  # certificate and key in one file
    expired_client: str

    def server(self, client_certs: ssl.VerifyMode = ssl.CERT_NONE) -> ssl.SSLContext:
        """Return the TLS settings of a server named localhost."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("localhost").configure_cert(context)
        context.verify_mode = client_certs
        self.ca.configure_trust(context)
        return context


def make(folder: Path) -> Certificates:
    """Write CA and client files into `folder`."""
    ca, other = trustme.CA(), trustme.CA()
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    expired = ca.issue_cert("pilot@example.org", common_name="pilot", not_after=long_ago)
    client = ca.issue_cert("pilot@example.org", common_name="pilot")
    certificates = Certificates(
        ca,
        str(folder / "ca.pem"),
        str(folder / "other.pem"),
        str(folder / "client.pem"),
        str(folder / "expired.pem"),
    )
    ca.cert_pem.write_to_path(certificates.ca_file)
    other.cert_pem.write_to_path(certificates.other_ca_file)
    client.private_key_and_cert_chain_pem.write_to_path(certificates.client)
    expired.private_key_and_cert_chain_pem.write_to_path(certificates.expired_client)
    return certificates
