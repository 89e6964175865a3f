from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autopyfactory.config.common import FactoryOptions, QueueOptions
from autopyfactory.config.options import bind
from autopyfactory.config.section import Section
from autopyfactory.plugins.base import QueueContext, SchedPlugin

Make = Callable[..., SchedPlugin[Any]]


def context() -> QueueContext:
    return QueueContext(
        "Q",
        QueueOptions(sched=("Ready",), batchsubmit="Exec"),
        FactoryOptions(factory_id="t", base_log_dir="x"),
    )


def build(cls: type[SchedPlugin[Any]], **texts: Any) -> SchedPlugin[Any]:
    """Make a plugin as the factory does: from texts of a section, all under the plugin's own keys."""
    section = Section.of("Q", **{k: str(v) for k, v in texts.items()})
    options, problems = bind(cls.Options, section, section)
    assert options is not None, problems
    return cls(options, context())


@pytest.fixture
def make() -> Make:
    return build
