"""How to reach the factory of a configuration: by its socket when it runs, else by its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autopyfactory.control.client import call
from autopyfactory.model.once import once

if TYPE_CHECKING:
    from autopyfactory.config.model import Configuration
    from autopyfactory.history.reader import HistoryReader
    from autopyfactory.options.common import FactoryOptions
    from autopyfactory.options.section import Section

TIMEOUT = 30.0  # seconds for an answer of the factory


class Access:
    """The factory that the files in `conf` describe."""

    def __init__(self, conf: Sequence[str]):
        self._conf = tuple(conf)

    @once
    def options(self) -> FactoryOptions:
        """Return `[Factory]`, read once. Raises ConfigError."""
        return self.read_options()

    def read_section(self) -> Section:
        """Read `[Factory]` as it is written, for parts that have options there. Raises ConfigError."""
        from autopyfactory.config.factory import read_factory
        from autopyfactory.options.binding import Binder

        return read_factory(self._conf, {}, Binder()).section

    def read_options(self) -> FactoryOptions:
        """Read `[Factory]` only: this must work while the rest is being edited. Raises ConfigError."""
        from autopyfactory.config.factory import read_factory
        from autopyfactory.options.binding import Binder

        return read_factory(self._conf, {}, Binder()).options

    @once
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
        from autopyfactory.history.opening import open_history

        return open_history(self.options)
