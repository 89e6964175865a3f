"""How a command reaches the factory of a configuration: by its socket when it runs, else by its history."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from autopyfactory.cli.terminal import echo
from autopyfactory.control.client import ControlError, NotRunning, call

if TYPE_CHECKING:
    from autopyfactory.config.model import Configuration
    from autopyfactory.history import HistoryReader
    from autopyfactory.options.common import FactoryOptions

TIMEOUT = 30.0  # seconds for an answer of the factory

__all__ = ["ControlError", "Link", "NotRunning", "fail"]


def fail(text: str, code: int = 1) -> NoReturn:
    """End the command with `text` on standard error."""
    echo(f"autopyfactory: {text}", err=True)
    sys.exit(code)


class Link:
    """The factory that the files in `conf` describe."""

    def __init__(self, conf: Sequence[str]):
        self._conf = tuple(conf)

    @cached_property
    def options(self) -> FactoryOptions:
        """Read `[Factory]` only: a command must work while the rest is being edited."""
        from autopyfactory.config.factory import read_factory
        from autopyfactory.options.binding import Binder
        from autopyfactory.options.problem import ConfigError

        try:
            return read_factory(self._conf, {}, Binder()).options
        except ConfigError as err:
            fail(str(err), 2)

    @cached_property
    def configuration(self) -> Configuration | None:
        """Read all of it, from files and last good copies only; None when it cannot be read."""
        from autopyfactory.config import build
        from autopyfactory.config.fetch import READING, reading
        from autopyfactory.options.problem import ConfigError

        token = READING.set(replace(reading(), network=False, keep=False))
        try:
            return build.examine(self._conf)[0]
        except ConfigError:
            return None
        finally:
            READING.reset(token)

    @property
    def state_dir(self) -> Path:
        """Return the folder with the factory's state."""
        return Path(self.options.state_dir).expanduser()

    @property
    def socket(self) -> Path:
        """Return the factory's socket."""
        given = self.options.socket
        return Path(given).expanduser() if given else self.state_dir / "control.sock"

    def ask(self, command: str, timeout: float = TIMEOUT, **arguments: Any) -> Any:
        """Return the running factory's answer. Raises NotRunning, ControlError."""
        return call(self.socket, command, timeout, **arguments)

    def history(self) -> HistoryReader:
        """Return the factory's history. Raises HistoryError."""
        from autopyfactory.history import HistoryReader
        from autopyfactory.history.attach import history_url

        return HistoryReader(history_url(self.options), self.options.factory_id)


def user() -> str:
    """Return who gives the command, behind sudo too."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
