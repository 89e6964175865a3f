"""What the child tries again, and what never."""

import pytest

from autopyfactory.condor import worker
from autopyfactory.condor.frames import pack
from autopyfactory.condor.operations import BadRequest
from autopyfactory.condor.worker import IDLE, UNTIDY, answer, requests, worth_repeating


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


class Pipe:
    """What comes on standard input: requests; "later": none in the moment that there is to tidy up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *comes: str):
        self.comes = list(comes)
        monkeypatch.setattr(worker, "_comes", self.look)
        monkeypatch.setattr(worker.os, "read", lambda fd, n: pack({"operation": self.comes.pop(0)}))
        self.tidied: list[int] = []  # after how many requests
        self.taken = 0

    def look(self, seconds: float) -> bool:
        if self.comes and self.comes[0] == "later":
            if seconds >= 1:
                del self.comes[0]
            return seconds >= 1
        return bool(self.comes)

    def run(self) -> None:
        with pytest.raises(SystemExit) as ended:
            for _ in requests(lambda: self.tidied.append(self.taken)):
                self.taken += 1
        assert ended.value.code == IDLE


def test_it_tidies_up_when_there_is_time_and_once_in_many_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe(monkeypatch, "a", "b", "later", "c")
    pipe.run()
    assert pipe.tidied == [2, 3], "not between a and b"
    pipe = Pipe(monkeypatch, *["a"] * (2 * UNTIDY + 1))
    pipe.run()
    assert pipe.tidied == [UNTIDY, 2 * UNTIDY, 2 * UNTIDY + 1]
