"""Mail to the people in charge: throttled by cause, in digests, on a thread of its own."""

from __future__ import annotations

import contextlib
import getpass
import logging
import os
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from autopyfactory.config.model import Configuration
from autopyfactory.model import hostport
from autopyfactory.model.clock import Clock, SystemClock
from autopyfactory.model.record import Event
from autopyfactory.model.text import printable, visible
from autopyfactory.notify.digest import Digest, Notice, Taken, Users, by_nobody, compose, notice_of, of_nobody
from autopyfactory.options.common import FACTORY, FactoryOptions
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.hostname import host_name

log = logging.getLogger(__name__)

FIRST_RETRY = 60.0  # seconds; doubles up to LAST_RETRY
LAST_RETRY = 3600.0


class MailOptions(Options):
    """How mail is sent; to whom and through which server say factoryAdminEmail and factorySMTPServer."""

    security: Literal["off", "starttls", "tls"] = option(
        "off",
        key="mail.security",
        scope=FACTORY,
        applies="start",
        description="off: plain SMTP, port 25; starttls: encrypted or not at all, port 587; tls: port 465",
    )
    ca: str | None = option(
        None, key="mail.capath", scope=FACTORY, applies="start", description="File with the CAs to trust"
    )
    user: str | None = option(
        None, key="mail.user", scope=FACTORY, applies="start", description="User to log in as, if any"
    )
    password_file: str | None = option(
        None,
        key="mail.passwordfile",
        scope=FACTORY,
        applies="start",
        description="File that holds the user's password",
    )
    sender: str | None = option(
        None,
        key="mail.from",
        scope=FACTORY,
        applies="start",
        description="Sender; unset: <user>@<host> of the factory",
    )
    timeout: float = option(
        30,
        key="mail.timeout",
        scope=FACTORY,
        applies="start",
        unit="s",
        gt=0,
        description="Time limit for one mail, all in all",
    )

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("mail.user and mail.passwordfile: set both or none")
        if self.user and self.security == "off":
            raise ValueError(
                "mail.user needs mail.security = starttls or tls: passwords are not sent in clear"
            )
        return self


class MailPart:
    """Declares the options of `[Factory]` for mail."""

    name: ClassVar[str] = "mail"
    Options = MailOptions


@dataclass(frozen=True, slots=True)
class MailStatus:
    """How the mail fares."""

    sent: int
    waiting: int  # troubles that are not mailed yet
    failures: int
    last_error: str | None


class Mailer:
    """Takes events and notices; mails what a person should know of."""

    def __init__(
        self,
        factory: FactoryOptions,
        options: MailOptions,
        clock: Clock | None = None,
        taken: Taken = of_nobody,
        users: Users = by_nobody,
    ):
        """`taken` says what of a queue somebody has taken on: nobody is told of that meanwhile.

        `users` says which queues send with a credential, whose trouble is theirs.
        """
        self.factory = factory
        self.options = options
        self.clock = clock or SystemClock()
        self._taken, self._users = taken, users
        self._digest = Digest(factory.min_email_repeat, taken)
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._sent = self._failures = 0
        self._error: str | None = None
        self._not_before = 0.0  # monotonic: a server that fails is left alone until then
        self._pause = FIRST_RETRY

    def report(self, event: Event) -> None:
        """Take note of an event, if it is worth a mail; returns at once."""
        notice = notice_of(event, self._taken, self._users)
        if notice is not None:
            self.notify(notice)

    def notify(self, notice: Notice) -> None:
        """Take a notice; returns at once."""
        with self._wake:
            self._digest.add(notice, self.clock.monotonic())
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="mail", daemon=True)
                self._thread.start()
            self._wake.notify()

    def close(self, timeout: float = 5.0) -> None:
        """Stop. What waits is not sent: whoever stops a factory is there to see."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def status(self) -> MailStatus:
        """Return how the mail fares."""
        with self._wake:
            waiting = sum(1 for c in self._digest.causes.values() if c.new)
            return MailStatus(self._sent, waiting, self._failures, self._error)

    def step(self) -> float | None:
        """Send what is due; return the seconds until something will be, None: nothing waits."""
        with self._wake:
            now = self.clock.monotonic()
            causes = self._digest.due(now) if now >= self._not_before else []
            counts = [c.new for c in causes]
            parts = compose(causes, self.factory.factory_id) if causes else None
        if parts is not None:
            message = self._message(*parts)  # not under the lock: it may ask a name server
            try:
                deliver(message, self.factory.smtp_server or "", self.options)
            except (OSError, smtplib.SMTPException, ValueError) as err:
                self._failed(err)
            else:
                self._worked(causes, counts)
        with self._wake:
            at = self._digest.due_at()
            return None if at is None else max(0.0, max(at, self._not_before) - self.clock.monotonic())

    def _worked(self, causes: list[Any], counts: list[int]) -> None:
        with self._wake:
            self._digest.mailed(causes, counts, self.clock.monotonic())
            self._sent += 1
            self._error, self._pause = None, FIRST_RETRY

    def _failed(self, err: Exception) -> None:
        text = " ".join(str(err).split()) or type(err).__name__
        with self._wake:
            first = self._error is None
            self._failures += 1
            self._error = text
            self._not_before = self.clock.monotonic() + self._pause
            self._pause = min(LAST_RETRY, self._pause * 2)
        log.log(logging.WARNING if first else logging.DEBUG, "mail cannot be sent: %s", text)

    def _message(self, subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self.options.sender or f"{_user()}@{host_name()}"
        message["To"] = ", ".join(self.factory.admin_email)
        message["Subject"] = printable(subject)
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=host_name())
        message["Auto-Submitted"] = "auto-generated"  # so that no holiday notice comes back
        message.set_content(visible(text))
        return message

    def _run(self) -> None:
        while True:
            pause = self.step()
            with self._wake:
                if self._closing:
                    return
                at = self._digest.due_at()
                if at is None or pause is None or pause > 0:
                    self._wake.wait(pause)
                if self._closing:
                    return


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without an entry in the user database
        return f"uid{os.getuid()}"


PORTS = {"off": 25, "starttls": 587, "tls": 465}


def deliver(message: EmailMessage, server: str, options: MailOptions) -> None:
    """Hand `message` to `server` (host or host:port) within the time limit.

    Raises OSError or smtplib.SMTPException. Recipients that are refused while others are not are logged.
    """
    place = hostport.parse(server)
    context = ssl.create_default_context(cafile=options.ca) if options.security != "off" else None
    with _connected(place.host, place.port_or(PORTS[options.security]), context, options) as smtp:
        if options.security == "starttls":
            smtp.starttls(context=context)
        if options.user and options.password_file:
            smtp.login(options.user, Path(options.password_file).read_text().rstrip("\r\n"))
        refused = smtp.send_message(message)
    if refused:
        log.warning("mail is refused for %s", ", ".join(f"{who}: {why[1]!r}" for who, why in refused.items()))


@contextlib.contextmanager
def _connected(
    host: str, port: int, context: ssl.SSLContext | None, options: MailOptions
) -> Iterator[smtplib.SMTP]:
    """Connect; a connection that is still open when the time is over is cut, whatever it does."""
    smtp: smtplib.SMTP
    if options.security == "tls":
        smtp = smtplib.SMTP_SSL(local_hostname=host_name(), timeout=options.timeout, context=context)
    else:
        smtp = smtplib.SMTP(local_hostname=host_name(), timeout=options.timeout)
    smtp._host = host  # type: ignore[attr-defined]  # connect() alone leaves it unset, and TLS checks the name
    over = threading.Event()

    def cut() -> None:
        over.set()
        if smtp.sock is not None:
            with contextlib.suppress(OSError):
                smtp.sock.shutdown(socket.SHUT_RDWR)

    guard = threading.Timer(options.timeout, cut)
    guard.daemon = True
    guard.start()
    try:
        code, words = smtp.connect(host, port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, words)
        yield smtp
        with contextlib.suppress(smtplib.SMTPException, OSError):  # the mail is delivered already
            smtp.quit()
    except (OSError, smtplib.SMTPException) as err:
        if over.is_set():
            raise TimeoutError(f"{host}:{port} did not take the mail within {options.timeout:g} s") from err
        raise
    finally:
        guard.cancel()
        smtp.close()


def mailer(
    configuration: Configuration, taken: Taken = of_nobody, users: Users = by_nobody
) -> Mailer | None:
    """Return who mails for a factory; None when there is no server or nobody to mail to."""
    factory = configuration.factory
    if not factory.smtp_server or not factory.admin_email:
        return None
    return Mailer(factory, configuration.part(MailPart.name, MailOptions()), taken=taken, users=users)
