import configparser
import logging
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.config import jobstates
from autopyfactory.config.jobstates import Mapping
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.options.problem import ConfigError


def test_panda_states_of_the_whole_life_of_a_job_are_mapped():
    m = Mapping.load(jobstates.PANDA)
    states = "pending defined assigned waiting throttled activated sent starting running holding transferring"
    got = m.wms({s: 1 for s in f"{states} merging finished failed cancelled closed".split()})
    assert got == WMSQueueInfo(ready=1, notready=5, running=6, done=1, failed=3)


def test_condor_batch_counts_held_as_pending_and_suspended_as_running():
    m = Mapping.load(jobstates.CONDOR_BATCH)
    assert m.batch({0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 7: 8}) == BatchQueueInfo(
        pending=9, running=18, done=9
    )


def test_condor_wms_counts_held_jobs_as_failed():
    assert Mapping.load(jobstates.CONDOR_WMS).wms({"1": 4, "5": 2, "7": 1}) == WMSQueueInfo(
        ready=4, failed=2, running=1
    )


def test_configuration_is_laid_over_the_built_in_table():
    m = Mapping.load(jobstates.PANDA, {jobstates.PANDA: {"assigned": "ready"}})
    assert m.wms({"assigned": 2, "activated": 3}) == WMSQueueInfo(ready=5)


def test_unknown_status_counts_as_unknown_and_is_warned_of_once(caplog):
    m = Mapping.load(jobstates.PANDA)
    with caplog.at_level(logging.WARNING):
        assert m.wms({"test-only-status": 3}) == WMSQueueInfo(unknown=3)
        Mapping.load(jobstates.PANDA).wms({"test-only-status": 4})
    assert len([r for r in caplog.records if "test-only-status" in r.getMessage()]) == 1


@pytest.mark.parametrize("bad", [-1, 10**12, 1e300, math.inf, math.nan, "7", None, True, [], 1.5])
def test_what_is_no_count_is_refused(bad):
    with pytest.raises(ValueError, match="activated"):
        Mapping.load(jobstates.PANDA).wms({"activated": bad})


@given(st.dictionaries(st.sampled_from(sorted(jobstates.BUILT_IN[jobstates.PANDA])), st.integers(0, 10**6)))
def test_no_job_is_lost_or_invented(statuses):
    assert sum(Mapping.load(jobstates.PANDA).counts(statuses).values()) == sum(statuses.values())


def test_built_in_tables_are_valid_and_a_wrong_attribute_is_reported():
    assert jobstates.problems(jobstates.BUILT_IN) == []
    (problem,) = jobstates.problems({jobstates.CONDOR_BATCH: {"1": "ready"}})
    assert (problem.section, problem.key, problem.value) == (jobstates.CONDOR_BATCH, "1", "ready")
    assert "pending" in (problem.hint or "")


def test_a_mapping_to_nothing_is_refused_when_it_is_loaded():
    with pytest.raises(ConfigError, match="no such count: redy"):
        Mapping.load(jobstates.PANDA, {jobstates.PANDA: {"activated": "redy"}})


def test_the_shipped_file_says_what_is_built_in():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(Path(__file__).parents[3] / "etc" / "mappings.conf")
    assert {name: dict(parser[name]) for name in parser.sections()} == jobstates.BUILT_IN
