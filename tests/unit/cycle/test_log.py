"""A queue's log tells each complaint once, and again when another one or a good cycle came between."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autopyfactory.cycle.gate import Reading
from autopyfactory.cycle.log import CycleLog
from autopyfactory.logs.lines import Lines
from autopyfactory.model.decision import CycleInputs, Decision, Step
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.model.record import CycleRecord, Outcome

LOG = logging.getLogger("autopyfactory.queue.q")
RECORD = CycleRecord("q", 7, datetime(2026, 11, 22, tzinfo=UTC), "nothing", "")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> CycleLog:
    caplog.set_level(logging.INFO, LOG.name)
    return CycleLog(LOG)


def test_what_a_cycle_knows_is_one_line(log: CycleLog, caplog: pytest.LogCaptureFixture) -> None:
    inputs = CycleInputs(
        "q",
        wms=WMSQueueInfo(ready=9, running=2),
        site=SiteInfo("online"),
        batch=BatchQueueInfo(pending=4, running=5, waiting=3, unseen=1),
    )
    log.inputs(7, inputs, [Reading("wms", "w", 3.2, 100), Reading("batch", "b", None, 100)])
    log.acts()
    log.inputs(8, CycleInputs("q"), [])
    log.acts()
    log.acts()
    assert caplog.messages == [
        "cycle 7: work: 9 ready, 2 running; WMS status 3 s old; site online; "
        "pilots: 4 pending (3 waiting there, 1 just sent), 5 running; batch status none yet",
        "cycle 8: WMS status not asked; batch status not asked",
    ]


def test_each_step_is_a_line_and_so_is_the_end(log: CycleLog, caplog: pytest.LogCaptureFixture) -> None:
    log.inputs(8, CycleInputs("q"), [])
    log.steps(Decision(3, (Step("Ready", 0, 9, "9 ready"), Step("MaxToRun", 9, 3, "at most 3"))))
    assert caplog.messages == [], "all at once"
    log.end(replace(RECORD, reason="nothing\nto do"))
    (record,) = caplog.records
    assert record.msg == Lines(
        (
            "cycle 8: WMS status not asked; batch status not asked",
            "  Ready: 0 -> 9: 9 ready",
            "  MaxToRun: 9 -> 3: at most 3",
            "nothing: nothing\nto do",
        )
    )


@pytest.mark.parametrize("bad", ["end", "defect", "details"])
def test_what_was_known_stands_before_what_went_wrong(
    log: CycleLog, caplog: pytest.LogCaptureFixture, bad: str
) -> None:
    log.inputs(8, CycleInputs("q"), [])
    if bad == "end":
        log.end(replace(RECORD, outcome="failed", reason="no disk"))
    elif bad == "defect":
        log.defect(KeyError("x"))
    else:
        log.details("the rule X failed", KeyError("x"))
    assert [r.levelno > logging.INFO for r in caplog.records] == [False, True]


def test_a_failure_is_a_warning_when_it_is_news(log: CycleLog, caplog: pytest.LogCaptureFixture) -> None:
    def level(outcome: Outcome, reason: str) -> int:
        log.end(replace(RECORD, outcome=outcome, reason=reason))
        assert caplog.messages[-1] == f"{outcome}: {reason}"
        return caplog.records[-1].levelno

    failures = ["no answer for 5 s", "no answer for 12 s", "no disk", "no answer for 17 s"]
    assert [level("failed", words) for words in failures] == [
        logging.WARNING,
        logging.INFO,  # numbers that change are no news
        logging.WARNING,
        logging.WARNING,
    ]
    assert level("held back", "old") == level("paused", "by hand") == logging.INFO
    assert level("failed", "no answer for 18 s") == logging.INFO, "nothing was tried between"
    assert level("nothing", "") == level("sent", "") == logging.INFO
    assert level("failed", "no answer for 1 s") == logging.WARNING


def test_where_a_plugin_failed_is_told_with_the_first_complaint(
    log: CycleLog, caplog: pytest.LogCaptureFixture
) -> None:
    cause = ZeroDivisionError("division by zero")
    for n in range(3):
        failed = replace(RECORD, outcome="failed", reason=f"the rule X failed after {n} s")
        log.details(failed.reason, None)
        log.end(failed, cause)
    assert [bool(r.exc_info) for r in caplog.records] == [True, False, False, False]


def test_an_error_of_our_own_is_told_with_its_place(log: CycleLog, caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise KeyError("x")
    except KeyError as err:
        log.defect(err)
    (record,) = caplog.records
    assert record.exc_info and record.getMessage() == "this cycle failed: 'x'"
