"""What the child tries again, and what never."""

import pytest

from autopyfactory.condor.operations import BadRequest
from autopyfactory.condor.worker import answer, worth_repeating


class HTCondorException(Exception):
    """Named like the bindings' own."""


GONE = HTCondorException(
    "Failed to fetch ads from schedd, errmsg=CEDAR:6001:Failed to connect to <127.0.0.1:1>"
)
NO_COLLECTOR = HTCondorException("Failed communication with collector.")
LOST = HTCondorException("Unable to commit transaction: ")
NOT_BEGUN = HTCondorException(
    "Failed to connect to schedd, errmsg=SECMAN:2004:Server rejected our session id"
)


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
