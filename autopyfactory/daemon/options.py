"""What the command line says about the daemon."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from autopyfactory.daemon.exits import ExitCode, StartError

DEFAULT_CONF = "/etc/autopyfactory/autopyfactory.conf"


@dataclass(frozen=True)
class DaemonOptions:
    """The daemon's options, as given."""

    conf: tuple[str, ...] = (DEFAULT_CONF,)
    level: str = "WARNING"
    console: bool = False
    log: str = "stdout"  # stdout, syslog or a file
    runas: str | None = None
    cycles: int | None = None  # None: endless; 0: the queues are built, but do not run
    sleep: float | None = None  # seconds between two rounds of housekeeping; None: as configured
    pidfile: str | None = None
    daemon: bool = False
    console_log: str | None = None  # where a daemon's standard output and error go

    @property
    def logs_to_file(self) -> bool:
        """Whether the factory's log is a file."""
        return self.log not in ("stdout", "syslog")

    def checked(self, *, stdout_is_file: bool) -> DaemonOptions:
        """Return these options with absolute paths: the folder will change. Raises StartError."""
        if not self.conf:
            raise StartError(ExitCode.USAGE, "--conf names no file")
        if self.console_log and not self.daemon:
            raise StartError(ExitCode.USAGE, "--console-log is for --daemon: redirect the output instead")
        has_console = stdout_is_file or self.console_log
        if self.daemon and not has_console and (self.log == "stdout" or self.console):
            raise StartError(
                ExitCode.USAGE,
                "a daemon has no terminal: give --log FILE or --log syslog, without --console; "
                "or --console-log",
            )
        return replace(
            self,
            conf=tuple(_absolute(c) for c in self.conf),
            log=os.path.abspath(self.log) if self.logs_to_file else self.log,
            pidfile=os.path.abspath(self.pidfile) if self.pidfile else None,
            console_log=os.path.abspath(self.console_log) if self.console_log else None,
        )


def _absolute(source: str) -> str:
    """Make a path absolute; leave URLs alone."""
    return source if "://" in source or source.startswith("file:") else os.path.abspath(source)
