"""The running factory as the operating system sees it: started, reloaded, watched, ended."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from autopyfactory.control.server import CommandError, ControlServer
from autopyfactory.daemon.contract import Built
from autopyfactory.daemon.detach import Verdict
from autopyfactory.daemon.ending import Ending
from autopyfactory.daemon.exits import ExitCode, StartError
from autopyfactory.daemon.signals import Signals
from autopyfactory.daemon.systemd import Heart, Notifier
from autopyfactory.logs.setup import Logs

log = logging.getLogger("autopyfactory.daemon")


class Service:
    """Runs one factory. The main thread only listens, so that nothing keeps a signal waiting."""

    def __init__(
        self, built: Built, *, logs: Logs, notifier: Notifier, verdict: Verdict,
        heart: Heart, status: str,
    ):  # fmt: skip
        self.factory = built.factory
        self.answer = built.answer
        self.logs = logs
        self.notifier = notifier
        self.verdict = verdict
        self.heart = heart
        self.status = status
        self.signals = Signals()
        self.stop = threading.Event()
        self.ready = threading.Event()
        self.error: BaseException | None = None
        self._reload_lock = threading.Lock()
        self._reloads = threading.BoundedSemaphore(2)  # one at work, one that waits for it
        self._silent = False
        self.factory.watchdog = heart.beat
        self._thread = threading.Thread(target=self._work, name="factory", daemon=True)

    def run(self, control: ControlServer) -> int:
        """Run the factory until it is done or told to end; return the exit code."""
        self.signals.install()
        self._thread.start()
        reason = self._listen()
        ending = Ending(self.factory, self._thread, self.signals, self.logs, self.stop)
        self.notifier.stopping(reason)
        log.log(logging.ERROR if self.error else logging.INFO, "the factory ends: %s", reason)
        code = ending.run()
        control.close()
        return ExitCode.INTERNAL if self.error and code == ExitCode.OK else code

    def handle(self, command: str, arguments: dict[str, Any]) -> Any:
        """Answer the control socket; a reload is also told to systemd."""
        if not self.ready.is_set():
            raise CommandError("the factory is still starting")
        if command == "reload":
            return self._reloading(lambda: self.answer(command, arguments))
        return self.answer(command, arguments)

    def _work(self) -> None:
        try:
            self.factory.start()
            self.ready.set()
            self.signals.wake("ready")
            self.factory.run(self.stop)
        except BaseException as err:
            self.error = err
            log.critical("the factory failed", exc_info=True)
            if not self.ready.is_set():
                self.verdict.failed(StartError(ExitCode.INTERNAL, f"the factory cannot start: {err}"))
        finally:
            self.signals.wake("done")

    def _listen(self) -> str:
        """Do what signals say until one of them, or the factory itself, says that it is over; say why."""
        pause = min(self.heart.interval or 5.0, 5.0) / 5
        while True:
            said = self.signals.next(pause)
            if self.ready.is_set():
                self._pulse()
            match said:
                case None:
                    continue
                case ("stop", who):
                    return f"{who} received"
                case ("wake", "ready"):
                    self._up()
                case ("wake", _):
                    return f"it failed: {self.error!r}" if self.error else "nothing left to do"
                case ("reload", who) if self.signals.terminal.is_gone():
                    return f"{who} received, the terminal is gone"
                case ("reload", _):
                    self.logs.reopen()
                    threading.Thread(target=self._reload, name="reload", daemon=True).start()
                case ("reopen", _):
                    self.logs.reopen()
                    log.info("log files reopened")

    def _pulse(self) -> None:
        silent = not self.heart.pulse()
        if silent != self._silent:
            self._silent = silent
            log.log(
                logging.ERROR if silent else logging.WARNING,
                "the housekeeping has been silent for more than %.0f s%s",
                self.heart.limit,
                "" if silent else ", and goes on now",
            )

    def _up(self) -> None:
        log.info("the factory is up: %s", self.status)
        self.logs.flush(1.0)  # whoever waits for this looks into the log next
        self.verdict.ready()
        self.notifier.ready(self.status)

    def _reload(self) -> None:
        if not self._reloads.acquire(blocking=False):
            return  # one is waiting already, and will read the same files
        try:
            self.ready.wait()
            self._reloading(self.factory.reload)
        except Exception:
            log.exception("reload failed: the running configuration stays")
        finally:
            self._reloads.release()

    def _reloading(self, reload: Callable[[], Any]) -> Any:
        """Reload, one at a time: whoever comes during a reload waits, and reads the files again."""
        with self._reload_lock:
            self.notifier.reloading()
            result = "reload failed"
            try:
                answer = reload()
                applied = answer["applied"] if isinstance(answer, dict) else answer.applied
                result = "reloaded" if applied else "reload refused"
                return answer
            finally:
                self.notifier.ready(f"{result} {time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime())}")
