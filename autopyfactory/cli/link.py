"""How a command reaches the factory of a configuration: by its socket when it runs, else by its history."""

from __future__ import annotations

import getpass
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from autopyfactory.api.access import Access
from autopyfactory.cli.confoption import missing
from autopyfactory.cli.terminal import echo
from autopyfactory.control.client import ControlError, NotRunning
from autopyfactory.model.once import once

if TYPE_CHECKING:
    from autopyfactory.options.common import FactoryOptions

__all__ = ["ControlError", "Link", "NotRunning", "fail"]


def fail(text: str, code: int = 1) -> NoReturn:
    """End the command with `text` on standard error."""
    echo(f"autopyfactory: {text}", err=True)
    sys.exit(code)


class Link(Access):
    """The factory that the files in `conf` describe, for a command: what cannot be read ends it."""

    @once
    def options(self) -> FactoryOptions:
        """Read `[Factory]` only: a command must work while the rest is being edited."""
        from autopyfactory.options.problem import ConfigError

        if text := missing(self._conf):
            fail(text, 2)
        try:
            return self.read_options()
        except ConfigError as err:
            fail(str(err), 2)


def user() -> str:
    """Return who gives the command, behind sudo too."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
