"""Which pilots drain, and what HTCondor is told of it."""

import pytest

from autopyfactory.plugins.batchsubmit.condorce import CondorCE
from autopyfactory.plugins.batchsubmit.condorlocal import CondorLocal
from autopyfactory.plugins.batchsubmit.draining import drain_time, patience
from fakes import queue_options
from submitkit import described


@pytest.mark.parametrize(
    ("payloads", "options", "seconds"),
    [
        ((), {}, 0),
        (("glidein",), {}, 0),
        (("glidein",), {"glidein.drain": "600"}, 600),
        (("pool=glidein", "glidein"), {"glidein.drain": "600", "pool.drain": "60"}, 60),
        (("glidein", "command"), {"glidein.drain": "600"}, 0),
        (("glidein",), {"glidein.drain": "soon"}, 0),
    ],
)
def test_all_that_may_run_must_drain(
    payloads: tuple[str, ...], options: dict[str, str], seconds: int
) -> None:
    made = queue_options(wrapper_payloads=payloads, wrapper_options=options)
    assert drain_time(made) == seconds
    assert patience(made) == (seconds + 120 if seconds else 0)


def test_htcondor_waits_for_the_end_of_a_drain() -> None:
    keys = {"batchsubmit__condorce__gridresource": "ce.org"}
    assert not {"job_max_vacate_time", "+remote_JobMaxVacateTime"} & described(CondorCE, **keys).keys()
    assert "job_max_vacate_time" not in described(CondorLocal)
