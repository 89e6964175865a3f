"""What endings and stuck pilots show, and whom it is held against."""

from __future__ import annotations

from typing import Any

import pytest

from autopyfactory.factory import evidence
from autopyfactory.model.ending import Account, Ending

FALSE = "/bin/false"


def ending(outcome: str = "failed", **given: Any) -> Ending:
    base = {"at": 1000.0, "queued": 900.0, "started": 990.0, "wall": 10.0, "exit_code": 1}
    base |= {"node": "slot1@node7"}
    return Ending("ap", "7.0", "tag", "Q", **{"outcome": outcome, **base, **given})


def told(e: Ending, short: float = 5.0) -> tuple[str, str, str] | None:
    found = evidence.of_ending(e, FALSE, short)
    return None if found is None else (found[0], found[1].kind, found[1].words)


def test_a_pilot_that_failed_names_what_it_ran() -> None:
    assert told(ending()) == ("queue", "failed", "/bin/false: exit code 1")
    (_, e) = evidence.of_ending(ending(), FALSE, 5)  # type: ignore[misc]
    assert (e.pilot, e.at, e.sent, e.began, e.wall, e.host) == ("ap 7.0", 1000, 900, 990, 10, "node7")


def test_a_node_that_is_unfit_is_the_sites() -> None:
    account = Account("unfit", host="n1", owner="site", check="cvmfs", check_said="hangs")
    assert told(ending(account=account)) == ("ce", "failed", "/bin/false: exit code 1, check cvmfs: hangs")
    assert told(ending(account=Account("failed", owner="vo")))[0] == "queue"  # type: ignore[index]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"wall": 2.0}, "short"),
        ({"wall": 6.0}, "well"),
        ({"wall": 2.0, "account": Account("ok", payloads=1)}, "well"),
        ({"outcome": "empty", "wall": 2.0}, "well"),
        ({"wall": 0.0}, "well"),
    ],
)
def test_ended_well(given: dict[str, Any], kind: str) -> None:
    found = told(ending(**{"outcome": "well", **given}))
    assert found is not None
    assert found[1] == kind


@pytest.mark.parametrize("outcome", ["removed", "taken back"])
def test_what_somebody_did_on_purpose_shows_nothing(outcome: str) -> None:
    assert told(ending(outcome)) is None
    assert told(ending("dropped", hold_reason="via condor_hold (by user root)", hold_code=1)) is None


@pytest.mark.parametrize(
    ("reason", "scope"),
    [
        ('SECMAN:2010:Received "DENIED" from server for user x@y using method IDTOKENS', "credential"),
        ("sbatch: error: Unable to contact slurm controller (connect failure)", "ce"),
        ("Failed to execute '/x/bad.sh': invalid interpreter", "queue"),
        ("something that nobody has ever seen 17", "queue"),
    ],
)
def test_holds_are_held_against_whose_fault_they_are(reason: str, scope: str) -> None:
    ad = {
        "HoldReason": reason, "HoldReasonCode": 0, "GridJobStatus": None, "EnteredCurrentStatus": 50,
        "QDate": 40, "ClusterId": 3, "ProcId": 1,
    }  # fmt: skip
    found = evidence.of_held("ap", ad)
    assert found is not None
    assert (found[0], found[1].kind, found[1].pilot, found[1].sent) == (scope, "held", "ap 3.1", 40)
    dropped = evidence.of_ending(ending("dropped", hold_reason=reason), FALSE, 5)
    assert dropped is not None
    assert (dropped[0], dropped[1].kind) == (scope, "dropped")
    assert dropped[1].words.split(", ")[1:] == found[1].words.split(", ")[1:]


def test_words_do_not_differ_from_pilot_to_pilot() -> None:
    def words(n: int) -> str:
        ad = {
            "HoldReason": f"strange thing number {n} in /tmp/{n}", "HoldReasonCode": 0, "GridJobStatus": None,
            "EnteredCurrentStatus": 50, "QDate": 40, "ClusterId": n, "ProcId": 1,
        }  # fmt: skip
        found = evidence.of_held("ap", ad)
        assert found is not None
        return found[1].words

    assert words(1) == words(2)
