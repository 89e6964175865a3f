"""Options of `[Factory]` that a running factory cannot take up: which of them another configuration changes.

Which they are is declared with each option (`applies`), those of third parties' parts included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autopyfactory.config.effective import of_factory
from autopyfactory.config.model import Configuration
from autopyfactory.options.declare import Applies
from autopyfactory.options.problem import Problem

_WORDS: Mapping[Applies, str] = {
    "start": "what changed counts from the next start",
    "never": "cannot change while the factory runs",
}


@dataclass(frozen=True, slots=True)
class Started:
    """What a factory was started with, as far as only a start takes it up."""

    values: Mapping[tuple[str, str], object]  # by part and field

    @classmethod
    def of(cls, configuration: Configuration) -> Started:
        """Keep what `configuration` says of it, and nothing else."""
        items = of_factory(configuration)
        return cls({(i.part, i.name): i.bound for i in items if i.applies != "reload"})

    def waiting(self, new: Configuration) -> tuple[Problem, ...]:
        """Return a warning for each option that `new` sets otherwise and that waits for a restart."""
        return self._changed(new, "start")

    def refused(self, new: Configuration) -> tuple[Problem, ...]:
        """Return an error for each option that `new` sets otherwise and that must not change."""
        return self._changed(new, "never")

    def _changed(self, new: Configuration, applies: Applies) -> tuple[Problem, ...]:
        section = new.factory_section
        written = section.values
        return tuple(
            Problem(
                "error" if applies == "never" else "warning",
                _WORDS[applies],
                written[item.key].where if item.key in written else section.where,
                section.name,
                item.key,
                hint="restart the factory",
            )
            for item in of_factory(new)
            if item.applies == applies and item.bound != self.values.get((item.part, item.name))
        )
