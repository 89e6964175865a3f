"""What pilots carry is looked at in each cycle, way by way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from authkit import private_file, token
from autopyfactory.credentials.credential import Presented
from autopyfactory.credentials.wallet import Choice
from autopyfactory.cycle.carried import Carried
from autopyfactory.cycle.components import Route
from autopyfactory.cycle.doing import Doing, PluginError
from autopyfactory.cycle.files import exists
from autopyfactory.plugins.base import SubmitError
from fakes import FakeClock, FakeSubmit

GOOD = Choice("prod", Presented())
BAD = Choice(passed=("prod: the proxy expired 1 h ago",))


class Way:
    """One way, to a CE of its own."""

    def __init__(self, ce: str) -> None:
        self.submit = FakeSubmit(ce)
        self.route = Route(self.submit)  # type: ignore[arg-type]
        self.ce = ce


def carried(*ways: Way) -> Carried:
    return Carried(ways, Doing(FakeClock()), exists)  # type: ignore[arg-type]


def test_a_file_that_was_here_and_is_gone_is_told_once_for_all_ways(tmp_path: Path) -> None:
    ways = Way("a"), Way("b")
    for way in ways:
        way.submit.described = {"executable": str(tmp_path / "wrapper")}
    made = carried(*ways)
    assert made.gone(datetime.now(UTC)) == (), "it may be on the schedd's host"
    (tmp_path / "wrapper").touch()
    assert made.gone(datetime.now(UTC)) == ()
    (tmp_path / "wrapper").unlink()
    (words,) = made.gone(datetime.now(UTC))
    assert f"{tmp_path}/wrapper" in words


@pytest.mark.parametrize("error", [SubmitError("no"), KeyError("x")])
def test_a_way_whose_pilot_cannot_be_described_keeps_nothing_from_the_others(
    tmp_path: Path, error: Exception
) -> None:
    ways = Way("a"), Way("b")
    (tmp_path / "wrapper").touch()
    ways[1].submit.described = {"executable": str(tmp_path / "wrapper")}

    def fail(*_: Any) -> Any:
        raise error

    ways[0].submit.describe = fail  # type: ignore[method-assign]
    made = carried(*ways)
    made.gone(datetime.now(UTC))
    (tmp_path / "wrapper").unlink()
    assert len(made.gone(datetime.now(UTC))) == 1


def test_a_token_in_a_file_that_has_expired_closes_its_way_unless_a_profile_is_shown(tmp_path: Path) -> None:
    way = Way("a")
    file = private_file(tmp_path / "token", token(-60))
    way.submit.described = {"scitokens_file": str(file)}
    made = carried(way)
    made.gone(datetime.now(UTC))
    choice = made.choose(datetime.now(UTC))
    assert choice is not None and "expired" in choice.words
    assert str(file) in made.closed(way)  # type: ignore[arg-type]
    way.submit.choice = GOOD
    assert made.choose(datetime.now(UTC)) is not None and made.closed(way) == ""  # type: ignore[arg-type]
    way.submit.choice = None
    private_file(file, token(3600))
    made.gone(datetime.now(UTC))
    assert made.choose(datetime.now(UTC)) is None and made.closed(way) == ""  # type: ignore[arg-type]


def test_each_way_is_closed_by_its_own_credential_and_the_queue_by_all() -> None:
    a, b = Way("a"), Way("b")
    a.submit.choice, b.submit.choice = BAD, GOOD
    made = carried(a, b)
    made.gone(datetime.now(UTC))
    choice = made.choose(datetime.now(UTC))
    assert choice is not None and choice.closed == ()
    assert [bool(made.closed(way)) for way in (a, b)] == [True, False]  # type: ignore[arg-type]
    b.submit.choice = BAD
    choice = made.choose(datetime.now(UTC))
    assert choice is not None and choice.closed
    assert all(made.closed(way) for way in (a, b))  # type: ignore[arg-type]


def test_a_plugin_that_fails_to_choose_is_named() -> None:
    way = Way("a")
    way.submit.credential = lambda now: SimpleNamespace(no="such thing").thing  # type: ignore[method-assign]
    with pytest.raises(PluginError, match="the batchsubmit plugin FakeSubmit failed: AttributeError"):
        carried(way).choose(datetime.now(UTC))
