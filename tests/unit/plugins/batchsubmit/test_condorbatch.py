"""What a pilot asks for, as blahp reads it. What blahp makes of it: tests/grid/test_target_batch.py."""

from typing import Any

import pytest

from autopyfactory.plugins.batchsubmit.condorbatch import (
    CondorBatch,
    CondorLSF,
    CondorPBS,
    CondorSGE,
    CondorSlurm,
)
from submitkit import described, made, refusal

ASKED = {
    "batchsubmit__cores": "8",
    "batchsubmit__memory": "16001",
    "batchsubmit__walltime": "90",
    "batchsubmit__gpus": "2",
    "batchsubmit__queue": "grid",
    "batchsubmit__project": "atlas",
}


@pytest.mark.parametrize(
    ("plugin", "kind"), [(CondorSlurm, "slurm"), (CondorPBS, "pbs"), (CondorLSF, "lsf"), (CondorSGE, "sge")]
)
def test_each_batch_system_is_named(plugin: type[Any], kind: str) -> None:
    for d in (described(plugin), described(CondorBatch, batchsubmit__condorbatch__kind=kind)):
        assert (d["universe"], d["grid_resource"]) == ("grid", f"batch {kind}")
    assert made(plugin).ce == f"{kind} of (local)"


def test_what_a_pilot_asks_for() -> None:
    d = described(CondorSlurm, **ASKED)
    assert (d["+NodeNumber"], d["+SMPGranularity"]) == ("8", "8")  # all of them, on one node
    assert (d["request_memory"], d["batch_runtime"]) == ("16001", "5400")  # MB, seconds
    assert (d["+GPUNumber"], d["batch_queue"], d["batch_project"]) == ("2", "grid", "atlas")
    assert "batch_extra_submit_args" not in d


def test_memory_where_blahp_has_no_word_for_it() -> None:
    assert described(CondorLSF, **ASKED)["batch_extra_submit_args"] == "-M 16001MB -R rusage[mem=16001MB]"
    per_slot = described(CondorSGE, **ASKED)["batch_extra_submit_args"]
    assert per_slot == "#$ -l h_vmem=2001M"  # rounded up


def test_what_is_not_asked_for_is_the_batch_system_s_to_choose() -> None:
    d = described(CondorSlurm)
    assert not d.keys() & {"request_memory", "batch_runtime", "+GPUNumber", "batch_queue", "batch_project"}
    assert d["+NodeNumber"] == "1"


def test_pilots_run_below_the_folder_of_their_logs() -> None:
    assert described(CondorSlurm)["initialdir"] == "/logs/2026-11-22/q"


def test_the_user_s_own_attributes_win() -> None:
    d = described(CondorSlurm, **ASKED, batchsubmit__condorslurm__condor_attributes__batch_queue="other")
    assert d["batch_queue"] == "other"


@pytest.mark.parametrize("queue", ["a b", "x\\ny", "-p", "$(x)", "a'b", ""])
def test_a_queue_is_a_name_and_nothing_more(queue: str) -> None:
    with pytest.raises(AssertionError, match=r"batchsubmit\.queue"):
        made(CondorSlurm, batchsubmit__queue=queue)


def test_a_batch_system_that_nobody_knows() -> None:
    assert "kind" in refusal(CondorBatch, batchsubmit__condorbatch__kind="cobalt")
