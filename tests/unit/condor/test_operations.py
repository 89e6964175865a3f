"""The parts of the child process that need no daemon."""

import classad2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.condor.convert import attribute, row
from autopyfactory.condor.operations import BadRequest, merged, references
from autopyfactory.condor.worker import answer, worth_repeating


@pytest.mark.parametrize(
    ("constraint", "names"),
    [
        ("true", set()),
        ('ApfFactory == "f1"', {"ApfFactory"}),
        ('MY.A == "x" && TARGET.B > 3 || c =?= undefined', {"A", "B", "c"}),
        ("member(Q, {1, Z}) && time() > QDate", {"Q", "Z", "QDate"}),
        ('ifThenElse(A, B[C], D.e) && regexp("F", G)', {"A", "B", "C", "D", "G"}),
        ('"Quoted == 1" == X', {"X"}),
    ],
)
def test_the_attributes_of_a_constraint(constraint, names):
    assert set(references(constraint)) == names


@pytest.mark.parametrize("constraint", ["a &&", "", "((", "a == 'x'y'", "a b"])
def test_what_is_no_expression(constraint):
    with pytest.raises(BadRequest):
        references(constraint)


keys = st.sampled_from(["q1", "q2", None, 1, 1.0, True])
rows = st.lists(st.tuples(keys, st.integers(1, 5), st.integers(1, 100)))


@given(rows)
def test_merging_keeps_every_job_and_tells_1_from_true(given_rows):
    ads = [{"Q": q, "S": s, "JobCount": n} for q, s, n in given_rows]
    result = merged([dict(ad) for ad in ads], ["Q", "S"])
    assert len({(repr(one["Q"]), one["S"]) for one in result}) == len(result)
    for one in result:
        same = [ad["JobCount"] for ad in ads if (repr(ad["Q"]), ad["S"]) == (repr(one["Q"]), one["S"])]
        assert one["JobCount"] == sum(same)
    assert sum(one["JobCount"] for one in result) == sum(ad["JobCount"] for ad in ads)


AD = classad2.ClassAd(
    '[i = 3; r = 0.5; s = "x\\"y"; t = true; u = undefined; e = error; x = i + 1; l = {1, undefined, "a"};'
    ' n = [m = 2; k = undefined]; w = absTime("2026-11-22T18:00:00+00:00")]'
)


def test_values_become_plain():
    assert row(AD, ["i", "r", "s", "t", "u", "e", "x", "l", "n", "w", "missing"]) == {
        "i": 3, "r": 0.5, "s": 'x"y', "t": True, "u": None, "e": "error", "x": "i + 1",
        "l": [1, None, "a"], "n": {"m": 2, "k": None}, "w": "2026-11-22T18:00:00+00:00", "missing": None,
    }  # fmt: skip


def test_names_are_the_callers_and_no_name_means_all():
    assert row(AD, ["I"]) == {"I": 3}
    assert set(row(AD, [])) == {"i", "r", "s", "t", "u", "e", "x", "l", "n", "w"}


def test_a_value_in_another_encoding_spoils_nothing():
    ad = classad2.ClassAd('[bad = "caf\\351"; good = 1]')
    assert attribute(ad, "bad") == "caf\\xe9"
    assert row(ad, ["bad", "good"]) == {"bad": "caf\\xe9", "good": 1}


class HTCondorException(Exception):
    """Named like the bindings' own."""


class Stub:
    """Fails with the errors it is given, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = self.forgot = 0

    def forget(self) -> None:
        self.forgot += 1

    def query(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "rows"

    submit = query


GONE = HTCondorException(
    "Failed to fetch ads from schedd, errmsg=CEDAR:6001:Failed to connect to <127.0.0.1:1>"
)
NO_COLLECTOR = HTCondorException("Failed communication with collector.")
LOST = HTCondorException("Unable to commit transaction: ")
NOT_BEGUN = HTCondorException(
    "Failed to connect to schedd, errmsg=SECMAN:2004:Server rejected our session id"
)


def test_a_read_is_repeated_on_a_fresh_location_but_not_for_ever():
    stub = Stub(GONE)
    assert answer(stub, "query", []) == {"result": "rows"}
    assert (stub.calls, stub.forgot) == (2, 1)
    stub = Stub(GONE, NO_COLLECTOR)
    assert answer(stub, "query", []) == {"result": "rows"}
    stub = Stub(*[GONE] * 9)
    assert answer(stub, "query", [])["error"][0] == "HTCondorException"
    assert (stub.calls, stub.forgot) == (3, 3)


def test_a_submission_is_repeated_only_if_it_never_began():
    stub = Stub(LOST)
    assert answer(stub, "submit", [])["error"] == ["HTCondorException", "Unable to commit transaction: "]
    assert stub.calls == 1
    stub = Stub(NOT_BEGUN, NO_COLLECTOR)
    assert answer(stub, "submit", []) == {"result": "rows"}
    assert stub.calls == 3


@pytest.mark.parametrize(
    "error", [BadRequest("no"), ValueError("no"), ZeroDivisionError("bug"), MemoryError()]
)
def test_other_errors_are_not_repeated(error):
    stub = Stub(error)
    assert answer(stub, "query", [])["error"] == [type(error).__name__, str(error)]
    assert stub.calls == 1


def test_neither_is_what_was_denied_or_slow():
    assert not worth_repeating("query", 'SECMAN:2010:Received "DENIED" from server', 0.1)
    assert not worth_repeating("query", "SECMAN:2007:Failed to read resume session response", 20.0)
    assert worth_repeating("query", "SECMAN:2004:Server rejected our session id", 0.1)
