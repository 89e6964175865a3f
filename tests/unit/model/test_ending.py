"""What one ending says, in the words that everybody uses."""

import pytest

from autopyfactory.model.ending import Account, Ending, Outcome


def ending(outcome: Outcome = "well", **given: object) -> Ending:
    return Ending("s@h", "1.0", "tag", "q", 1000.0, outcome, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "good", "bad"),
    [
        ("well", True, False), ("empty", True, False), ("failed", False, True), ("dropped", False, True),
        ("removed", False, False), ("taken back", False, False),
    ],
)  # fmt: skip
def test_what_somebody_removed_is_neither_good_nor_bad(outcome: Outcome, good: bool, bad: bool) -> None:
    e = ending(outcome)
    assert (e.good, e.bad, e.empty) == (good, bad, outcome == "empty")


def test_how_it_failed() -> None:
    unfit = Account("unfit", "node7", "site", "cvmfs", check="cvmfs", check_said="atlas.cern.ch hangs")
    failed = ending("failed", exit_code=18, account=unfit)
    assert (failed.how, failed.failure) == ("exit code 18", "unfit")
    assert unfit.words == "check cvmfs: atlas.cern.ch hangs"
    assert (ending("failed", signal=9).how, ending("failed", signal=9).failure) == (
        "killed by signal 9",
        "killed",
    )
    assert ending("failed", exit_code=1).failure == "failed"
    assert (ending("dropped").how, ending("dropped").failure) == ("dropped by the schedd", "dropped")
    assert (ending().how, ending().failure) == ("", "")
    said = Account("failed", payload="panda", reason="exit 73")
    assert said.words == "panda: exit 73"
    assert ending("failed", account=said).how == "failed by its own account"


def test_where_it_ran() -> None:
    assert ending(node="slot1_1@node7").host == "node7"
    assert ending(node="node7").host == "node7"
    assert ending(node="slot1@wn", account=Account("ok", "node8")).host == "node8"
    assert ending().host == ""


def test_short_and_late() -> None:
    assert ending(wall=30).short
    assert not ending(wall=60).short
    assert ending(wall=0).short
    assert not ending("failed", wall=30).short
    assert ending(queued=100, started=160).latency == 60
    assert ending(queued=100, started=90).latency == 0  # clocks
    assert ending(queued=100).latency is None
    assert ending(started=100).latency is None
