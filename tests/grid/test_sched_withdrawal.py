"""Pilots that are taken back: pending ones only, and no black mark on the site. On a real schedd."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from autopyfactory.accounting.endings import EndingStream
from autopyfactory.accounting.recent import recent_pilots
from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.target import Target
from autopyfactory.model.decision import RecentPilots
from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext
from autopyfactory.plugins.batchstatus.condor import Condor
from autopyfactory.plugins.batchsubmit.condorlocal import CondorLocal
from patience import PATIENCE, until
from testbed.pool import SITE, Pool

DEADLINE = PATIENCE


@pytest.fixture
def pool(make_pool) -> Pool:
    return make_pool("withdrawal", SITE, NUM_SLOTS="2", NUM_SLOTS_TYPE_1="2")


def make_submit(pool: Pool, place: Path) -> CondorLocal:
    os.environ.update(pool.exports)
    texts = {
        "enabled": "True",
        "schedplugin": "Adaptive",
        "batchsubmitplugin": "CondorLocal",
        "executable": "/bin/sleep",
        "executable.arguments": "300",
        "batchstatus.condor.schedd": pool.schedd,
        "batchstatus.condor.collector": pool.collector,
    }
    section = Section.from_texts("Q", texts)
    factory = FactoryOptions(factory_id="f", base_log_dir=str(place / "logs"), state_dir=str(place / "state"))
    queue, problems = bind(QueueOptions, section)
    options, more = bind(CondorLocal.Options, section)
    assert queue is not None and options is not None, problems + more
    return CondorLocal(options, QueueContext("Q", queue, factory))


def test_running_pilots_stay_and_those_taken_back_are_not_failures(pool: Pool, place: Path) -> None:
    submit = make_submit(pool, place)
    target = Target(pool.schedd, pool.collector)
    client = CondorClient(target)
    submit.submit(5, "tag", DEADLINE)
    running = 'ApfFactory == "f" && JobStatus == 2'
    until(lambda: len(client.query(running, ["ClusterId"], deadline=DEADLINE)) == 2, "two pilots run")

    # the counts said five pending: two have started since
    assert submit.withdraw(5, DEADLINE) == 3
    assert len(client.query(running, ["ClusterId"], deadline=DEADLINE)) == 2

    status, stream = Condor(_condor_options(submit), submit.context), EndingStream()

    def recent() -> RecentPilots:
        found = status.endings("")  # all of them, each time
        stream.take(found.pilots, found.starts)
        return recent_pilots(stream.of("Q"), time.time(), total=5, submitted=5)

    ended = 'ApfFactory == "f"'
    until(
        lambda: len(client.history(ended, ["ClusterId"], limit=9, deadline=DEADLINE)) == 3,
        "they are history",
    )
    lately = recent()
    assert (lately.started, lately.finished, lately.failed) == (2, 0, 0)

    # what somebody else removes is an ending like any other
    pool.run_client("condor_rm", "-all")
    until(
        lambda: len(client.history(ended, ["ClusterId"], limit=9, deadline=DEADLINE)) == 5,
        "all are history",
    )
    lately = recent()
    assert (lately.finished, lately.failed) == (2, 2)
    client.close()


def test_a_pilot_of_the_local_pool_waits_for_a_slot_and_not_for_a_ce(make_pool, place: Path) -> None:
    """It was told as "not yet at the CE"."""
    submit = make_submit(make_pool("slots"), place)
    submit.submit(3, "tag", DEADLINE)
    status = Condor(_condor_options(submit), submit.context).fetch()
    found = status.queues["Q"]
    assert (found.pending, found.waiting, found.unsubmitted) == (3, 3, 0)


def _condor_options(submit: CondorLocal):
    texts = {f"batchstatus.condor.{k}": getattr(submit.options, k) for k in ("schedd", "collector")}
    section = Section.from_texts("Q", texts)
    options, problems = bind(Condor.Options, section, section)
    assert options is not None, problems
    return options
