"""What one pilot asks for, from the options of its queue."""

import pytest

from autopyfactory.options.binding import bind
from autopyfactory.options.common import QueueOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.batchsubmit.request import Request

QUEUE = {"schedplugin": "Null", "batchsubmitplugin": "X"}


def asked(**keys: str) -> Request:
    options, problems = bind(QueueOptions, Section.from_texts("q", QUEUE | keys))
    assert options is not None, [str(p) for p in problems]
    return Request.of(options)


@pytest.mark.parametrize("prefix", ["batchsubmit", "pilot"])
def test_both_names_of_an_option_are_the_same(prefix: str) -> None:
    words = {"cores": "8", "memory": "16000", "walltime": "90", "gpus": "1", "queue": "grid", "project": "a"}
    found = asked(**{f"{prefix}.{key}": value for key, value in words.items()})
    assert found == Request(8, 16000, 90, 1, "grid", "a")
    assert found.requests() == {"request_cpus": "8", "request_memory": "16000", "request_gpus": "1"}


def test_what_is_not_said_is_not_asked_for() -> None:
    assert asked() == Request()
    assert Request().requests() == {}
