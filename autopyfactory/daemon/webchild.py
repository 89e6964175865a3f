"""The web pages' process: an expendable child, started when they are configured, replaced when it dies.

It has an interpreter of its own, so no page competes with a cycle for this one's lock. It asks the control
socket like any command. It ends when its standard input does: with this process, however that ends.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, model_validator

from autopyfactory.model import hostport
from autopyfactory.model.text import printable
from autopyfactory.options.common import FACTORY
from autopyfactory.options.declare import NameList, Options, option

log = logging.getLogger("autopyfactory.web")

FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0  # seconds before one that died is replaced; doubled each time
STEADY = 300.0  # seconds after which one that died had worked
CHECK = 30.0  # seconds between two looks whether it answers
SILENT = 3  # looks without an answer, after which it is replaced
NICE = 5  # it gives way to the factory


def _host(text: str) -> str:
    place = hostport.parse(text)
    if place.port is not None:
        raise ValueError("a host without a port is wanted; the port is web.port")
    return place.host


def _addresses(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        ipaddress.ip_network(name)
    return names


class WebOptions(Options):
    """Pages, JSON and metrics; where they are to be had and who may do what there."""

    port: int | None = option(
        None,
        key="web.port",
        scope=FACTORY,
        remote=False,
        ge=0,
        le=65535,
        description="Port of the web pages, of /api and /metrics; 0: any that is free; unset: there are none",
    )
    host: Annotated[str, AfterValidator(_host)] = option(
        "127.0.0.1", key="web.host", scope=FACTORY, description="Address that web.port is opened at"
    )
    remote: bool = option(
        False,
        key="web.remote",
        scope=FACTORY,
        remote=False,
        description="Whether web.host may be an address that other machines reach: without a proxy for TLS in"
        " front, tokens then travel in clear",
    )
    names: NameList = option(
        (),
        key="web.names",
        scope=FACTORY,
        description="Names under which the pages are asked for, beside web.host and localhost; others are"
        " refused",
    )
    identified: bool = option(
        False,
        key="web.identified",
        scope=FACTORY,
        remote=False,
        description="Whether reading needs an identity too; acting always does",
    )
    per_queue: Literal["full", "states", "off"] = option(
        "full",
        key="web.metrics",
        scope=FACTORY,
        description="Series per queue in /metrics: full, states (the pilots only), off (sums only)",
    )
    proxy_addresses: Annotated[NameList, AfterValidator(_addresses)] = option(
        (),
        key="web.proxy.addresses",
        scope=FACTORY,
        description="Addresses or networks of proxies that tell who the user is",
    )
    proxy_header: str = option(
        "X-Forwarded-User",
        key="web.proxy.header",
        scope=FACTORY,
        pattern=r"^[A-Za-z0-9-]+$",
        description="Header in which they tell it",
    )
    proxy_secret_file: str | None = option(
        None,
        key="web.proxy.secretfile",
        scope=FACTORY,
        description="File with the text that they send in the header X-Proxy-Secret, to prove who they are",
    )
    operators: NameList = option(
        (),
        key="web.operators",
        scope=FACTORY,
        description="Users, as proxies tell them, who may pause, drain and resume queues",
    )

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if not self.remote and not loopback(self.host):
            raise ValueError(
                f"other machines reach {self.host}: web.host takes it with web.remote = True only"
            )
        if self.proxy_addresses and not self.proxy_secret_file:
            raise ValueError(
                "web.proxy.addresses needs web.proxy.secretfile: an address proves nothing alone"
            )
        return self


class WebPart:
    """Declares the options of `[Factory]` for the web pages."""

    name: ClassVar[str] = "web"
    Options = WebOptions


def loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_file(state_dir: Path) -> Path:
    """Return where the web process writes its address: {"url", "pid"}."""
    return state_dir / "web.json"


def address(state_dir: Path) -> str | None:
    """Return the URL at which the web process of a factory listens; None when it does not."""
    try:
        said = json.loads(address_file(state_dir).read_text())
        os.kill(said["pid"], 0)
        return str(said["url"])
    except PermissionError:  # another user's process: it lives
        return str(said["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class WebChild:
    """Keeps the web process as the configuration wants it, from `start` to `stop`."""

    def __init__(
        self,
        wanted: Callable[[], WebOptions | None],
        conf: Sequence[str],
        state_dir: Path,
        *,
        command: Sequence[str] = (sys.executable, "-P", "-m", "autopyfactory.web"),
    ):
        """Prepare. `wanted` returns the options in force, at any time; `command` is for tests."""
        self._wanted = wanted
        self._command = (*command, "--child", "--conf", ",".join(conf))
        self._state_dir = state_dir
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._options: WebOptions | None = None
        self._began = self._looked = 0.0
        self._pause, self._not_before = FIRST_PAUSE, 0.0
        self._silent = 0
        self.starts = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread = threading.Thread(target=self._run, name="web child", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """End the process and the watch over it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def _run(self) -> None:
        while True:
            try:
                self.step()
            except Exception:
                log.exception("the web process is not looked after")
            if self._stop.wait(0.5):
                self._end()
                return

    def step(self) -> None:
        """Start, replace or end the process, as is due now."""
        options = self._wanted()
        if options is None or options.port is None:
            self._end()
        elif options != self._options or self.pid is None:
            self._replace(options)
        else:
            self._look()

    def _replace(self, options: WebOptions) -> None:
        now = time.monotonic()
        if options != self._options:
            self._end()
            self._pause, self._not_before = FIRST_PAUSE, 0.0
        elif self._process is not None:
            self._buried(self._process, now)
        if now < self._not_before:
            return
        self._options = options
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # the terminal's and service manager's signals are for the factory
            env={**os.environ, "AUTOPYFACTORY_NICE": str(NICE)},
        )
        self.starts += 1
        self._began = self._looked = now
        self._silent = 0
        assert self._process.stderr is not None
        threading.Thread(target=_listen, args=(self._process.stderr,), name="web words", daemon=True).start()

    def _buried(self, process: subprocess.Popen[bytes], now: float) -> None:
        """Note that the process died, and when the next one may start."""
        self._process = None
        if now - self._began > STEADY:
            self._pause = FIRST_PAUSE
        self._not_before = now + self._pause
        log.warning("the web process ended (%s); another one in %.0f s", process.poll(), self._pause)
        self._pause = min(LAST_PAUSE, 2 * self._pause)
        if process.stdin is not None:
            process.stdin.close()

    def _look(self) -> None:
        """Replace a process that lives and does not answer."""
        now = time.monotonic()
        if now - self._looked < CHECK:
            return
        self._looked = now
        self._silent = 0 if _alive(address(self._state_dir)) else self._silent + 1
        if self._silent >= SILENT and self._process is not None:
            log.warning("the web process has not answered %d times and is replaced", SILENT)
            self._process.kill()
            self._process.wait(5)

    def _end(self) -> None:
        process, self._process, self._options = self._process, None, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # asks it to end
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(1.0)


def _alive(url: str | None) -> bool:
    if url is None:
        return False
    try:
        with urllib.request.urlopen(f"{url}/health/live", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _listen(errors: IO[bytes]) -> None:
    """Log what the process says, line by line."""
    with errors:
        for line in iter(lambda: errors.readline(4096), b""):
            log.warning("%s", printable(line.decode("utf-8", "replace"), 1000))


def options_of(parts: Any) -> WebOptions | None:
    """Return the web options among the parts of a configuration."""
    found = parts.get(WebPart.name)
    return found if isinstance(found, WebOptions) else None
