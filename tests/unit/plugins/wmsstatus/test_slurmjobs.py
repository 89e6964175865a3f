import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.plugins.wmsstatus.slurmjobs import BLOCKED, CANNOT_RUN, count, tasks


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 1), ("0-9", 10), ("0-9%2", 10), ("1,3,5-7", 5), ("0-10:5", 3), ("0-9,12,20-30:2%4", 17)],
)
def test_array_tasks_are_counted(text, number):
    assert tasks(text) == number


@pytest.mark.parametrize("text", ["", "1,2,...", "a-b", "1-", "-5"])
def test_array_tasks_that_are_not_understood_are_refused(text):
    with pytest.raises(ValueError, match="not understood"):
        tasks(text)


@given(st.sets(st.integers(0, 5000), min_size=1, max_size=60))
def test_any_list_of_tasks_counts_as_many(numbers):
    assert tasks(",".join(map(str, sorted(numbers)))) == len(numbers)


def job(**given):
    return {"job_id": 1, "partition": "p", "job_state": ["PENDING"], "state_reason": "Priority", **given}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"job_state": "PENDING"}, "PENDING"),  # as older releases write it
        ({}, "PENDING"),
        ({"state_reason": "Dependency"}, BLOCKED),
        ({"state_reason": "JobHeldUser"}, BLOCKED),
        ({"state_reason": "QOSMaxJobsPerUserLimit"}, BLOCKED),
        ({"state_reason": "Resources"}, "PENDING"),
        ({"state_reason": "None"}, "PENDING"),
        ({"state_reason": "ReqNodeNotAvail"}, "PENDING"),
        ({"job_state": ["PENDING", "REQUEUE_HOLD"]}, BLOCKED),
        ({"job_state": ["RUNNING", "COMPLETING"], "state_reason": "None"}, "RUNNING"),
    ],
)
def test_states_and_reasons(given, expected):
    assert count({"jobs": [job(**given)]}) == {"p": {expected: 1}}


def test_arrays_partitions_and_users():
    jobs = [
        job(array_task_string="1-5"),
        job(partition="a,b"),
        job(partition="a", user_name="pilot"),
        job(job_state=["RUNNING"], array_task_string="", partition="a"),
    ]
    assert count({"jobs": jobs, "errors": []}, {"pilot"}) == {
        "p": {"PENDING": 5},
        "a": {"PENDING": 1, "RUNNING": 1},
    }


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"jobs": 3}, {"jobs": [3]}, {"jobs": [job(job_state=[])]}, {"jobs": [], "errors": [1]}],
)
def test_another_shape_is_refused(data):
    with pytest.raises(ValueError):
        count(data)


def test_runnable_reasons_are_not_taken_for_blocked():
    for reason in (
        "None",
        "Priority",
        "Resources",
        "Cleaning",
        "NodeDown",
        "ReqNodeNotAvail",
        "WaitingForScheduling",
    ):
        assert not CANNOT_RUN.search(reason)


@pytest.mark.parametrize("text", ["0-99999999999999999999", "0-" + "9" * 5000, "9" * 30, "0-9:" + "1" * 20])
def test_an_array_that_nobody_can_have_is_an_error_of_the_answer(text: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        tasks(text)
