"""What systemd is told: ready, reloading, stopping, alive. Says nothing when systemd did not start us."""

from __future__ import annotations

import os
import time

import sdnotify

TOLD_WITHIN = 1.0  # seconds that telling systemd may take


class Notifier:
    """Speaks to systemd (Type=notify)."""

    def __init__(self) -> None:
        self._notifier = sdnotify.SystemdNotifier()
        if self._notifier.socket is not None:
            self._notifier.socket.settimeout(TOLD_WITHIN)
            self._notifier.socket.set_inheritable(False)
        self.watchdog = _watchdog()
        for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):  # meant for us, not for our children
            os.environ.pop(name, None)

    def ready(self, status: str) -> None:
        """Tell that the factory is up, also after a reload."""
        self._tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Tell that a reload begins; `ready` ends it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> None:
        """Tell that the end begins."""
        self._tell("STOPPING=1", f"STATUS={status}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._tell(f"STATUS={text}")

    def _tell(self, *lines: str) -> None:
        self._notifier.notify("\n".join(line.replace("\n", " ") for line in lines))


def _watchdog() -> float | None:
    """Return after how many seconds of silence systemd restarts us; None when it does not."""
    try:
        seconds = int(os.environ["WATCHDOG_USEC"]) / 1e6
        meant = int(os.environ.get("WATCHDOG_PID", os.getpid())) == os.getpid()
    except (KeyError, ValueError):
        return None
    return seconds if meant and seconds > 0 else None


class Heart:
    """Decides whether the factory still lives: its housekeeping beats, and systemd hears of it in time.

    systemd wants to hear every half of its limit, whatever the period of the housekeeping is; so the main
    thread speaks to systemd as long as the last beat is younger than the housekeeping may take.
    """

    def __init__(self, notifier: Notifier, period: float):
        self._notifier = notifier
        self.limit = (notifier.watchdog or 0.0) + 2 * period
        self._beat = time.monotonic()
        self._told = 0.0

    @property
    def interval(self) -> float | None:
        """Seconds between two calls of `pulse`; None when nobody listens."""
        return None if self._notifier.watchdog is None else self._notifier.watchdog / 2

    def beat(self) -> None:
        """The factory lives: called by its housekeeping."""
        self._beat = time.monotonic()

    def pulse(self) -> bool:
        """Tell systemd that we live, if we do and it is time; say whether the factory's heart beats."""
        now = time.monotonic()
        beating = now - self._beat <= self.limit
        if self.interval is not None and beating and now - self._told >= self.interval * 0.95:
            self._told = now
            self._notifier.alive()
        return beating
