"""Make scheduler plugins as the factory does: from the texts of a section."""

from __future__ import annotations

from typing import Any

from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext, SchedPlugin


def context() -> QueueContext:
    return QueueContext(
        "Q",
        QueueOptions(sched=("Ready",), batchsubmit="Exec"),
        FactoryOptions(factory_id="t", base_log_dir="x"),
    )


def build(cls: type[SchedPlugin[Any]], **texts: Any) -> SchedPlugin[Any]:
    section = Section.from_texts("Q", {k: str(v) for k, v in texts.items()})
    options, problems = bind(cls.Options, section, section)
    assert options is not None, problems
    return cls(options, context())
