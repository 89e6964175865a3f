"""A plugin's name becomes a class, or one problem with its place and what to write instead."""

from __future__ import annotations

import pytest

from autopyfactory.config.loader import parse_text
from autopyfactory.config.lookup import Lookup, as_text
from autopyfactory.options.problem import Where
from autopyfactory.options.section import Section
from configkit import REGISTRY, Limit

TEXT = "[Q]\nschedplugin = Limt\nbad = %(nix)s\nnone = None\nempty =\n"
SECTION = parse_text(TEXT, "q.conf").sections["Q"]


def test_a_name_that_is_installed() -> None:
    assert Lookup(REGISTRY).find("sched", "Limit", SECTION, "schedplugin") == (Limit, None, False)


def test_a_misspelt_one_is_told_where_it_is_written() -> None:
    found, problem, gone = Lookup(REGISTRY).find("sched", "Limt", SECTION, "schedplugin")
    assert found is None
    assert not gone
    assert problem is not None
    assert (problem.where, problem.section, problem.key) == (Where("q.conf", 2), "Q", "schedplugin")
    assert (problem.value, problem.hint) == ("Limt", "did you mean Limit?")


def test_one_that_nobody_has_written_is_told_at_the_section() -> None:
    _, problem, _ = Lookup(REGISTRY).find("sched", "Limt", SECTION, "nokey")
    assert problem is not None
    assert (problem.where, problem.value) == (Where("q.conf", 1), None)


@pytest.mark.parametrize("name", ["CondorGT2", "CondorCREAM", "CondorDeltaCloud"])
def test_what_is_gone_is_gone_and_no_misspelling(name: str) -> None:
    found, problem, gone = Lookup(REGISTRY).find("batchsubmit", name, SECTION, "batchsubmitplugin")
    assert found is None
    assert gone
    assert problem is not None
    assert "did you mean" not in (problem.hint or "")
    assert problem.message


@pytest.mark.parametrize(
    ("key", "text"), [("schedplugin", "Limt"), ("none", ""), ("empty", ""), ("nokey", ""), ("bad", "")]
)
def test_a_text_or_nothing(key: str, text: str) -> None:
    assert as_text(SECTION, key) == text
    assert as_text(Section("Q"), key) == ""
