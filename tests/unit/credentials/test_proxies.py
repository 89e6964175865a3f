"""What proxies say of themselves, and when a role is the one that is wanted."""

from __future__ import annotations

import pytest

from autopyfactory.credentials.credential import CredentialError
from autopyfactory.credentials.proxies import described, holds_role
from testbed.authority import Authority


def test_a_proxy_is_its_persons() -> None:
    authority = Authority()
    user = authority.user("Ann Example")
    found = described(authority.proxy(user, 3600), "/p")
    assert found.owner == "/DC=test/DC=grid/CN=Ann Example"
    assert found.issuer == "/DC=test/DC=grid/CN=Test Authority"
    bare = described(user.certificate + user.key, "/c")
    assert bare.owner == found.owner


@pytest.mark.parametrize("data", [b"", b"-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n"])
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(CredentialError, match="holds no certificate"):
        described(data, "/p")
    with pytest.raises(CredentialError, match="no private key"):
        described(Authority().pem, "/p")


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        ("atlas", True),
        ("atlas:/atlas", True),
        ("atlas:/atlas/Role=pilot", True),
        ("atlas:Role=pilot", True),
        ("atlas:/atlas/Role=production", False),
        ("atlas:/atlas/Role=pil", False),
        ("atl", False),
        ("atlas:/atlas/de", False),
        ("atlas:/atlas/us", True),
        ("cms", False),
    ],
)
def test_roles(wanted: str, held: bool) -> None:
    fqans = ["/atlas/Role=pilot/Capability=NULL", "/atlas/Role=NULL/Capability=NULL", "/atlas/us/Role=NULL"]
    assert holds_role(fqans, wanted) is held
