"""`Token`: bearer tokens for CEs, kept by others or got and renewed here; one per CE where that is asked for.

HTCondor-CEs and ARC take SciTokens and WLCG tokens (RFC 9068 with the WLCG profile's `scope`); HTCondor also
its own IDTOKENs, which a client finds by their issuer in a folder, so pilots are sent without naming one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from autopyfactory.credentials import tokens
from autopyfactory.credentials.credential import Credential, CredentialError, Presented, usable
from autopyfactory.plugins.auth import files, oidc, signing
from autopyfactory.plugins.auth.places import file_name, filled, host_of
from autopyfactory.plugins.auth.tokenoptions import TokenOptions
from autopyfactory.plugins.base import AuthContext, AuthPlugin

SHORT = 600.0  # seconds: renewed below, for a token that does not say when it was issued


class Token(AuthPlugin[TokenOptions]):
    """A token, or one per CE."""

    name = "Token"
    Options = TokenOptions

    def __init__(self, options: TokenOptions, context: AuthContext):
        super().__init__(options, context)
        self._issuer = oidc.Issuer(options) if options.flow in ("client", "refresh") else None

    @property
    def checktime(self) -> float:
        """Return the seconds between two looks."""
        return float(self.options.check)

    @property
    def renews(self) -> bool:
        """Whether tokens are got here."""
        return self.options.flow != "file"

    def variant(self, place: str) -> str:
        """Return `place`, if the audience or the scopes depend on it."""
        o = self.options
        host = host_of(place)
        own = any("{" in text for text in o.audience) or host in o.audiences or host in o.scopes_of
        return place if own else ""

    def file(self, variant: str) -> str:
        """Return the token's file."""
        o = self.options
        if o.token_file:
            base = o.token_file
        elif o.flow == "idtoken":
            base = str(Path("~/.condor/tokens.d").expanduser() / self.context.profile)
        else:
            base = str(self.context.folder / f"{self.context.profile}.token")
        return file_name(base, variant)

    def presented(self, variant: str) -> Presented:
        """Return the submit command; none for an IDTOKEN, which HTCondor finds in its folder."""
        o = self.options
        kind = o.kind or ("idtoken" if o.flow == "idtoken" else "scitoken")
        return Presented({} if kind == "idtoken" else {"scitokens_file": self.file(variant)})

    def minlife(self, credential: Credential) -> float:
        """Return half of its whole life, unless the options say it."""
        if self.options.least is not None:
            return float(self.options.least)
        if credential.issued is None or credential.expires is None:
            return SHORT
        return (credential.expires - credential.issued).total_seconds() / 2

    def look(self, variant: str) -> Credential:
        """Read the token's file. Raises CredentialError."""
        path = self.file(variant)
        data = files.read(path)
        files.private(path)
        try:
            return tokens.described(data, path)
        except CredentialError as err:
            raise CredentialError(f"{path}: {err}") from None

    def renew(self, variant: str) -> None:
        """Get a token and write it down. Raises CredentialError."""
        o, path = self.options, self.file(variant)
        audience, scopes = self.audience(variant), self.scopes(variant)
        if o.flow == "idtoken":
            made = signing.idtoken(o)
        elif o.flow == "agent":
            made = oidc.of_agent(o, audience, scopes)
        else:
            assert self._issuer is not None
            made = self._issuer.token(audience, scopes)
        usable(tokens.described(made, path), datetime.now(UTC))  # nothing else replaces a token
        files.write(path, made.strip() + b"\n")

    def audience(self, variant: str) -> tuple[str, ...]:
        """Return whom the token of this variant is for."""
        own = self.options.audiences.get(host_of(variant))
        listed = tuple(part.strip() for part in own.split(",")) if own else self.options.audience
        return tuple(filled(text, variant) for text in listed)

    def scopes(self, variant: str) -> tuple[str, ...]:
        """Return what the token of this variant shall allow."""
        own = self.options.scopes_of.get(host_of(variant))
        return tuple(own.replace(",", " ").split()) if own else self.options.scopes
