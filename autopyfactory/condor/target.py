"""Which schedd or collector, and how to reach it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"[^\s\"'\\\x00-\x1f]+")
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


@dataclass(frozen=True)
class Target:
    """Where a schedd is and how to reach it.

    schedd: the schedd's name as the collector knows it. None means the only schedd that `collector` knows,
    or, without a collector too, the local schedd (its address file, else the only schedd of the configured
    collector).
    collector: "host[:port]"; None means what the environment's HTCondor configuration says.
    settings: HTCondor settings for the child process, as (key, value) pairs, e.g. SEC_TOKEN_DIRECTORY.

    Raises ValueError for text that could not be a name or that would change the meaning of a query.
    """

    schedd: str | None = None
    collector: str | None = None
    settings: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for what, name in (("schedd", self.schedd), ("collector", self.collector)):
            if name is not None and not _NAME.fullmatch(name):
                raise ValueError(f"not a {what} name: {name!r}")
        for key, value in self.settings:
            if not _SETTING.fullmatch(key):
                raise ValueError(f"not the name of an HTCondor setting: {key!r}")
            if "\0" in value:
                raise ValueError(f"NUL character in the HTCondor setting {key}")

    def __str__(self) -> str:
        return (self.schedd or "(local)") + (f"@{self.collector}" if self.collector else "")
