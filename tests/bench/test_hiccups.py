"""A session that a busy schedd refuses ends no benchmark."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import common


class HTCondorError(Exception):
    """Stands for the bindings' HTCondorException."""


class Schedd:
    """Says no as often as it is told."""

    def __init__(self, *errors: str):
        self.errors = list(errors)
        self.asked = 0

    def query(self, *args: Any, **options: Any) -> list[str]:
        self.asked += 1
        if self.errors:
            raise HTCondorError(self.errors.pop(0))
        return ["row"]


def bare(schedd: Schedd, monkeypatch: pytest.MonkeyPatch) -> common.Bare:
    monkeypatch.setattr(common.Bare, "hiccups", 0)
    made = object.__new__(common.Bare)
    made.schedd = schedd
    made.htcondor2 = SimpleNamespace(HTCondorException=HTCondorError, QueryOpt=SimpleNamespace(GroupBy=None))
    return made


def test_a_refused_session_is_tried_again_counted_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    schedd = Schedd("SECMAN:2007:Failed to read resume session", "SECMAN:2004:Server rejected our session id")
    assert bare(schedd, monkeypatch).counts("f") == ["row"]
    assert (schedd.asked, common.Bare.hiccups) == (3, 2)
    assert capsys.readouterr().out.count("tried again: SECMAN") == 2
    common.show("Title", ["name"], [["x"]])
    assert "tried again: 2\n" in capsys.readouterr().out


def test_other_errors_and_a_schedd_that_goes_on_refusing_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    schedd = Schedd("CEDAR:6001:Failed to connect")
    with pytest.raises(HTCondorError, match="CEDAR"):
        bare(schedd, monkeypatch).counts("f")
    assert schedd.asked == 1
    schedd = Schedd(*["SECMAN:2007:no"] * 99)
    with pytest.raises(HTCondorError, match="SECMAN"):
        bare(schedd, monkeypatch).counts("f")
    assert schedd.asked == common.TRIES


def test_a_pair_with_a_refused_session_is_measured_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    side = bare(Schedd(), monkeypatch)
    calls = {"ours": 0, "bare": 0}

    def ours() -> None:
        calls["ours"] += 1

    def theirs() -> None:
        calls["bare"] += 1
        if calls["bare"] == 3:
            side.schedd.errors.append("SECMAN:2007:Failed to read resume session")
        side.counts("f")

    pairs = common.compare(ours, theirs, 4)
    assert len(pairs.ours) == len(pairs.bare) == 4
    assert calls == {"ours": 6, "bare": 6}, "one round first, and one pair twice"
    assert "1 pair measured again" in capsys.readouterr().out
