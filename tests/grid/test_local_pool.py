"""Pilots in the local pool that no machine takes: `why` says what excludes how many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from autopyfactory.api import commands
from autopyfactory.why import troubles
from autopyfactory.why.watch import TroubleWatch
from factorybox import Box, InProcess
from patience import until
from testbed.pool import SITE, Pool


def test_idle_pilots_whose_requirements_fit_no_machine_are_told_clause_by_clause(
    make_pool: Callable[..., Pool], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(troubles, "WAITS", 1.0)
    pool = make_pool("site", SITE)
    box = Box(place / "local", pool, "local-pool")
    wanted = 'regexp("bell", Machine) && Memory > 10'
    box.queue(
        "bell",
        sched__maxtorun__maximum="2",
        batchsubmit__condorlocal__condor_attributes__requirements=wanted,
    )
    box.work({"bell": 5})
    often = {**TroubleWatch.__init__.__kwdefaults__, "interval": 1.0}
    with patch.object(TroubleWatch.__init__, "__kwdefaults__", often), InProcess(box) as factory:
        until(lambda: box.pilots("bell") == 2, "pilots")

        def told() -> dict[str, object]:
            found = commands.answer(factory, "why", {"queue": "bell"})["live"]["troubles"]
            return dict((found or {}).get("match") or {})

        match = until(lambda: (m := told()).get("machines") and m, "the pool's machines")
        assert (match["machines"], match.get("fit", 0)) == (1, 0)
        clauses = {text: n for text, n in match["clauses"]}  # type: ignore[attr-defined]
        (name,) = [text for text in clauses if "bell" in text]
        assert clauses == {name: 1}, "and none of the others excludes it"

        def problems() -> list[str]:
            (row,) = commands.answer(factory, "status", {"queue": "bell"})["queues"]
            return [f"{c['code']} {c['words']}" for c in row["problems"]]

        until(problems, "the same in the table")
        said = "no-machine the only machine in the pool would not take a pilot: `regexp("
        assert problems()[0].startswith(said)
