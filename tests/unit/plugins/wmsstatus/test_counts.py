"""Counts as files and programs write them."""

import pytest

from autopyfactory.plugins.wmsstatus.counts import parse


def test_many_queues_are_read_at_once(tmp_path):
    text = "".join(f"Q{i} ready {i}\nQ{i} running 1\n" for i in range(10_000))
    assert parse(text)["Q9999"] == {"ready": 9999, "running": 1}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": {"ready": 3, "running": 0}}', {"a": {"ready": 3, "running": 0}}),
        ('{"a": 3}', {"a": {"ready": 3}}),
        ("{}", {}),
        (
            "a ready 3\n# no b\n\na running 4\nb c ready 5",
            {"a": {"ready": 3, "running": 4}, "b c": {"ready": 5}},
        ),
    ],
)
def test_both_forms_are_read(text, found):
    assert parse(text) == found


@pytest.mark.parametrize(
    "text",
    ["", " \n", "# nothing", "a ready", "a ready -3", "a ready 3.5", "a ready ٣", "a ready 3 x",
     "a ready 99999999999999999999",
     "a ready 3\na ready 4", "[]", '{"a": -1}', '{"a": true}', '{"a": 1.5}', '{"a": {"ready": "3"}}',
     '{"a": {"ready": null}}', '{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 1'],
)  # fmt: skip
def test_what_is_wrong_is_never_a_number_of_jobs(text):
    with pytest.raises(ValueError, match=r"."):
        parse(text)
