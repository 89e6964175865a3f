"""What runs by its site's word: the same in a constraint and in our own arithmetic."""

from __future__ import annotations

import classad2
import pytest

from autopyfactory.condor.jobstatus import IDLE, IS_IDLE, IS_RUNNING, RUNNING, actual


@pytest.mark.parametrize("status", range(8))
@pytest.mark.parametrize("there", [None, "running", "RUNNING", "Running", "pending", "running ", ""])
def test_a_constraint_and_our_own_arithmetic_agree(status: int, there: str | None) -> None:
    ad = classad2.ClassAd({"JobStatus": status} | ({} if there is None else {"GridJobStatus": there}))
    meant = actual(status, there)
    assert classad2.ExprTree(IS_IDLE).eval(ad) is (meant == IDLE)
    assert classad2.ExprTree(IS_RUNNING).eval(ad) is (meant == RUNNING)
    assert meant == status or (status, meant) == (IDLE, RUNNING)
