"""A schedd with limits of its own: what fits is sent, the rest told by the limit's name and value."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext, SubmitError
from autopyfactory.plugins.batchsubmit.condorlocal import CondorLocal
from autopyfactory.why.holds import kind_of
from patience import PATIENCE
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
