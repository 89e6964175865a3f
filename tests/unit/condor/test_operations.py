"""The parts of the child process that need no daemon."""

import classad2
import pytest

from autopyfactory.condor import operations
from autopyfactory.condor.operations import BadRequest, Operations, _host_and_port, check


@pytest.mark.parametrize("constraint", ["a &&", "", "((", "a == 'x'y'", "a b"])
def test_what_is_no_expression(constraint):
    with pytest.raises(BadRequest):
        check(constraint)


def test_what_was_asked_beside_the_work_moves_it_only_when_it_is_news(monkeypatch):
    address = "<127.0.0.1:1?alias=a>"
    monkeypatch.setattr(Operations, "_find", lambda self: classad2.ClassAd({"MyAddress": address}))
    monkeypatch.setattr(operations.htcondor2, "Schedd", lambda ad: str(ad["MyAddress"]))
    its = Operations("ap", None)
    assert its.age == 0.0, "nothing is known that could be old"
    assert its._connect() == address
    its._since -= 1000
    assert its.age >= 1000
    before, address = address, "<127.0.0.1:2>"
    for text, ago in (("", 1.0), (its.where(), 2000.0)):
        its.settle(text, ago)
        assert (its._connect(), its.age >= 1000) == (before, True), "nothing, or older than what is known"
    its.settle(its.where(), 5.0)
    assert its._connect() == address and 5 <= its.age < 1000
    its.forget()
    its.settle(its.where(), 0.0)
    assert its._location is None, "the next call asks"


def test_a_schedd_is_not_the_one_whose_port_begins_like_its_own() -> None:
    assert _host_and_port("<127.0.0.1:9618?addrs=127.0.0.1-9618>") == "127.0.0.1:9618"
    assert _host_and_port("<127.0.0.1:961>") == "127.0.0.1:961"
    assert _host_and_port(None) == ""
