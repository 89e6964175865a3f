"""HTTP for everything that reads or tells other systems: bounded in time, in size and in redirects.

What is secret (tokens, headers that were configured, client certificates, bodies) goes to the server that
was configured and to no other, wherever that one redirects to (see `redirects`).

One `Client` serves one source or monitor and one thread at a time. It takes nothing from the environment
that could weaken what is configured: a CA path given here stands whatever REQUESTS_CA_BUNDLE says, and no
.netrc replaces a token. Proxy variables are obeyed.
"""

from __future__ import annotations

import os
import time
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.utils import get_environ_proxies

from autopyfactory import __version__
from autopyfactory.external import body, redirects
from autopyfactory.external.clocks import CLOCKS
from autopyfactory.external.deadline import DeadlineAdapter, left, within
from autopyfactory.external.strictjson import JSONError, loads
from autopyfactory.model.redact import shown
from autopyfactory.model.text import printable

MEGABYTE = 1_000_000
RETRY_STATUS = frozenset({502, 503, 504})
RETRY_PAUSE = 0.3  # seconds
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


class HttpError(Exception):
    """An exchange failed; the text says with whom and how. `status` is set if there was an answer."""

    def __init__(self, text: str, status: int | None = None, retry: bool = False):
        super().__init__(text)
        self.status = status
        self.retry = retry  # whether asking again at once may help


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are to the server, and whom we trust. Files are read anew whenever they change."""

    ca: str | None = None  # file or folder of CA certificates; None: what the environment or certifi says
    cert: str | None = None  # client certificate or proxy, PEM
    key: str | None = None  # its key; None: in the same file
    token_file: str | None = None  # bearer token

    def signature(self) -> tuple[tuple[int, int], ...]:
        """Return what changes when one of the files is written again."""
        return tuple(_stamp(p) for p in (self.ca, self.cert, self.key) if p)

    def token(self) -> str | None:
        """Return the token as its file holds it now. Raises HttpError when there is none that can be sent."""
        if self.token_file is None:
            return None
        try:
            text = Path(self.token_file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as err:
            raise HttpError(f"the token cannot be read: {err}") from None
        if not text or any(c.isspace() for c in text):
            raise HttpError(f"{self.token_file} holds no single token")
        return text

    def expired(self) -> str | None:
        """Return in words that our certificate is past its end; None if it is not, or cannot be read."""
        if self.cert is None:
            return None
        from cryptography import x509  # 8 MB: only where there are certificates

        try:
            data = Path(self.cert).read_bytes()
            end = x509.load_pem_x509_certificate(data).not_valid_after_utc
        except (OSError, ValueError):
            return None
        return f"our certificate {self.cert} ended {end:%F %TZ}" if end < datetime.now(UTC) else None


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError as err:
        raise HttpError(f"cannot read {path}: {err.strerror}") from None
    return status.st_mtime_ns, status.st_ino


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer."""

    url: str  # without query and user, fit for logs
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    reason: str = ""  # what the server says about its status

    def json(self) -> Any:
        """Return the body parsed. Raises HttpError, whatever Content-Type says, if it is not sound JSON."""
        try:
            return loads(self.body)
        except JSONError as err:
            raise HttpError(f"{self.url} answered {self.status} with {err}", self.status) from None

    @property
    def excerpt(self) -> str:
        """Return the beginning of the body on one line."""
        return printable(self.body[:400].decode("utf-8", "replace"), 200)


class Client:
    """Exchanges with servers of one kind.

    `timeout` is for the whole exchange in seconds, `max_bytes` for the unpacked body. GET is tried up to
    `tries` times within `timeout` when the connection fails or the server says 502, 503 or 504; nothing
    else is ever repeated.
    """

    def __init__(
        self,
        *,
        timeout: float = 30.0,
        max_bytes: int = 32 * MEGABYTE,
        identity: Identity | None = None,
        headers: Mapping[str, str] | None = None,
        tries: int = 2,
        redirects: int = 5,
    ):
        self.timeout = timeout
        self.max_bytes = max_bytes
        self.identity = identity or Identity()
        self.headers = dict(headers or {})
        self.tries = tries
        self.redirects = redirects
        self._session: requests.Session | None = None
        self._signature: tuple[tuple[int, int], ...] = ()

    def get(self, url: str, **kwargs: Any) -> Answer:
        """GET `url`; see `request`."""
        return self.request("GET", url, **kwargs)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        any_status: bool = False,
    ) -> Answer:
        """Make one exchange and return its complete answer (2xx, or 304 to a conditional question).

        `json` is sent as JSON, `data` as a form (mapping) or as it is. Raises HttpError for everything
        else: no connection, no trust, no time left, too much, broken off, another status (unless
        `any_status`).
        """
        sent = {"params": params, "json": json, "data": data, "headers": self._headers(headers)}
        with within(self.timeout):
            for attempt in range(1, self.tries + 1):
                try:
                    return self._once(method, url, any_status, sent)
                except HttpError as err:
                    if not err.retry or method != "GET" or attempt == self.tries:
                        raise
                    if not _time_for(RETRY_PAUSE):
                        raise
                    time.sleep(RETRY_PAUSE)
        raise AssertionError("tries must be at least 1")

    def close(self) -> None:
        """Close the connections that are kept open."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _headers(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        token = self.identity.token()
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        return {**self.headers, **authorization, **(extra or {})}

    def _once(self, method: str, url: str, any_status: bool, sent: dict[str, Any]) -> Answer:
        where, target, sent, own = shown(url), url, dict(sent), True
        for _ in range(self.redirects + 1):
            answer, location = self._ask(method, target, sent, own=own)
            if location is None:
                return self._judged(answer, any_status)
            try:
                further = redirects.follow(target, location, method=method, body=_has_body(sent))
                if redirects.origin(further) != redirects.origin(target):
                    own = False  # from here on, even if it leads back
                    sent["headers"] = redirects.neutral(sent["headers"])
            except (redirects.RedirectError, ValueError) as err:
                raise HttpError(f"{answer.url} {err}", answer.status) from None
            target, sent["params"] = further, None
        raise HttpError(f"{where} redirects more than {self.redirects} times")

    def _ask(self, method: str, url: str, sent: dict[str, Any], *, own: bool) -> tuple[Answer, str | None]:
        """Return the answer of one server, and where it redirects to; `own`: it is the configured one."""
        where = shown(url)
        try:
            session = self._current_session()
            limit = (min(10.0, left()), left())
            asked = time.time()
            with session.request(
                method,
                url,
                timeout=limit,
                stream=True,
                allow_redirects=False,
                proxies=dict(get_environ_proxies(url)),
                cert=self._certificate() if own else None,
                **sent,
            ) as response:
                headers = response.headers
                if own:
                    CLOCKS.note_http(redirects.origin(url)[1], headers, asked, time.time())
                location = headers.get("Location") if response.status_code in redirects.STATUSES else None
                if location is not None:  # its body is not read: the connection is dropped with it
                    return Answer(where, response.status_code, headers, b""), location
                return Answer(
                    where, response.status_code, headers, self._body(response, where), response.reason or ""
                ), None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as err:
            self.close()
            raise self._failure(err, where) from err
        except ValueError as err:  # what requests and urllib3 say of a URL or a header that cannot be one
            raise HttpError(f"{where}: {printable(str(err), 200)}") from err

    def _judged(self, answer: Answer, any_status: bool) -> Answer:
        if any_status or answer.status < 300 or answer.status == 304:
            return answer
        text = f"{answer.url} answered {answer.status} {printable(answer.reason, 80)}: {answer.excerpt}"
        raise HttpError(text.rstrip(": "), answer.status, answer.status in RETRY_STATUS)

    def _body(self, response: requests.Response, where: str) -> bytes:
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and int(length) > self.max_bytes:
            raise HttpError(f"{where} sends {int(length)} bytes; the limit is {self.max_bytes}")
        encoding = response.headers.get("Content-Encoding", "")
        try:
            pieces = response.raw.stream(body.PIECE, decode_content=False)
            return body.collect(pieces, encoding, self.max_bytes)
        except body.BodyError as err:
            raise HttpError(f"{where} {err}", retry=err.broken) from None

    def _certificate(self) -> tuple[str, str] | None:
        cert = self.identity.cert
        return (cert, self.identity.key or cert) if cert else None

    def _current_session(self) -> requests.Session:
        signature = self.identity.signature()
        if self._session is None or signature != self._signature:
            self.close()
            self._session = self._make_session()
            self._signature = signature
        return self._session

    def _make_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # else REQUESTS_CA_BUNDLE beats `verify`, and .netrc beats our token
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # none are kept
        session.headers["User-Agent"] = f"autopyfactory/{__version__}"
        session.verify = self.identity.ca or next((p for p in map(os.environ.get, CA_VARIABLES) if p), True)
        session.headers["Accept-Encoding"] = body.ACCEPTED
        session.mount("http://", DeadlineAdapter())
        session.mount("https://", DeadlineAdapter())
        return session

    def _failure(self, err: Exception, where: str) -> HttpError:
        if _causes(err, TimeoutError) or isinstance(err, requests.Timeout):
            return HttpError(f"{where} did not answer completely within {self.timeout:g} s")
        if isinstance(err, requests.exceptions.SSLError) or "SSL" in str(err):
            expired = self.identity.expired()
            return HttpError(f"{where}: TLS failed: {_innermost(err)}{f' ({expired})' if expired else ''}")
        if isinstance(err, urllib3.exceptions.HTTPError):
            return HttpError(f"{where}: the answer broke off: {_innermost(err)}", retry=True)
        hint = ""
        if where.startswith("https:") and _causes(err, ConnectionResetError | BrokenPipeError):
            expired = (
                self.identity.expired() or "under TLS 1.3 this may mean that it wants another certificate"
            )
            hint = f" ({expired})"
        return HttpError(f"{where}: {_innermost(err)}{hint}", retry=isinstance(err, requests.ConnectionError))


def _has_body(sent: Mapping[str, Any]) -> bool:
    return sent["json"] is not None or sent["data"] is not None


def _time_for(seconds: float) -> bool:
    try:
        return left() > seconds
    except TimeoutError:
        return False


def _chain(err: BaseException) -> list[BaseException]:
    """Return `err` and what it was made from: requests and urllib3 wrap errors in their arguments too."""
    found: list[BaseException] = []
    todo: list[Any] = [err]
    while todo:
        one = todo.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            todo += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
    return found


def _causes(err: Exception, kind: type[BaseException] | types.UnionType) -> bool:
    return any(isinstance(e, kind) for e in _chain(err))


def _innermost(err: Exception) -> str:
    """Return the text of the operating system's or TLS library's own error below the wrappers."""
    for one in _chain(err):
        if isinstance(one, OSError) and one.strerror and not isinstance(one, requests.RequestException):
            return printable(one.strerror, 300)
    return printable(str(err), 300)


class Conditional:
    """One URL whose content is only sent again when it has changed, where the server supports that."""

    def __init__(self, client: Client, url: str):
        self.client = client
        self.url = url
        self._validators: dict[str, str] = {}
        self._last: Answer | None = None

    def get(self, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the content as it is now: the very object of the last time when it has not changed."""
        answer = self.client.get(self.url, headers={**(headers or {}), **self._validators})
        if answer.status == 304 and self._last is not None:
            return self._last
        self._validators = validators(answer)
        self._last = answer if self._validators else None
        return answer


def validators(answer: Answer) -> dict[str, str]:
    """Return the headers that ask for the content of `answer` only if it has changed since."""
    pairs = {"If-None-Match": "ETag", "If-Modified-Since": "Last-Modified"}
    return {ask: answer.headers[told] for ask, told in pairs.items() if told in answer.headers}
