"""Sources as the factory makes them: options bound from texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext, SourcePlugin

P = TypeVar("P", bound=SourcePlugin[Any])


def bound(cls: type[P], context: QueueContext, factory: Mapping[str, str] | None = None, **texts: str) -> P:
    """Make the plugin from what the queue's section says (`__` for a dot) and `[Factory]`."""
    section = Section.from_texts(context.queue, {k.replace("__", "."): v for k, v in texts.items()})
    options, problems = bind(cls.Options, section, Section.from_texts("Factory", dict(factory or {})))
    assert options is not None, problems
    return cls(options, context)
