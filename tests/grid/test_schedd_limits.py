"""A schedd with limits of its own: what fits is sent, the rest told by the limit's name and value."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from autopyfactory.api import commands
from autopyfactory.condor.capacity import CAPACITIES, Capacities
from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import LimitReached
from autopyfactory.condor.target import Target
from autopyfactory.factory.factory import Factory
from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext, SubmitError
from autopyfactory.plugins.batchsubmit.condorlocal import CondorLocal
from autopyfactory.why.holds import kind_of
from autopyfactory.why.watch import TroubleWatch
from factorybox import Box, InProcess, last
from patience import PATIENCE, until
from testbed.pool import Pool


def submit_plugin(pool: Pool, place: Path) -> CondorLocal:
    os.environ.update(pool.exports)
    texts = {
        "enabled": "True",
        "schedplugin": "Fixed",
        "batchsubmitplugin": "CondorLocal",
        "executable": "/bin/true",
        "batchstatus.condor.schedd": pool.schedd,
        "batchstatus.condor.collector": pool.collector,
        "batchsubmit.condorlocal.condor_attributes": "requirements = false",
    }
    section = Section.from_texts("Q", texts)
    logs, state = place / "limits-logs", place / "limits-state"
    factory = FactoryOptions(factory_id="f", base_log_dir=str(logs), state_dir=str(state))
    queue, problems = bind(QueueOptions, section)
    options, more = bind(CondorLocal.Options, section)
    assert queue is not None and options is not None, problems + more
    return CondorLocal(options, QueueContext("Q", queue, factory))


@pytest.mark.parametrize("limit", ["MAX_JOBS_PER_OWNER", "MAX_JOBS_SUBMITTED"])
def test_what_fits_is_sent_and_then_the_limit_is_told(make_pool, place: Path, limit: str) -> None:
    """50 were wanted of 30, and every cycle failed for ever."""
    plugin = submit_plugin(make_pool(limit.lower(), **{limit: "30"}), place)
    sent = plugin.submit(50, "tag-one", PATIENCE)
    assert sent.count == 30
    found = plugin.lookup("tag-one", PATIENCE)
    assert found is not None and set(found.ids) == set(sent.ids)
    with pytest.raises(SubmitError, match=rf"{limit} \(30\) of the schedd leaves room for no more") as told:
        plugin.submit(5, "tag-two", PATIENCE)
    kind = kind_of(str(told.value), place="submission")
    assert (kind.code, kind.who) == ("schedd-full", "us")
    assert plugin.lookup("tag-two", PATIENCE) is None


def test_a_large_submission_is_made_as_large_as_it_may_be(make_pool, place: Path) -> None:
    plugin = submit_plugin(make_pool("submission", MAX_JOBS_PER_SUBMISSION="20"), place)
    assert plugin.submit(50, "tag-one", PATIENCE).count == 20
    assert plugin.submit(50, "tag-two", PATIENCE).count == 20


def test_who_is_not_let_in_has_sent_nothing(make_pool, place: Path) -> None:
    """It was told as "outcome not known", and looked up for ever."""
    pool = make_pool("closed", methods=("IDTOKENS",))
    plugin = submit_plugin(pool, place)
    with pytest.raises(SubmitError) as told:
        plugin.submit(1, "tag", PATIENCE)
    assert kind_of(str(told.value), place="submission").code == "schedd-refuses"


@pytest.fixture
def capacities() -> Iterator[Capacities]:
    CAPACITIES.forget()
    yield CAPACITIES
    CAPACITIES.forget()


def box_at(pool: Pool, place: Path, name: str, **options: str) -> Box:
    box = Box(place / name, pool, name)
    for queue in ("a", "b"):
        box.queue(queue, sched__maxtorun__maximum="50", apfqueue__sleep="0.2", **options)
    box.work({"a": 50, "b": 50})
    return box


@contextmanager
def watching_every(seconds: float) -> Iterator[None]:
    """Look at schedds more often than once a minute."""
    often = {**TroubleWatch.__init__.__kwdefaults__, "interval": seconds}
    with patch.object(TroubleWatch.__init__, "__kwdefaults__", often):
        yield


def notes(factory: Factory) -> list[str]:
    return list(commands.answer(factory, "status", {})["notes"])


def causes(factory: Factory, queue: str) -> list[tuple[str, str]]:
    rows = commands.answer(factory, "status", {"queue": queue})["queues"]
    return [(c["code"], c["words"]) for c in rows[0]["problems"]]


def test_the_limit_of_a_schedd_is_a_cap_known_ahead_and_told_before_it_is_reached(
    make_pool, place: Path, capacities: Capacities
) -> None:
    """Others have 5 of 30 jobs there: 25 are ours, and no submission is refused to find that out."""
    pool = make_pool("owner", MAX_JOBS_PER_OWNER="30")
    (place / "other.sub").write_text("executable = /bin/true\nhold = true\nqueue 5\n")
    pool.run_client("condor_submit", str(place / "other.sub"))
    box = box_at(pool, place, "lim-owner", sched__maxpercycle__maximum="4")
    refused: list[str] = []
    real = CondorClient.submit

    def submit(client: CondorClient, *args: object, **kwargs: object) -> object:
        try:
            return real(client, *args, **kwargs)  # type: ignore[arg-type]
        except LimitReached as err:
            refused.append(str(err))
            raise

    box.work({})
    with patch.object(CondorClient, "submit", submit), watching_every(1.0), InProcess(box) as factory:
        until(lambda: capacities.caps(Target(pool.schedd, pool.collector)), "the limit")
        box.work({"a": 50, "b": 50})
        until(lambda: box.pilots() == 25, "what there is room for")
        until(lambda: any("MAX_JOBS" in note for note in notes(factory)), "the warning")
        full = "MAX_JOBS_PER_OWNER, 30 less 5 jobs of others, (25) leaves 0: 25 active"
        until(lambda: dict(causes(factory, "a")).get("schedd-full", "").startswith(full), "the cause")
        assert box.pilots() == 25 and not refused


def test_what_a_gridmanager_would_let_lie_idle_is_not_sent(
    make_pool, place: Path, capacities: Capacities
) -> None:
    """Beyond GRIDMANAGER_MAX_SUBMITTED_JOBS_PER_RESOURCE pilots lay idle in silence."""
    pool = make_pool("gridmanager", GRIDMANAGER_MAX_SUBMITTED_JOBS_PER_RESOURCE="3")
    box = box_at(
        pool,
        place,
        "lim-grid",
        batchsubmitplugin="CondorCE",
        batchsubmit__condorce__gridresource="127.0.0.1:9",
        batchsubmit__condorce__schedd="nobody",
    )
    with watching_every(1.0):
        box.work({})
        with InProcess(box) as factory:
            target = Target(pool.schedd, pool.collector)
            until(lambda: capacities.caps(target, "condor nobody 127.0.0.1:9"), "the limit")
            box.work({"a": 50, "b": 50})
            until(lambda: box.pilots() == 3, "three pilots")
            until(lambda: "(3) leaves 0" in last(factory, "a") + last(factory, "b"), "the reason")
            record = factory.queues["a"].last
            assert record is not None and "GRIDMANAGER_MAX_SUBMITTED_JOBS_PER_RESOURCE" in str(record.caps)
            assert box.pilots() == 3


def test_ten_seconds_of_refusals_are_a_handful_of_submissions(
    make_pool, place: Path, capacities: Capacities
) -> None:
    """There were 140; the schedd has other clients too."""
    pool = make_pool("refuses", SUBMIT_REQUIREMENT_NAMES="No", SUBMIT_REQUIREMENT_No="false")
    box = box_at(pool, place, "lim-refuses")
    tried: list[float] = []
    real = CondorClient.submit

    def submit(client: CondorClient, *args: object, **kwargs: object) -> object:
        tried.append(time.monotonic())
        return real(client, *args, **kwargs)  # type: ignore[arg-type]

    with patch.object(CondorClient, "submit", submit), InProcess(box) as factory:
        until(lambda: last(factory, "a").startswith("failed: submission failed"), "a refusal")
        begun, cycles = time.monotonic(), factory.queues["a"].cycles_run
        queue = factory.queues["a"]
        until(lambda: time.monotonic() > begun + 10 and queue.cycles_run > cycles + 20, "ten seconds")
        assert len(tried) <= 2 * (2 + math.log2(time.monotonic() - begun + 1)), "two queues, doubling pauses"
        assert box.pilots() == 0
