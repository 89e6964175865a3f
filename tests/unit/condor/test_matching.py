"""Which clause of a job's Requirements excludes how many machines."""

from __future__ import annotations

import classad2
import pytest

from autopyfactory.condor.matching import clauses, excluded


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("true", ["true"]),
        (
            '(A >= 1) && regexp("be&&ll(", B) && ((C == 1) && (D || E))',
            ["A >= 1", 'regexp("be&&ll(", B)', "C == 1", "D || E"],
        ),
        ("A || B && C", ["A || B && C"]),
        ("A ? B && C : D", ["A ? B && C : D"]),
        ('x =?= "a\\"&&b" && y isnt undefined', ['x =?= "a\\"&&b"', "y isnt undefined"]),
        ("((A)) && (B)", ["A", "B"]),
        ("(A) && B || (C)", ["(A) && B || (C)"]),
    ],
)
def test_parts_that_must_all_be_true(text: str, parts: list[str]) -> None:
    assert list(clauses(text)) == parts


def slots(n: int, **more: str) -> list[classad2.ClassAd]:
    extra = "".join(f"{name} = {value}; " for name, value in more.items())
    rest = f"{extra} Requirements = START; START = true"
    return [classad2.ClassAd(f'[Machine = "node{i}"; Memory = {1000 * (i + 1)}; {rest}]') for i in range(n)]


def job(requirements: str) -> classad2.ClassAd:
    return classad2.ClassAd(f"[RequestMemory = 2500; Requirements = {requirements}]")


def test_each_clause_is_counted_and_the_worst_comes_first() -> None:
    wanted = '(TARGET.Memory >= RequestMemory) && regexp("bell", Machine) && HasCVMFS'
    found = excluded(job(wanted), slots(4))
    assert (found["machines"], found["fit"], found["refuse"]) == (4, 0, 0)
    memory = "TARGET.Memory >= RequestMemory"
    assert found["clauses"] == [['regexp("bell",Machine)', 4], ["HasCVMFS", 4], [memory, 2]]


def test_what_the_job_does_not_say_is_the_machines() -> None:
    wanted = 'regexp("node[01]", Machine) && HasCVMFS && Memory > 1500'
    found = excluded(job(wanted), slots(4, HasCVMFS="true"))
    assert found["fit"] == 1
    assert found["clauses"] == [['regexp("node[01]",Machine)', 2], ["Memory > 1500", 1]]


def test_machines_that_refuse_the_job_do_not_fit() -> None:
    closed = [classad2.ClassAd('[Machine = "a"; Requirements = TARGET.Owner == "alice"]')]
    found = excluded(job("true"), closed)
    assert (found["machines"], found["fit"], found["refuse"], found["clauses"]) == (1, 0, 1, [])


def test_a_machine_with_one_slot_that_fits_is_one_that_fits() -> None:
    many = [classad2.ClassAd(f'[Machine = "a"; Memory = {m}]') for m in (100, 5000)]
    split_off = [classad2.ClassAd('[Machine = "b"; SlotType = "Dynamic"; Memory = 5000]')]
    found = excluded(job("TARGET.Memory >= RequestMemory"), many + split_off)
    assert (found["machines"], found["fit"], found["clauses"]) == (1, 1, [])


def test_an_empty_pool() -> None:
    assert excluded(job("true"), []) == {"machines": 0, "fit": 0, "clauses": [], "refuse": 0}
