"""Pilots' logs are cleaned by no clock that may be wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from autopyfactory.daemon import logpolicy
from autopyfactory.daemon.cleanchild import CleanLogs
from autopyfactory.daemon.cleanlogs import Retention
from autopyfactory.daemon.logpolicy import LogPolicy
from autopyfactory.external.clocks import CLOCKS
from autopyfactory.options.common import FactoryOptions

DAY = 86400.0


@pytest.fixture(autouse=True)
def nobody_says() -> Iterator[None]:
    CLOCKS.forget()
    yield
    CLOCKS.forget()


def factory(folder: Path, **options: object) -> SimpleNamespace:
    known = FactoryOptions.model_construct(
        **{
            **{name: field.default for name, field in FactoryOptions.model_fields.items()},
            "base_log_dir": str(folder / "pilots"),
            "state_dir": str(folder),
            **options,
        }
    )
    return SimpleNamespace(
        configuration=SimpleNamespace(factory=known, queues={}), underway=lambda: {"Q": ["7"]}
    )


def written(path: Path, days: float) -> None:
    path.write_text("x")
    when = time.time() - days * DAY
    os.utime(path, (when, when))


def test_after_a_day_of_rest_somebody_has_to_say_what_the_time_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(tmp_path / "ledger.db", 9)
    written(tmp_path / "autopyfactory.pid", 0)  # it is of this life
    (tmp_path / "folder").mkdir()
    policy, its = LogPolicy(tmp_path), factory(tmp_path, keep_days=7)
    assert policy.now(its) is None
    assert "are not cleaned now: this host's clock is 9 d ahead" in caplog.text
    policy._ahead._leapt = -1e9  # a while ago
    CLOCKS.note("schedd ap", time.time(), time.time(), time.time())
    found = policy.now(its)
    assert found is not None and (found.default, found.underway) == (7, {"Q": ["7"]})


def test_a_factory_that_was_at_work_lately_is_believed_until_somebody_contradicts(tmp_path: Path) -> None:
    written(tmp_path / "ledger.db", 9)
    written(tmp_path / "history.db", 0.5)
    policy, its = LogPolicy(tmp_path), factory(tmp_path, keep_days=7)
    assert policy.now(its) is not None
    CLOCKS.note("schedd ap", time.time() - 3 * DAY, time.time(), time.time())
    assert policy.now(its) is None


def test_a_first_start_and_one_that_keeps_all_are_no_trouble(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert LogPolicy(tmp_path / "none").now(factory(tmp_path, keep_days=7)) is not None
    written(tmp_path / "ledger.db", 9)
    idle = LogPolicy(tmp_path).now(factory(tmp_path))
    assert idle is not None and idle.idle and not caplog.text


def test_without_a_policy_no_process_is_started(tmp_path: Path) -> None:
    CleanLogs(lambda: None, command=("/nonexistent",)).clean()
    assert Retention(tmp_path).idle
    assert logpolicy.log.name == "autopyfactory.cleanlogs"
