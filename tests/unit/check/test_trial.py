"""Plugins are made and asked as they would be; what they raise is told, and stops nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autopyfactory.check.trial import MANY, Trial
from autopyfactory.config.model import Route
from configkit import Ready, Send, Tree

CHAIN = "executable = /bin/sh\nschedplugin = Ready, Limit\nsched.limit.maximum = 7"


def trial(tree: Tree, text: str = CHAIN) -> Trial:
    configuration = tree.queue(text)
    return Trial.of(configuration.queues["Q"], configuration)


def refuse(self: Any, options: Any, context: Any) -> None:
    raise RuntimeError("no licence")


def test_the_chain_decides_on_invented_inputs(tree: Tree) -> None:
    made = trial(tree)
    assert made.refused == {}
    assert [rule.name for rule in made.rules] == ["Ready", "Limit"]
    for ready, wanted in ((0, 0), (3, 3), (MANY, 7)):
        decision = made.decide(ready=ready)
        assert decision is not None
        assert (decision.n, len(decision.steps)) == (wanted, 2)


def test_a_submit_description_or_why_there_is_none(tree: Tree) -> None:
    assert trial(tree).describe() == {"executable": "/bin/sh"}
    assert trial(tree, f"{CHAIN}\nbatchsubmit.send.environ = bad").describe() == "quotes do not match"


def test_a_rule_that_cannot_be_made_is_told_and_nothing_is_decided_without_it(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ready, "__init__", refuse)
    made = trial(tree)
    assert made.refused == {"sched Ready": "no licence"}
    assert [rule.name for rule in made.rules] == ["Limit"]
    assert made.decide(ready=5) is None, "the others alone would say something else"


def test_a_submit_plugin_that_cannot_be_made_has_no_description(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Send, "__init__", refuse)
    made = trial(tree)
    assert made.refused == {"batchsubmit Send": "no licence"}
    assert isinstance(made.describe(), str), "a reason, no description"
    assert made.decide(ready=5) is not None


def test_an_error_without_words_is_told_by_its_name(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise KeyError

    monkeypatch.setattr(Ready, "__init__", fail)
    assert trial(tree).refused == {"sched Ready": "KeyError"}


def test_a_rule_that_fails_decides_nothing(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trial(tree)

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(made.chain[1], "calc", fail)
    assert made.decide(ready=5) is None


def test_each_way_is_tried_as_if_it_were_the_only_one(tree: Tree) -> None:
    configuration = tree.queue(CHAIN)
    one = configuration.queues["Q"]
    several = replace(one, others=(Route(one.batchsubmit, one.batchstatus), Route(one.batchsubmit, None)))
    made = Trial.of(several, configuration)
    found = made.by_way()
    assert [way.submit for way in found] == [made.submit, made.others[0][0], made.others[1][0]]
    assert [len(way.queue.routes) for way in found] == [1, 1, 1]
    assert [way.queue.batchstatus for way in found] == [one.batchstatus, one.batchstatus, None]
    assert Trial.of(one, configuration).by_way()[0].queue == one
