"""Options of a profile with `plugin = Token`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, model_validator

from autopyfactory.options.declare import NameList, Options, option
from autopyfactory.plugins.auth.files import File

COMPUTE = ("compute.read", "compute.create", "compute.modify", "compute.cancel")
"""What an HTCondor-CE asks of a WLCG token: create, cancel and modify all three for WRITE, read besides."""

_NEEDED: Mapping[str, Mapping[str, str]] = {  # by flow: the keys without which it cannot work, their fields
    "file": {"token.file": "token_file"},
    "client": {"token.client_id": "client_id"},
    "refresh": {"token.client_id": "client_id", "token.refresh_token_file": "refresh_token_file"},
    "agent": {"token.account": "account"},
    "idtoken": {"token.identity": "identity", "token.key": "key"},
}


def _scopes(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


Scopes = Annotated[tuple[str, ...], BeforeValidator(_scopes)]


class TokenOptions(Options):
    """Options of a profile with `plugin = Token`."""

    flow: Literal["file", "client", "refresh", "agent", "idtoken"] = option(
        "file",
        key="token.flow",
        scope="auth",
        description="Where tokens come from: a file that others keep; OIDC client credentials; an OIDC"
        " refresh token; oidc-agent; HTCondor's IDTOKENs, signed here",
    )
    token_file: File = option(
        None,
        key="token.file",
        scope="auth",
        description="The token's file; with an audience per CE its name is the beginning of theirs. Default:"
        " in <statedir>/credentials, for IDTOKENs in ~/.condor/tokens.d; required for flow file",
    )
    kind: Literal["scitoken", "idtoken"] | None = option(
        None,
        key="token.kind",
        scope="auth",
        description="Whether CEs get it as SciToken (or WLCG token) or it is an IDTOKEN of HTCondor; default:"
        " idtoken for that flow, else scitoken",
    )
    issuer: str | None = option(
        None,
        key="token.issuer",
        scope="auth",
        pattern=r"^https?://\S+$",
        description="The OIDC issuer; its token endpoint is asked for. Plain http is taken on this host only",
    )
    endpoint: str | None = option(
        None,
        key="token.endpoint",
        scope="auth",
        pattern=r"^https?://\S+$",
        description="The issuer's token endpoint, where the issuer does not tell it",
    )
    client_id: str | None = option(
        None, key="token.client_id", scope="auth", description="Our name at the issuer"
    )
    client_secret: str | None = option(
        None, key="token.client_secret", scope="auth", secret=True, description="Our secret there"
    )
    client_secret_file: File = option(
        None, key="token.client_secret_file", scope="auth", description="File that holds it, mode 0600"
    )
    refresh_token_file: File = option(
        None,
        key="token.refresh_token_file",
        scope="auth",
        description="File with the refresh token, mode 0600; written anew when the issuer gives another",
    )
    account: str | None = option(
        None, key="token.account", scope="auth", description="Flow agent: short name of oidc-agent's account"
    )
    audience: NameList = option(
        (),
        key="token.audience",
        scope="auth",
        description="Whom tokens are for; {ce} stands for the CE's host:port, {host} for its host, and makes"
        " one token per CE",
    )
    audiences: dict[str, str] = option(
        key="token.audience.*",
        scope="auth",
        description="The audience for one CE, as token.audience.<host>",
        default_factory=dict,
    )
    scopes: Scopes = option(
        COMPUTE,
        key="token.scopes",
        scope="auth",
        description="What tokens allow, separated by blanks or commas",
    )
    scopes_of: dict[str, str] = option(
        key="token.scopes.*",
        scope="auth",
        description="What the token for one CE allows, as token.scopes.<host>",
        default_factory=dict,
    )
    identity: str | None = option(
        None, key="token.identity", scope="auth", description="IDTOKEN: whom it names, as user@domain"
    )
    key: File = option(
        None,
        key="token.key",
        scope="auth",
        description="IDTOKEN: file with the signing key, as HTCondor keeps it",
    )
    trust_domain: str | None = option(
        None, key="token.trustdomain", scope="auth", description="IDTOKEN: its issuer, the CE's TRUST_DOMAIN"
    )
    authorizations: NameList = option(
        ("READ", "WRITE"), key="token.authz", scope="auth", description="IDTOKEN: what it may be used for"
    )
    lifetime: int = option(
        3600,
        key="token.lifetime",
        scope="auth",
        unit="s",
        ge=60,
        description="How long tokens shall hold, where we may say so (agent, idtoken)",
    )
    least: int | None = option(
        None,
        key="token.minlife",
        scope="auth",
        unit="s",
        ge=0,
        description="Renewed when less is left; default: half of its life, 600 where it tells no beginning",
    )
    check: int = option(
        60,
        key="token.checktime",
        scope="auth",
        unit="s",
        ge=1,
        description="Looked at so often, changed or not",
    )
    timeout: float = option(
        30, key="token.timeout", scope="auth", unit="s", gt=0, le=300, description="For one renewal"
    )
    ca: File = option(
        None, key="token.ca", scope="auth", description="CA certificates of the issuer; default: the host's"
    )

    @model_validator(mode="after")
    def _enough(self) -> Self:
        """Refuse a flow that lacks something, or would send a secret in the clear. Raises ValueError."""
        missing = [key for key, field in _NEEDED[self.flow].items() if not getattr(self, field)]
        if missing:
            raise ValueError(f"flow {self.flow} needs {', '.join(missing)}")
        if self.flow in ("client", "refresh"):
            if not (self.issuer or self.endpoint):
                raise ValueError(f"flow {self.flow} needs token.issuer or token.endpoint")
            for url in (self.issuer, self.endpoint):
                if url and not safe(url):
                    raise ValueError(f"secrets are sent by https only, not to {url}")
        return self


def safe(url: str) -> bool:
    """Whether a secret may go there: by https, or not leaving this host."""
    try:
        parts = urlsplit(url)
    except ValueError:  # an issuer names its endpoint: any text
        return False
    if parts.scheme == "https":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"
