"""One cycle: closed gates, lost replies, caps and pauses all end in the right number of pilots."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from authkit import private_file, token
from autopyfactory.accounting.protocol.accounts import Policy
from autopyfactory.breakers.evidence import Evidence
from autopyfactory.breakers.registry import Breakers, Gate
from autopyfactory.credentials.credential import Presented
from autopyfactory.credentials.wallet import Choice
from autopyfactory.cycle.turns import Turns
from autopyfactory.model.decision import Cap, CycleInputs, Step
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.plugins.base import SchedPlugin, SubmitError, SubmitUnknown
from autopyfactory.plugins.sched.ready import Ready, ReadyOptions
from autopyfactory.why import explain
from autopyfactory.why.problems import problems
from cycleworld import APause, Hangs, World
from fakes import Want, context
from patience import PATIENCE


def test_sends_what_the_chain_says_and_records_why(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5)])
    w.poll()
    record = w.cycle()
    assert w.submit.sent == 5
    assert (record.outcome, record.submitted, record.wanted, record.granted) == ("sent", 5, 5, 5)
    assert record.decision is not None
    assert record.decision.message == "Want:in=0,ret=5"


def test_nothing_without_batch_status(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5)])
    record = w.cycle()
    assert (w.submit.sent, record.outcome) == (0, "held back")
    assert "no batch status from schedd yet" in record.reason


def test_nothing_on_stale_information(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5)])
    w.poll()
    w.batch.error = RuntimeError("connection refused")
    w.clock.advance(101)
    w.poll()
    record = w.cycle()
    assert w.submit.sent == 0
    assert "101 s old" in record.reason
    assert "connection refused" in record.reason
    w.batch.error = None
    w.poll()
    assert w.cycle().outcome == "sent"


def test_without_a_valid_credential_nothing_is_sent_and_the_record_says_why(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5)])
    w.poll()
    w.submit.choice = Choice(passed=("prod: the proxy expired 1 h ago", "backup: there is no file /p"))
    record = w.cycle()
    assert (w.submit.sent, record.outcome, record.profile) == (0, "held back", None)
    assert record.reason == (
        "no valid credential: prod: the proxy expired 1 h ago; backup: there is no file /p"
    )
    assert record.credential == "prod: the proxy expired 1 h ago; backup: there is no file /p"


def test_a_token_file_that_has_expired_holds_the_queue_like_a_profile(tmp_path: Path) -> None:
    """Pilots sent with it would only be held; what a profile keeps is for the profile to judge."""
    w = World(tmp_path, [Want(5)])
    w.poll()
    now = time.time()
    ends = w.clock.now().timestamp() - now  # the clock of this test is not ours
    file = private_file(tmp_path / "token", token(ends - 3600))
    w.submit.described = {"scitokens_file": str(file)}
    record = w.cycle()
    assert (w.submit.sent, record.outcome, record.profile) == (0, "held back", None)
    assert record.reason.startswith(f"no valid credential: the token {file} expired at ")
    assert record.reason == f"no valid credential: {record.credential}"
    [cause] = problems(record)
    assert (cause.code, cause.who) == ("credential", "credentials")

    w.submit.choice = Choice("prod", Presented())
    assert w.cycle().outcome == "sent"
    w.submit.choice = None
    w.show_sent()
    assert w.cycle().outcome == "held back"
    private_file(file, token(ends + 36000))
    record = w.cycle()
    assert (record.outcome, record.credential) == ("sent", None)


def test_the_credential_that_is_used_and_why_others_are_not_is_recorded(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5)])
    w.poll()
    w.submit.choice = Choice("backup", Presented(), None, ("prod: the proxy expired 1 h ago",))
    record = w.cycle()
    assert (record.submitted, record.profile) == (5, "backup")
    assert record.credential == "prod: the proxy expired 1 h ago; backup is used"
    w.submit.choice = Choice("prod", Presented())
    record = w.cycle()
    assert (record.profile, record.credential) == ("prod", None)


def test_pilots_not_yet_visible_count_as_pending(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5, keep=True)])
    w.poll()
    for _ in range(3):  # the same snapshot three times
        w.clock.advance(1)
        w.cycle()
    assert w.submit.sent == 5
    w.show_sent()
    w.cycle()
    assert w.submit.sent == 5


def test_rules_that_hang_do_not_stop_other_queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopyfactory.cycle.cycle.TURNS", Turns(0.1))
    rule = Hangs()
    stuck = [World(tmp_path / f"stuck{i}", [rule]) for i in range(3)]
    threads = [threading.Thread(target=w.cycle) for w in stuck]
    for w, thread in zip(stuck, threads, strict=True):
        w.poll()
        thread.start()
    assert all(rule.inside.acquire(timeout=PATIENCE) for _ in threads)
    free = World(tmp_path / "free", [Want(5)])
    free.poll()
    assert free.cycle().outcome == "sent"
    rule.release.set()
    for w, thread in zip(stuck, threads, strict=True):
        thread.join(PATIENCE)
        assert w.submit.sent == 1


class Wrong(Want):
    """A rule that does what none may do."""

    name = "Wrong"

    def __init__(self, answer: Any) -> None:
        super().__init__(1)
        self.answer = answer

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (None, "TypeError: it answered with None"),
        (5, "TypeError: it answered with 5"),
        (Step("Wrong", 0, 2.5, ""), "TypeError: it answered with Step"),  # type: ignore[arg-type]
    ],
)
def test_what_a_rule_does_wrong_is_told_by_its_name_once_and_tried_again(
    tmp_path: Path, answer: Any, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    rule = Wrong(answer)
    w = World(tmp_path, [rule])
    w.poll()
    for _ in range(3):
        record = w.cycle()
        assert (record.outcome, w.submit.sent) == ("failed", 0)
        assert record.reason.startswith(f"the rule Wrong failed: {says}")
        assert record.inputs is not None and record.inputs.batch is not None, "what was known is kept"
        (cause,) = [c for c in problems(record) if c.code == "plugin-fails"]
        assert cause.words == record.reason
    told = [r for r in caplog.records if r.levelno >= logging.WARNING and "rule Wrong" in r.getMessage()]
    assert sum(bool(r.exc_info) for r in told) == 1, "where it failed is in the log once"
    rule.answer = Step("Wrong", 0, 2, "two")
    assert w.cycle().submitted == 2


def test_a_wms_plugin_that_answers_with_something_else_is_told(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5)])
    w.poll()
    w.wms.queue_info = lambda status: {"ready": 5}  # type: ignore[assignment, method-assign, return-value]
    record = w.cycle()
    assert (record.outcome, w.submit.sent) == ("failed", 0)
    said = "the wmsstatus plugin FakeWMS failed: TypeError: it answered with dict, not WMSQueueInfo"
    assert record.reason == said


def test_large_numbers_go_in_chunks(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(250)])
    w.poll()
    record = w.cycle()
    assert sorted(w.submit.pilots.values()) == [50, 100, 100]
    assert record.submitted == 250


def test_a_refused_submission_sends_nothing_and_blocks_nothing(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5, keep=True)])
    w.poll()
    w.submit.fail = SubmitError("no permission")
    record = w.cycle()
    assert (record.outcome, record.submitted) == ("failed", 0)
    assert "no permission" in record.reason
    w.submit.fail = None
    w.clock.advance(2)  # it is not tried again at once
    assert w.cycle().submitted == 5


def test_a_schedd_that_was_down_is_sent_to_as_soon_as_it_answers(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5, keep=True)])
    w.poll()
    w.submit.fail, w.batch.error = SubmitError("connection refused"), RuntimeError("connection refused")
    w.poll()
    for _ in range(3):
        w.clock.advance(10)
        assert w.cycle().outcome == "failed"
    w.submit.fail = None
    assert w.cycle().outcome == "failed", "nobody knows yet that it is back: it is left alone"
    w.batch.error = None
    w.poll()
    assert w.cycle().submitted == 5


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_reply_counts_until_it_is_looked_up(tmp_path: Path, arrived: bool) -> None:
    w = World(tmp_path, [Want(5, keep=True)])
    w.batch.tags = w.submit.pilots
    w.poll()
    w.submit.fail, w.submit.lose_reply = SubmitUnknown("timed out"), arrived
    assert w.cycle().outcome == "failed"
    w.submit.fail = None
    if not arrived:
        w.submit.pilots.clear()
    record = w.cycle()
    assert (record.outcome, record.unresolved) == (
        "nothing",
        ("an earlier submission of 5 pilots is being looked up",),
    )
    assert record.inputs is not None and record.inputs.batch is not None
    assert record.inputs.batch.pending == 5
    found = []
    for _ in range(3):
        w.clock.advance(Policy().apart / 2)
        w.batch.queues["q"] = BatchQueueInfo(pending=w.submit.sent)
        w.poll()
        found += w.cycle().found
        assert w.submit.sent == (5 if arrived else 0), "not yet: it may be under way"
    w.clock.advance(Policy().apart)
    w.poll()
    w.cycle()
    assert w.submit.sent == 5
    # what was found is told once: monitors learn of these pilots from nothing else
    assert [(s.count, s.error) for s in found] == ([(5, None)] if arrived else [])
    assert all(s.cluster for s in found)


def test_counts_that_collapse_send_nothing(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5, keep=True)])
    w.batch.tags = w.submit.pilots
    w.poll()
    w.cycle()
    w.show_sent()
    for lie in ({}, {"q": BatchQueueInfo(pending=1)}, {}):
        w.batch.queues = dict(lie)
        w.clock.advance(60)
        w.poll()
        record = w.cycle()
        assert record.inputs is not None and record.inputs.batch is not None
        assert record.inputs.batch.missing == 5 - sum(i.pending for i in lie.values())
    assert w.submit.sent == 5


@pytest.mark.parametrize("count", [-1, True, 2.5, "7", None, 10**12])
def test_a_count_that_cannot_be_is_no_answer(tmp_path: Path, count: Any) -> None:
    w = World(tmp_path, [Want(5, keep=True)])
    w.batch.queues["q"] = BatchQueueInfo(pending=count)
    w.poll()
    assert "an answer that cannot be" in w.cycle().reason
    assert w.submit.sent == 0


def test_a_shared_cap_cuts_the_number(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(250, caps=(Cap("factory", 130, "MaxPerFactory"),))])
    w.batch.queues["other"] = BatchQueueInfo(running=10)
    w.poll()
    record = w.cycle()
    assert w.submit.sent == 120
    assert "MaxPerFactory (130) leaves 20" in record.caps[0]
    w.cycle()
    assert w.submit.sent == 120


def test_nothing_is_sent_while_the_state_is_lost(tmp_path: Path) -> None:
    world = World(tmp_path, [Want(3)])
    world.poll()
    world.block = ("the ledger is gone",)
    record = world.queue.cycle(world.clock.now())
    assert (record.outcome, record.reason, world.submit.sent) == ("held back", "the ledger is gone", 0)
    world.block = ()
    assert world.queue.cycle(world.clock.now()).submitted == 3


def test_paused_queues_decide_but_do_not_send(tmp_path: Path) -> None:
    w = World(tmp_path, [Want(5)])
    w.poll()
    w.pause = APause()
    record = w.cycle()
    assert (record.outcome, record.reason, record.wanted, w.submit.sent) == ("paused", "paused by hand", 5, 0)


def test_nine_pilots_for_nine_jobs_stay_nine(tmp_path: Path) -> None:
    """Nine are sent and eight start at once; the WMS, asked before, still shows nine jobs ready."""
    world = World(tmp_path, [Ready(ReadyOptions(), context())])
    world.wms.ready = 9
    world.poll()
    assert world.cycle().submitted == 9
    world.batch.queues["q"] = BatchQueueInfo(pending=9)
    world.clock.advance(5)
    world.batch_source.poll()
    assert world.cycle().submitted == 0
    world.batch.queues["q"] = BatchQueueInfo(pending=1, running=8)
    world.clock.advance(5)
    world.batch_source.poll()
    record = world.cycle()
    assert record.submitted == 0
    assert "9 ready - 1 pending - 8 just started" in record.reason
    world.clock.advance(60)
    world.wms.ready = 4  # some were taken, more came
    world.poll()
    assert world.cycle().submitted == 3


def test_refusals_are_tried_again_less_and_less_often_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, [Want(5)])
    world.submit.fail = SubmitError("MAX_JOBS_PER_OWNER (30) of the schedd leaves room for no more")
    tried: list[int] = []
    submit = world.submit.submit
    world.submit.submit = lambda n, tag, deadline: (tried.append(n), submit(n, tag, deadline))[1]  # type: ignore
    world.poll()
    for _ in range(140):  # within ten seconds
        world.clock.advance(0.07)
        record = world.cycle()
        assert record.outcome == "failed" and "MAX_JOBS_PER_OWNER (30)" in record.reason
        assert record.sent and record.sent[0].error and not record.submitted
    assert len(tried) <= 5
    warnings = [r for r in caplog.records if r.levelno >= logging.WARNING and "MAX_JOBS" in r.getMessage()]
    assert len(warnings) == 1
    world.submit.fail = None
    world.clock.advance(20)
    world.poll()
    assert world.cycle().submitted == 5


def test_a_ledger_that_cannot_be_written_is_told_as_that_and_not_as_a_defect(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was known and decided stays in the record; the complaint is logged once, then counted."""
    world = World(tmp_path, [Want(5)])
    world.poll()
    records = []
    full = sqlite3.OperationalError("database or disk is full")
    # only this one: those of other tests may still write
    with patch.object(world.book._ledger.file, "_put_places", side_effect=full):
        for _ in range(4):
            records.append(world.cycle())
            world.clock.advance(600)  # longer than it is left alone after refusals
            world.poll()
    assert world.submit.sent == 0, "what is not written down is not sent"
    for record in records:
        assert (record.outcome, record.wanted) == ("failed", 5)
        assert "disk is full" in record.reason and "internal error" not in record.reason
        assert record.inputs is not None and record.decision is not None
    for name in ("autopyfactory.queue.q", "autopyfactory.ledger"):
        loud = [r for r in caplog.records if r.name == name and r.levelno >= logging.WARNING]
        assert len([r for r in loud if "disk is full" in r.getMessage()]) == 1
    (run,) = explain(records).runs
    assert run.cycles == 4
    assert world.cycle().submitted == 5


def test_a_submission_that_is_not_let_in_says_so_and_keeps_what_was_decided(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No outcome is unknown: nothing was sent, and nothing is looked up. It is logged once, then counted."""
    world = World(tmp_path, [Want(5)])
    text = "ap: Failed to connect to schedd, errmsg=AUTHENTICATE:1003:Failed to authenticate with any method"
    world.submit.fail = SubmitError(text)
    records = []
    for _ in range(3):
        world.clock.advance(600)
        world.poll()
        records.append(world.cycle())
    for record in records:
        assert (record.outcome, record.wanted, record.unresolved) == ("failed", 5, ())
        assert record.reason == f"submission failed: {text}"
        assert record.inputs is not None and record.decision is not None
    story = explain(records)
    assert story.codes[0] == "schedd-refuses"
    assert [run.cycles for run in story.runs] == [3]
    loud = [r for r in caplog.records if r.levelno >= logging.WARNING and "AUTHENTICATE" in r.getMessage()]
    assert len(loud) == 1


def test_a_defect_keeps_what_was_known_and_decided(tmp_path: Path) -> None:
    world = World(tmp_path, [Want(5)])
    world.submit.fail = KeyError("x")
    world.poll()
    record = world.cycle()
    assert record.outcome == "failed"
    assert record.reason == "the batchsubmit plugin FakeSubmit failed: KeyError: 'x'"
    assert record.inputs is not None and record.decision is not None and record.wanted == 5


def with_breaker(tmp_path: Path, chain: list[SchedPlugin[Any]]) -> tuple[World, Breakers, Gate]:
    """A queue with a breaker that five pilots have opened."""
    w = World(tmp_path, chain, gated=True)
    breakers, gate = w.gate._breakers, w.gate
    w.poll()
    now = w.clock.now().timestamp()
    for n in range(5):
        e = Evidence(f"p{n}", "failed", now, "/bin/false: exit code 1", sent=now - 9, began=now - 8)
        breakers.note(gate.address, "queue", e)
    return w, breakers, gate


def test_an_open_breaker_holds_the_queue_back_and_is_in_the_record(tmp_path: Path) -> None:
    w, breakers, _ = with_breaker(tmp_path, [Want(5)])
    assert w.cycle().outcome == "sent"
    breakers.judge()
    record = w.cycle()
    assert (record.outcome, record.wanted, record.submitted) == ("held back", 5, 0)
    assert record.breaker is not None
    assert record.reason == f"a breaker is open: {record.breaker}"
    assert "/bin/false: exit code 1" in record.breaker
    assert record.breaker_scope == "queue"
    assert w.submit.sent == 5


def test_one_pilot_goes_as_a_probe(tmp_path: Path) -> None:
    w, breakers, _ = with_breaker(tmp_path, [Want(5)])
    breakers.judge()
    w.clock.advance(301)
    w.poll()
    assert w.cycle().submitted == 1
    record = w.cycle()
    assert (w.submit.sent, record.outcome) == (1, "held back")


def test_a_probe_that_cannot_be_sent_is_not_used_up(tmp_path: Path) -> None:
    w, breakers, gate = with_breaker(tmp_path, [Want(5)])
    breakers.judge()
    w.clock.advance(301)
    w.poll()
    w.submit.fail = SubmitError("no")
    assert w.cycle().outcome == "failed"
    assert gate.permit().limit == 1
    w.submit.fail = None
    w.clock.advance(2)
    assert w.cycle().submitted == 1
    assert gate.permit().limit == 0


def test_a_probe_whose_answer_was_lost_may_have_gone(tmp_path: Path) -> None:
    w, breakers, gate = with_breaker(tmp_path, [Want(5)])
    breakers.judge()
    w.clock.advance(301)
    w.poll()
    w.submit.fail, w.submit.lose_reply = SubmitUnknown("?"), True
    w.cycle()
    assert gate.permit().limit == 0
    assert w.submit.sent == 1


def test_an_open_breaker_is_told_where_nothing_is_wanted(tmp_path: Path) -> None:
    w, breakers, gate = with_breaker(tmp_path, [Want(0)])
    breakers.judge()
    w.clock.advance(301)
    w.poll()
    record = w.cycle()
    assert record.outcome == "nothing"
    assert record.breaker is not None
    assert gate.permit().limit == 1, "no probe is used up"
