"""What is wrong with a configuration, said so that it can be found and mended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a configuration source; line 0 means the source as a whole."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source

    @property
    def remote(self) -> bool:
        """Whether this source is fetched over the network, so that others decide what it says."""
        return self.source.lower().startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True)
class Problem:
    """One error or warning. `allowed` says what the key takes, `hint` what to write or do instead."""

    severity: Severity
    message: str
    where: Where | None = None
    section: str | None = None
    key: str | None = None
    value: str | None = None
    hint: str | None = None
    allowed: str | None = None

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        inside = f"[{self.section}] " if self.section is not None else ""
        key = f"{self.key}: " if self.key is not None else ""
        told = self.value is None or repr(self.value) in self.message
        value = "" if told else f" (it says {self.value!r})"
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}{self.severity}: {inside}{key}{self.message}{value}{allowed}{hint}"

    @property
    def brief(self) -> str:
        """Return the same where severity and section are known already, the place last."""
        key = f"{self.key}: " if self.key is not None else ""
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{key}{self.message}{allowed}{hint}" + (f" ({self.where})" if self.where else "")

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return asdict(self)


class ConfigError(Exception):
    """A configuration cannot be used; `problems` says everything that is wrong with it."""

    def __init__(self, problems: list[Problem]):
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems


class Unreadable(ConfigError):
    """The sources of `[Factory]` cannot be read at all."""
