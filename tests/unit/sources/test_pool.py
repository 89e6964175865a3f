"""Two queues share a poll exactly when they ask the same, whatever plugin they ask with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from autopyfactory.accounting.ledger import Ledger
from autopyfactory.config.registry import all_of
from autopyfactory.model.info import WMSStatus
from autopyfactory.options.declare import Options, option, specs
from autopyfactory.options.polled import PolledOptions
from autopyfactory.plugins.base import QueueContext, SourcePlugin, WMSStatusPlugin
from autopyfactory.plugins.wmsstatus.span import Span
from autopyfactory.sources.pool import SourcePool
from fakes import FACTORY, FakeClock, queue_options

SOURCES = {f"{kind} {f.name}": f.cls for kind in ("wmsstatus", "batchstatus") for f in all_of(kind)}
TEXTS = st.sampled_from(["http://127.0.0.1:1", "http://127.0.0.1:2"])  # fits all that have to be URLs
EXPRESSIONS = st.sampled_from(["a", "b"])


def values(annotation: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Return few different values of a type, so that equal ones are met often as well."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is Union or type(None) in inner:
        return st.one_of(*(values(a) for a in inner))
    if hasattr(annotation, "__metadata__"):
        return values(annotation.__origin__)
    simple: Mapping[Any, st.SearchStrategy[Any]] = {
        type(None): st.none(),
        bool: st.booleans(),
        int: st.sampled_from([1, 2]),
        float: st.sampled_from([30.0, 60.0]),
        Span: st.sampled_from([Span(1, 1), Span(2, None)]),
    }
    if annotation in simple:
        return simple[annotation]
    if origin is tuple:
        return st.sampled_from([("a",), ("b",), ()])
    if origin is dict:
        return st.sampled_from([{}, {"x": "ready"}, {"x": "running"}])
    assert annotation is str, f"this test does not know how to make a {annotation}"
    return st.one_of(EXPRESSIONS, TEXTS)


@st.composite
def options(draw: st.DrawFn, cls: type[Options]) -> Options:
    """Return any options of `cls`; required ones are always given."""
    texts = {}
    for spec in specs(cls):
        if spec.required or draw(st.booleans()):
            value = draw(values(spec.annotation))
            texts[spec.field] = "http://127.0.0.1:1" if "pattern" in str(spec.constraints) else value
    if "queueskey" in texts:
        texts["queueskey"] = draw(EXPRESSIONS)
    if "url" in texts:
        texts["url"] = draw(TEXTS)
    try:
        return cls(**texts)
    except ValidationError:
        return cls(**{s.field: texts[s.field] for s in specs(cls) if s.required})


@st.composite
def pairs(draw: st.DrawFn, cls: type[SourcePlugin[Any]]) -> tuple[SourcePlugin[Any], SourcePlugin[Any]]:
    """Return two plugins of one class whose options differ in few places, for two queues."""
    first = draw(options(cls.Options))
    second = draw(options(cls.Options))
    keep = draw(st.sets(st.sampled_from([s.field for s in specs(cls.Options)])))
    mixed = first.model_copy(update={f: getattr(second, f) for f in keep})
    return tuple(  # type: ignore[return-value]
        cls(o, QueueContext(q, queue_options(wmsqueue=q), FACTORY)) for o, q in ((first, "A"), (mixed, "B"))
    )


def asked(plugin: SourcePlugin[Any]) -> list[Any]:
    """Return all that changes what `plugin` asks, read from the declarations and not from its key."""
    return [
        getattr(plugin, s.question) if isinstance(s.question, str) else getattr(plugin.options, s.field)
        for s in specs(type(plugin.options))
        if s.question is not False
    ]


@pytest.mark.parametrize("cls", SOURCES.values(), ids=SOURCES)
@given(data=st.data())
def test_plugins_share_a_poll_exactly_when_no_option_that_is_asked_differs(
    cls: type[SourcePlugin[Any]], data: st.DataObject
) -> None:
    one, other = data.draw(pairs(cls))
    assert (one.source_key() == other.source_key()) == (asked(one) == asked(other))


@pytest.mark.parametrize("cls", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("section", ["CONDORBATCHSTATUS-JOBSTATUS2INFO", "CONDORWMSSTATUS-JOBSTATUS2INFO"])
def test_the_mapping_table_is_part_of_the_question(cls: type[SourcePlugin[Any]], section: str) -> None:
    given_ = {s.field: "http://127.0.0.1:1" for s in specs(cls.Options) if s.required}
    without, held = (
        cls(cls.Options(**given_), QueueContext("A", queue_options(), FACTORY, mappings=m))
        for m in ({}, {section: {"5": "unknown"}})
    )
    assert without.source_key() != held.source_key()


class Forgetful(PolledOptions):
    """Options of somebody who thinks of nothing."""

    prefixes = ("wmsstatus.forgetful",)
    project: str = option("a", key="{prefix}.project", description="What to count")
    shown: str = option("a", key="{prefix}.shown", question=False, description="Which part is ours")


class Silent(WMSStatusPlugin[Forgetful]):
    """A source without an answer."""

    name = "Silent"
    Options = Forgetful

    def fetch(self) -> WMSStatus:
        return WMSStatus({})


def test_the_pool_polls_once_for_equal_questions_and_apart_for_others(tmp_path: Any) -> None:
    clock = FakeClock()
    pool = SourcePool(clock, Ledger(tmp_path / "ledger", clock=clock))
    context = QueueContext("A", queue_options(), FACTORY)
    try:
        plain = pool.acquire(Silent(Forgetful(), context), "A")
        assert pool.acquire(Silent(Forgetful(shown="b"), context), "B") is plain
        assert pool.acquire(Silent(Forgetful(maxage=7), context), "C") is plain
        assert pool.acquire(Silent(Forgetful(project="b"), context), "D") is not plain
        assert pool.acquire(Silent(Forgetful(sleep=7), context), "E") is not plain
        assert len(pool.all()) == 3
    finally:
        pool.stop()


class Schedd:
    """Notes what it is asked, and knows nothing."""

    heard: Any = None

    def counts(self, *args: Any, **kwargs: Any) -> list[Any]:
        self.heard = (args, kwargs)
        return []

    def census(self, *args: Any, **kwargs: Any) -> tuple[str, list[Any]]:
        self.heard = (args, kwargs)
        return "", []


@pytest.mark.parametrize("cls", [SOURCES["wmsstatus Condor"], SOURCES["batchstatus Condor"]])
@given(data=st.data())
def test_what_a_schedd_is_really_asked_is_equal_where_a_poll_is_shared(
    cls: type[Any], data: st.DataObject
) -> None:
    questions = []
    one, other = data.draw(pairs(cls))
    for plugin in (one, other):
        schedd = Schedd()
        with patch(f"{cls.__module__}.client", lambda target, s=schedd: (setattr(s, "at", target), s)[1]):
            plugin.fetch()
        questions.append((schedd.at, schedd.heard))  # type: ignore[attr-defined]
    if one.source_key() == other.source_key():
        assert questions[0] == questions[1]
