"""Limits of schedds, by what they say when one is reached."""

from __future__ import annotations

import pytest

from autopyfactory.condor.limits import reached


@pytest.mark.parametrize(
    "text",
    [
        "expected next ProcId to be 26, but Schedd says -1",
        "expected next ProcId to be 26, but Schedd says 27",
        "Failed to create new cluster",
        "",
    ],
)
def test_what_tells_of_no_limit(text: str) -> None:
    assert reached(text) is None


def test_the_number_that_fits_is_that_of_the_first_job_that_does_not() -> None:
    assert reached("expected next ProcId to be 26, but Schedd says -3") == ("MAX_JOBS_PER_OWNER", 26)
