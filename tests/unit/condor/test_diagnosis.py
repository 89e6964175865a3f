"""Texts as the bindings gave them."""

import pytest

from autopyfactory.condor.diagnosis import diagnose, reasons
from autopyfactory.condor.errors import CondorError, LimitReached, NotBegun, Refused, Unreachable
from autopyfactory.condor.target import Target

HERE = Target("ap@", "pool")
DENIED = 'SECMAN:2010:Received "DENIED" from server for user nobody@test.invalid using method FS.'
NO_METHOD = (
    "AUTHENTICATE:1003:Failed to authenticate with any method|AUTHENTICATE:1004:Failed ... using IDTOKENS"
)


@pytest.mark.parametrize(
    ("text", "said", "kind"),
    [
        (
            "Failed to create job ad, errmsg=Submit:-1:Invalid value 'cream' for grid type\nMust be",
            [],
            Refused,
        ),
        ("expected next ProcId to be 200000, but Schedd says -1", [], Refused),
        ("Unable to commit transaction, SCHEDD:2:Received invalid attribute value", [], Refused),
        (f"Failed to connect to schedd, errmsg={DENIED}", [], Refused),
        (f"Failed to fetch ads from schedd, errmsg={DENIED}", [], Refused),
        ("Error when performing action on the schedd.", [f"11/22/26 18:12:55 ERROR: {DENIED}"], Refused),
        ("Failed to start command.", [f"11/22/26 18:12:55 ERROR: {DENIED}"], Refused),
        (f"Failed to connect to schedd, errmsg={NO_METHOD}", [], NotBegun),
        ("Failed to start command.", [f"11/22/26 18:12:55 ERROR: {NO_METHOD}"], Unreachable),
        (
            "Failed to fetch ads from schedd, errmsg=CEDAR:6001:Failed to connect to <127.0.0.1:1>",
            [],
            Unreachable,
        ),
        (
            "Failed to fetch ads from schedd, errmsg=SECMAN:2007:Failed to read resume session",
            [],
            Unreachable,
        ),
        ("Failed communication with collector.", [], NotBegun),
        ("Unable to commit transaction: ", [], Unreachable),
        ("Something new", [], Unreachable),
    ],
)
def test_what_the_bindings_say(text, said, kind):
    error = diagnose("HTCondorException", text, said, HERE)
    assert type(error) is kind
    assert error.target == HERE
    assert str(error).startswith("ap@@pool: ")


def test_the_reason_on_standard_error_joins_a_text_without_one():
    said = [
        "11/22/26 18:12:55 attempt to connect to <127.0.0.1:1> failed: Connection refused (errno = 111)."
    ] * 3
    error = diagnose("HTCondorException", "Error when performing action on the schedd.", said, HERE)
    assert str(error).count("Connection refused") == 1


def test_a_line_without_a_reason_is_left_out():
    assert reasons(
        ["11/22/26 18:12:55 all is well", "11/22/26 18:12:55 (pid:12) Can't resolve collector x"]
    ) == ["Can't resolve collector x"]


def test_a_denial_seen_on_the_way_does_not_hide_what_the_exception_says():
    text = "Failed to fetch ads from schedd, errmsg=CEDAR:6001:Failed to connect to <127.0.0.1:1>"
    assert type(diagnose("HTCondorException", text, [DENIED], HERE)) is Unreachable


def test_other_kinds():
    assert type(diagnose("BadRequest", "no such action", [], HERE)) is ValueError
    assert type(diagnose("NotFound", "no schedd", [], HERE)) is NotBegun
    assert type(diagnose("ValueError", "parse_up_to_q_line() failed", [], HERE)) is Refused
    assert type(diagnose("ZeroDivisionError", "bug", [], HERE)) is CondorError


@pytest.mark.parametrize(
    ("text", "limit", "value", "room"),
    [
        ("expected next ProcId to be 26, but Schedd says -3 limit is 30", "MAX_JOBS_PER_OWNER", 30, 26),
        ("expected next ProcId to be 0, but Schedd says -2 limit is ", "MAX_JOBS_SUBMITTED", None, 0),
        ("expected next ProcId to be 20, but Schedd says -4 limit is 20", "MAX_JOBS_PER_SUBMISSION", 20, 20),
        (
            "Failed to create new cluster.SCHEDD:22:MAX_JOBS_SUBMITTED exceeded. Current=12 limit is 12",
            "MAX_JOBS_SUBMITTED",
            12,
            0,
        ),
    ],
)
def test_a_limit_of_the_schedd_is_told_by_name_and_value(text, limit, value, room):
    error = diagnose("LimitReached", text, [], HERE)
    assert isinstance(error, LimitReached)
    assert (error.limit, error.value, error.room) == (limit, value, room)
    assert f"{limit}{f' ({value})' if value else ''} of the schedd leaves room for {room or 'no'}" in str(
        error
    )
