"""Sources of configuration become sections: reading, merging, interpolating."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autopyfactory.config.problem import Problem
from autopyfactory.config.section import Section


@dataclass(frozen=True)
class RawConfig:
    """Merged and interpolated sections, and every problem found on the way."""

    sections: Mapping[str, Section] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
