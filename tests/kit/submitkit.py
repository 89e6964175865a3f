"""Submit descriptions of plugins, made without a factory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext

NOW = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
QUEUE = {"enabled": "true", "schedplugin": "Null", "batchsubmitplugin": "X", "executable": "/w.sh"}


def made(cls: type[Any], **keys: str) -> Any:
    """Return the plugin for these keys, `__` for a dot; nothing may be wrong with them."""
    section = Section.from_texts("q", {**QUEUE, **{k.replace("__", "."): v for k, v in keys.items()}})
    options, wrong = bind(cls.Options, section)
    queue, also_wrong = bind(QueueOptions, section)
    assert options is not None and queue is not None, [str(p) for p in (*wrong, *also_wrong)]
    return cls(options, QueueContext("q", queue, FactoryOptions(factory_id="f", base_log_dir="/logs")))


def described(cls: type[Any], **keys: str) -> dict[str, str]:
    """Return the submit description of pilots of a queue with these keys."""
    return dict(made(cls, **keys).describe("tag1", NOW))


def refusal(cls: type[Any], **keys: str) -> str:
    """Return what is said about keys that are wrong."""
    section = Section.from_texts("q", {k.replace("__", "."): v for k, v in keys.items()})
    options, problems = bind(cls.Options, section)
    assert options is None
    return "\n".join(str(p) for p in problems)
