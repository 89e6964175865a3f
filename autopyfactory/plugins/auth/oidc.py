"""Tokens from an OIDC issuer (RFC 6749: client credentials, refresh token) or from oidc-agent.

oauthlib writes the question and reads the answer; the exchange goes through our one door to HTTP, with its
limits of time, size and redirects.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error, WebApplicationClient

from autopyfactory.credentials.credential import CredentialError
from autopyfactory.external.http import Answer, Client, HttpError, Identity
from autopyfactory.external.program import ProgramError, run
from autopyfactory.model.redact import hidden
from autopyfactory.model.text import printable
from autopyfactory.plugins.auth import files
from autopyfactory.plugins.auth.tokenoptions import TokenOptions, safe

LARGEST = 200_000  # bytes; no answer of an issuer is larger
DISCOVERY = "/.well-known/openid-configuration"


class Issuer:
    """One OIDC issuer."""

    def __init__(self, options: TokenOptions):
        self._o = options
        identity = Identity(ca=options.ca)
        self._http = Client(
            timeout=options.timeout, max_bytes=LARGEST, identity=identity, tries=1, redirects=0
        )

    def token(self, audience: Sequence[str], scopes: Sequence[str]) -> bytes:
        """Return a new token. Raises CredentialError."""
        try:
            return self._token(audience, scopes)
        except HttpError as err:
            raise CredentialError(str(err)) from None
        finally:
            self._http.close()

    def _token(self, audience: Sequence[str], scopes: Sequence[str]) -> bytes:
        o = self._o
        more = {"audience": " ".join(audience)} if audience else {}
        if o.flow == "refresh":
            client: Any = WebApplicationClient(o.client_id or "")
            kept = _secret(o.refresh_token_file)
            body = client.prepare_refresh_body(refresh_token=kept, scope=list(scopes), **more)
        else:
            kept, client = "", BackendApplicationClient(o.client_id or "")
            body = client.prepare_request_body(scope=list(scopes), **more)
        answer = self._http.request(
            "POST", self._endpoint(), data=body, headers=self._headers(), any_status=True
        )
        given = self._given(client, answer)
        fresh = given.get("refresh_token")
        if o.flow == "refresh" and isinstance(fresh, str) and fresh != kept:
            files.write(str(o.refresh_token_file), fresh.encode() + b"\n")  # the old one may be void already
        return str(given["access_token"]).encode()

    def _given(self, client: Any, answer: Answer) -> Mapping[str, Any]:
        if not isinstance(answer.json(), dict):
            raise CredentialError(f"{answer.url} answered {answer.status}, and nothing of OAuth")
        try:
            given: Mapping[str, Any] = client.parse_request_body_response(
                answer.body.decode("utf-8", "replace")
            )
        except OAuth2Error as err:
            said = ": ".join(str(p) for p in (err.error, err.description) if p)
            raise CredentialError(f"{answer.url} refuses: {hidden(printable(said))[:200]}") from None
        except Warning:  # oauthlib's way to say that the scopes are not those asked for
            raise CredentialError(f"{answer.url} gives other scopes than those asked for") from None
        except (ValueError, TypeError):
            raise CredentialError(f"{answer.url} answered {answer.status}, and nothing of OAuth") from None
        return given

    def _headers(self) -> dict[str, str]:
        o = self._o
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        secret = o.client_secret or (_secret(o.client_secret_file) if o.client_secret_file else "")
        if secret:  # RFC 6749, 2.3.1
            pair = f"{quote(o.client_id or '', safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return headers

    def _endpoint(self) -> str:
        """Return the token endpoint, which the issuer tells (OpenID Connect Discovery)."""
        o = self._o
        if o.endpoint:
            return o.endpoint
        told = self._http.get(f"{(o.issuer or '').rstrip('/')}{DISCOVERY}").json()
        url = told.get("token_endpoint") if isinstance(told, dict) else None
        if not isinstance(url, str) or not safe(url):
            raise CredentialError(f"{o.issuer} tells no token endpoint that is reached by https")
        return url


def of_agent(options: TokenOptions, audience: Sequence[str], scopes: Sequence[str]) -> bytes:
    """Return a token from oidc-agent (OIDC_SOCK says where it listens). Raises CredentialError."""
    command = ["oidc-token", "--time", str(options.lifetime)]
    command += ["--aud", " ".join(audience)] if audience else []
    command += ["--scope", " ".join(scopes)] if scopes else []
    try:
        return run([*command, str(options.account)], options.timeout, LARGEST).stdout
    except ProgramError as err:
        raise CredentialError(str(err)) from None


def _secret(path: Any) -> str:
    files.private(str(path))
    try:
        return files.read(str(path)).decode("utf-8").strip()
    except UnicodeDecodeError:
        raise CredentialError(f"{path} holds no text") from None
