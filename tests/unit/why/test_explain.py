"""Each thing that can hold a queue back is named by the story, with what to do; nothing else is."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from autopyfactory.credentials.wallet import NONE_VALID
from autopyfactory.model.decision import Decision, Step
from autopyfactory.model.declaration import Bite
from autopyfactory.model.info import SiteInfo, WMSQueueInfo
from autopyfactory.model.record import CycleRecord, HeldGroup, Match, Sent, Troubles
from autopyfactory.model.serialize import from_plain
from autopyfactory.pauses import ALL, Pause
from autopyfactory.why import LiveState, explain
from autopyfactory.why.render import render
from contracts.records import T0, cycle

OFFLINE = Bite("offline", "site", "wait until the WMS says it is online")
NOW = T0 + timedelta(seconds=20)
MINUTE = timedelta(minutes=1)
DENIED = (
    'Error connecting to schedd ce1.grid.test: SECMAN:2010:Received "DENIED" from server for user '
    "pilot01@ce1.grid.test using method IDTOKENS."
)
EXPIRED = HeldGroup("token expired", 8, 0, T0 - 6 * MINUTE, "17.0")


def live(**changes: Any) -> LiveState:
    return replace(LiveState(NOW, True, True, True, period=60, troubles=Troubles(NOW)), **changes)


def decided(*steps: Step) -> Decision:
    return Decision(steps[-1].n_out, steps)


def text(records: list[CycleRecord], state: LiveState | None) -> str:
    return "\n".join(render(explain(records, state, now=NOW)))


def test_a_queue_that_sends_has_nothing_in_its_way() -> None:
    story = explain([cycle(pending=3, cap=100)], live())
    assert story.codes == ()
    assert story.submitted == 34
    assert story.headline == "34 pilots sent: 37 jobs ready, 3 pilots pending, 100 running"
    assert story.next == ()


def test_capped() -> None:
    story = explain([cycle()], live())
    assert story.codes == ("capped",)
    assert story.headline == (
        "0 pilots: 37 jobs ready, 12 pilots pending, 100 running; MaxPending bit: 12 pending, at most 10"
    )
    assert "raise the limit" in story.next[0]


def test_partly_capped_does_not_block() -> None:
    story = explain([cycle(pending=3)], live())
    assert story.submitted == 7
    (cause,) = story.causes
    assert (cause.code, cause.blocks) == ("capped", False)
    assert story.next == ()


def test_the_story_of_the_expired_token() -> None:
    """The example that this command is made for: a cap bites, and the reason behind it is named first."""
    record = cycle(held=8)
    story = explain(
        [record], live(troubles=Troubles(NOW, (EXPIRED,)), credential="atlas-pilot expired 02:12")
    )
    assert story.codes == ("credential", "credential-expired", "capped")
    lines = text([record], live(troubles=Troubles(NOW, (EXPIRED,)), credential="atlas-pilot expired 02:12"))
    assert "37 jobs ready, 12 pilots pending (8 held)" in lines
    assert '"token expired"' in lines
    assert "8 pilots held: the credential has expired, since 01:54Z" in lines
    assert "MaxPending bit" in lines
    assert "1. Renew the credential" in lines
    assert "[who looks after credentials has to act]" in lines


def test_no_valid_credential_is_said_once_and_another_profile_does_not_block() -> None:
    words = "prod: the proxy expired 2 h ago"
    none = cycle(outcome="held back", gate=(f"{NONE_VALID}: {words}",), credential=words, reason="x")
    story = explain([none], live())
    assert story.codes == ("credential",)
    assert story.headline.endswith(f"credential: {words}")
    used = cycle(credential=f"{words}; backup is used", profile="backup")
    (cause,) = [c for c in explain([used], live()).causes if c.code == "credential"]
    assert not cause.blocks
    now = live(credential=f"{words}; backup is used", profile="backup")
    assert not next(c for c in explain([none], now).causes if c.code == "credential").blocks


def test_a_missing_file_explains_held_pilots_and_nothing_else() -> None:
    gone = ("there is no file /w.sh (executable) on this host",)
    held = Troubles(NOW, (HeldGroup("Error sending files to schedd ce1", 2, 13),))
    story = explain([cycle(held=2)], live(troubles=held, missing=gone))
    assert story.codes[:2] == ("files-missing", "files-not-sent")
    assert story.causes[0].words == gone[0]
    # the schedd may be on another host, where the file is
    assert "files-missing" not in explain([cycle()], live(missing=gone)).codes


def test_refused_token() -> None:
    held = Troubles(NOW, (HeldGroup(DENIED, 5, 0, T0),))
    story = explain([cycle(held=5)], live(troubles=held))
    assert story.codes == ("credential-refused", "capped")
    assert not any("raise the limit" in text for text in story.next)
    assert story.causes[0].example == DENIED
    assert "authorise" in story.next[0]


def test_paused_from_the_record_and_live() -> None:
    pause = Pause("q", T0, until=T0 + timedelta(hours=1), reason="cooling", by="alice")
    record = cycle(outcome="paused", reason=pause.words, pause=pause.words)
    for state in (None, live(pause=pause)):
        story = explain([record], state)
        assert story.codes == ("paused",)
        assert "by alice since 2026-11-22 02:00Z until 2026-11-22 03:00Z: cooling" in story.headline
        assert story.next == (f"`autopyfactory resume {record.queue}` ends that",)
    every = Pause(ALL, T0, reason="with all queues since", by="alice")
    record = cycle(outcome="paused", reason=every.words, pause=every.words)
    for state in (None, live(pause=every)):
        assert explain([record], state).next == ("`autopyfactory resume --all` ends that",)


def test_a_pause_that_was_lifted_a_moment_ago_is_not_told() -> None:
    record = cycle(outcome="paused", pause="paused since noon")
    assert explain([record], live(pause=None)).codes == ()


def test_draining() -> None:
    pause = Pause("q", T0, "draining")
    assert explain([cycle(outcome="paused", pause=pause.words)], live(pause=pause)).codes == ("draining",)


def test_wms_down() -> None:
    record = cycle(
        outcome="held back",
        gate=("WMS status 412 s old (maxage 360): connection refused (since 01:53:08Z)",),
        errors={"wms": "connection refused (since 01:53:08Z)"},
        ages={"wms": 412.0, "batch": 3.0},
    )
    story = explain([record], live())
    assert story.codes == ("wms-down",)
    assert story.headline.endswith(
        "the WMS does not answer; what it said last is 6 min 52 s old, too old to act on"
    )
    assert story.causes[0].example == "connection refused (since 01:53:08Z)"
    assert story.causes[0].who == "work"
    assert story.known[0] == "WMS status: 6 min 52 s old; connection refused (since 01:53:08Z)"


def test_wms_that_never_answered() -> None:
    record = cycle(outcome="held back", gate=("no WMS status from PanDA x yet: timed out",), inputs=None)
    assert explain([record], live()).codes == ("wms-down",)


def test_schedd_down() -> None:
    record = cycle(outcome="held back", gate=("batch status 500 s old (maxage 360): Unreachable",))
    assert explain([record], live()).codes == ("schedd-down",)


@pytest.mark.parametrize(("kind", "code"), [("batch", "schedd-down"), ("wms", "wms-down")])
def test_who_is_silent_is_told_before_the_last_answer_is_too_old(kind: str, code: str) -> None:
    sending = cycle(pending=3, errors={kind: "connection refused (since 01:53:08Z)"}, ages={kind: 61.0})
    (cause,) = explain([sending], live()).causes[:1]
    assert (cause.code, cause.blocks, cause.example) == (code, False, sending.errors[kind])
    assert cause.words.endswith("does not answer, and what it said last still counts")
    once = replace(sending, ages={kind: 59.0})
    well = replace(sending, errors={})
    assert all(code not in explain([record], live()).codes for record in (once, well))


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("ap is not the one it was: x answers instead of y", "another-schedd"),
        ("3 pilots with our factory's name at ap are not from this book: ...", "second-factory"),
        ("2 pilots at ap carry another mark and are being looked up", "second-factory"),
        ("the pilots at ap are being looked up", "pilots-unknown"),
    ],
)
def test_what_the_book_says_of_a_place(gate: str, code: str) -> None:
    assert explain([cycle(outcome="held back", gate=(gate,))], live()).codes == (code,)


URL = "https://panda:25443/api/v1/x"


@pytest.mark.parametrize(
    ("error", "code"),  # as the HTTP client says it: each was seen
    [
        (f"{URL} answered 403 Forbidden: ERROR : Token authentication failed.", "wms-credential"),
        (f"{URL} answered 401 Unauthorized", "wms-credential"),
        (f"{URL} answered 403 Forbidden: ERROR : method x is forbidden", "wms-down"),
        (f"{URL} answered 500 Internal Server Error", "wms-down"),
        (
            f"{URL}: TLS failed: EOF occurred in violation of protocol (our certificate /x.pem ended 2021)",
            "wms-credential",
        ),
        (f"{URL}: Connection reset by peer (our certificate /x.pem ended 2021-01-01)", "wms-credential"),
        (f"{URL}: TLS failed: [SSL] PEM lib (_ssl.c:3874)", "wms-credential"),
        ("cannot read /etc/proxy.pem: No such file or directory", "wms-credential"),
        ("the token cannot be read: [Errno 2] No such file or directory: '/t'", "wms-credential"),
        (
            f"{URL}: TLS failed: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed",
            "wms-untrusted",
        ),
        (f"{URL} did not answer completely within 30 s", "wms-down"),
        (f"{URL}: Connection refused", "wms-down"),
    ],
)
def test_our_own_credential_is_told_from_a_wms_that_is_down(error: str, code: str) -> None:
    gate = (f"no WMS status from PanDA x yet: {error}",)
    story = explain([cycle(outcome="held back", gate=gate, errors={"wms": error}, inputs=None)], live())
    assert story.codes == (code,)
    assert story.causes[0].who == ("work" if code == "wms-down" else "credentials")
    assert story.causes[0].example == error


@pytest.mark.parametrize(("kind", "code"), [("wms", "wms-down"), ("batch", "schedd-down")])
def test_a_schedd_that_its_collector_does_not_know(kind: str, code: str) -> None:
    error = "schedd a@b: the collector knows no schedd named 'a'"
    words = {"wms": "no WMS status from x yet", "batch": "no batch status from x yet"}[kind]
    story = explain([cycle(outcome="held back", gate=(words,), errors={kind: error})], live())
    assert story.codes == (code,)
    assert f"`{kind}status.condor.schedd`" in story.next[0]


def test_unresolved_submission_is_told_once() -> None:
    words = "an earlier submission of 7 pilots is being looked up"
    record = cycle(outcome="held back", gate=(words,), unresolved=(words,))
    story = explain([record], live())
    assert story.codes == ("unresolved-submission",)
    assert words in story.headline


def test_ce_down_and_ce_refusing_are_told_apart() -> None:
    down = Troubles(NOW, ce_down=12, ce_down_since=T0, ce="condor ce1.grid.test ce1.grid.test:9619")
    story = explain([cycle()], live(troubles=down))
    assert story.codes == ("ce-down", "capped")
    assert story.causes[0].words == "CE ce1.grid.test:9619 does not answer (12 pilots affected)"
    assert "a credential that it refuses can look the same" in story.next[0]
    tried = replace(
        down, probe="no connection to ce1.grid.test:9619 (Connection refused)", probe_code="ce-down"
    )
    story = explain([cycle()], live(troubles=tried))
    assert story.codes[0] == "ce-down"
    assert "Connection refused" in story.causes[0].words
    assert "can look the same" not in story.next[0]
    renamed = replace(
        down, probe="its collector answers and does not know the schedd ce1", probe_code="ce-down"
    )
    story = explain([cycle()], live(troubles=renamed))
    assert "takes no pilots" in story.causes[0].words
    assert "`batchsubmit.condorce.schedd`" in story.next[0]
    refused = replace(down, probe="its collector answers and knows the schedd", probe_code="ce-refuses")
    story = explain([cycle()], live(troubles=refused))
    assert story.codes[0] == "ce-refuses"
    assert story.causes[0].who == "credentials"


def test_submission_refused_by_the_schedd() -> None:
    sent = (Sent("t", "ap", "ce", 0, error="SCHEDD:2:Number of jobs would exceed MAX_JOBS_PER_OWNER"),)
    story = explain([cycle(pending=3, outcome="failed", sent=sent, reason="submission failed")], live())
    assert story.codes == ("schedd-full",)
    assert story.submitted == 0


def test_submission_that_failed_for_a_reason_nobody_knows() -> None:
    sent = (Sent("t", "ap", "ce", 0, error="the moon is full"),)
    story = explain([cycle(pending=3, outcome="failed", sent=sent)], live())
    assert story.codes == ("submission-failed",)
    assert "the moon is full" in story.headline


@pytest.mark.parametrize(
    ("error", "todo"),
    [
        ("a@b: the collector knows no schedd named 'a'", "start that schedd, or correct `batchstatus"),
        ("a@b: submit: no answer within 20 s", "see that the schedd and its collector run"),
    ],
)
def test_a_submission_to_a_schedd_that_is_gone_says_what_the_silence_will_say(error: str, todo: str) -> None:
    """In its first minute a schedd that stopped is no silence yet: what to do is the same, told once."""
    sent = (Sent("t", "a@b", "ce", 0, error=error),)
    story = explain([cycle(pending=3, outcome="failed", sent=sent)], live())
    assert story.codes == ("submission-failed",)
    assert story.causes[0].words == f"the submission to ce through a@b failed: {error.removeprefix('a@b: ')}"
    assert story.next[0].startswith(todo)
    later = cycle(pending=3, outcome="failed", sent=sent, errors={"batch": error}, ages={"batch": 90.0})
    story = explain([later], live())
    assert story.codes == ("schedd-down", "submission-failed")
    assert len(story.next) == 1


def test_internal_error() -> None:
    record = CycleRecord("q", 3, T0, "failed", "internal error: division by zero")
    story = explain([record], live())
    assert story.codes == ("internal-error",)
    assert "division by zero" in story.headline


def test_site_offline() -> None:
    record = cycle(
        outcome="nothing",
        sent=(),
        decision=decided(
            Step("Ready", 0, 25, "37 ready"),
            Step("StatusOffline", 25, 0, "the site is offline: 0", cause=OFFLINE),
        ),
    )
    story = explain([replace(record, inputs=replace(record.inputs, site=SiteInfo("offline")))], live())  # type: ignore[type-var]
    assert story.codes == ("offline",)
    assert story.causes[0].who == "site"
    assert "site status: offline" in story.known


def test_a_rule_of_a_third_party_is_told_as_it_declares() -> None:
    quota = Bite("quota-spent", "site", "ask the site for more hours")
    chain = decided(Step("Ready", 0, 25, "37 ready"), Step("Quota", 25, 0, "no hours left", cause=quota))
    story = explain([cycle(outcome="nothing", sent=(), decision=chain)], live())
    (cause,) = story.causes
    assert (cause.code, cause.who, cause.words) == ("quota-spent", "site", "Quota bit: no hours left")
    assert story.next == ("ask the site for more hours",)


def test_a_rule_of_a_third_party_is_not_the_thing_to_change_where_pilots_are_stuck() -> None:
    quota = Bite("quota-spent", "site", "ask the site for more hours")
    chain = decided(Step("Ready", 0, 25, "37 ready"), Step("Quota", 25, 0, "no hours left", cause=quota))
    stuck = replace(live(), troubles=Troubles(NOW, held=(EXPIRED,)))
    story = explain([cycle(outcome="nothing", sent=(), decision=chain)], stuck)
    assert story.codes == ("credential-expired", "quota-spent")
    assert "ask the site for more hours" not in story.next


def test_a_reason_that_begins_with_no_is_not_missing_information() -> None:
    chain = decided(Step("Ready", 0, 34, "37 ready"), Step("Downtime", 34, 34, "no downtime now"))
    assert explain([cycle(pending=3, cap=100, decision=chain)], live()).codes == ()


def test_a_record_from_before_rules_declared_anything() -> None:
    old = {"plugin": "StatusOffline", "n_in": 25, "n_out": 0, "reason": "the site is offline: 0"}
    chain = decided(Step("Ready", 0, 25, "37 ready"), from_plain(Step, old))
    story = explain([cycle(outcome="nothing", sent=(), decision=chain)], live())
    assert story.codes == ("capped",)
    assert story.causes[0].words == "StatusOffline bit: the site is offline: 0"


def test_nothing_ready() -> None:
    record = cycle(
        ready=0, pending=0, sent=(), decision=decided(Step("Ready", 0, 0, "0 ready: nothing wanted"))
    )
    story = explain([record], live())
    assert story.codes == ("nothing-ready",)
    assert story.headline.endswith("no jobs are ready for BNL_MCORE")


@pytest.mark.parametrize(
    ("ready", "pending", "words"),
    [
        (1, 1, "1 pending pilot is enough for 1 ready job"),
        (5, 9, "9 pending pilots are enough for 5 ready jobs"),
    ],
)
def test_enough_pending_says_is_of_one_and_are_of_more(ready: int, pending: int, words: str) -> None:
    step = Step("Ready", 0, 0, f"{ready} ready, {pending} pending")
    record = cycle(ready=ready, pending=pending, sent=(), decision=decided(step))
    (cause,) = explain([record], live()).causes
    assert (cause.code, cause.words) == ("enough-pending", words)


def test_wms_that_does_not_know_the_queue() -> None:
    record = cycle(
        decision=decided(Step("Ready", 0, 0, "no wms information: nothing is sent", final=True)), sent=()
    )
    assert record.inputs is not None
    record = replace(record, inputs=replace(record.inputs, wms=None), outcome="nothing")
    story = explain([record], live())
    assert story.codes == ("unknown-to-wms",)
    assert "does not know WMS queue BNL_MCORE" in story.headline


def test_caps_wider_than_the_queue() -> None:
    record = cycle(
        pending=3, outcome="nothing", sent=(), caps=("MaxPerCE (50) leaves 0: 50 active in ce:x",),
        decision=decided(Step("Ready", 0, 34, "34 wanted")),
    )  # fmt: skip
    story = explain([record], live())
    assert story.codes == ("capped",)
    assert "MaxPerCE (50) leaves 0" in story.headline


def test_factory_down_is_told_from_the_history() -> None:
    state = LiveState(NOW + timedelta(hours=5), running=False, configured=True, enabled=True)
    story = explain([cycle()], state)
    assert story.codes[0] == "factory-down"
    assert "its last cycle was at 02:00Z" in story.headline
    assert not story.from_factory


def test_a_factory_that_may_not_be_asked_is_not_called_down() -> None:
    state = LiveState(NOW, running=False, silent="this user may not command the factory", enabled=True)
    story = explain([cycle()], state)
    assert story.codes == ("factory-silent", "capped")
    assert story.headline.count("factory") == 0
    assert any("as a user who may" in text for text in story.next)


def test_no_cycles_although_the_factory_runs() -> None:
    story = explain([cycle()], live(now=T0 + timedelta(minutes=10)))
    assert story.codes[0] == "no-cycles"
    assert "10 min ago, one is due every 1 min" in story.headline


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (LiveState(NOW, configured=False), "not-configured"),
        (LiveState(NOW, configured=True, problems=("sched: no such plugin",)), "broken-configuration"),
        (LiveState(NOW, configured=True, enabled=False), "disabled"),
        (LiveState(NOW, configured=True, enabled=True), "no-cycle-yet"),
    ],
)
def test_a_queue_without_any_cycle(state: LiveState, code: str) -> None:
    story = explain([], state, queue="q")
    assert story.codes[0] == code
    assert story.queue == "q"
    assert render(story)


def test_breaker() -> None:
    assert "breaker-open" in explain([cycle(breaker="5 of 5 pilots failed")], live()).codes


def test_pilots_that_wait_for_long() -> None:
    waiting = Troubles(NOW, oldest_pending=NOW - timedelta(hours=3))
    record = cycle(pending=12, running=0)
    story = explain([record], live(troubles=waiting))
    assert story.codes == ("long-pending", "capped")
    assert "3 h" in story.causes[0].words
    assert not any("raise" in text for text in story.next), "the cap is filled by pilots that nobody starts"
    soon = Troubles(NOW, oldest_pending=NOW - timedelta(minutes=7))
    assert explain([record], live(troubles=soon)).codes == ("long-pending", "capped")
    at_once = Troubles(NOW, oldest_pending=NOW - timedelta(minutes=5))
    assert explain([record], live(troubles=at_once)).codes == ("capped",)
    assert explain([cycle(running=1)], live(troubles=waiting)).codes == ("capped",)


def test_pilots_that_no_machine_takes_are_told_with_what_excludes_how_many() -> None:
    """Idle pilots of the local pool whose Requirements match no machine; with a real pool in tests/grid."""
    clauses = (('regexp("bell",TARGET.Machine)', 8), ("TARGET.Memory >= RequestMemory", 1))
    found = Match(8, 0, clauses, refuse=2)
    waiting = Troubles(NOW, oldest_pending=NOW - timedelta(minutes=1), match=found)
    record = cycle(pending=12, running=0)
    story = explain([record], live(troubles=waiting))
    assert (story.codes[0], story.causes[0].who) == ("no-machine", "us")
    assert story.causes[0].words == (
        "none of the 8 machines in the pool would take a pilot: "
        '`regexp("bell",TARGET.Machine)` excludes all 8; '
        "`TARGET.Memory >= RequestMemory` excludes 1; 2 by their own rules (START)"
    )
    assert not any("raise" in text for text in story.next)
    assert "no-machine" not in explain([cycle(running=1)], live(troubles=waiting)).codes
    empty = replace(waiting, match=Match(0, 0))
    assert explain([record], live(troubles=empty)).causes[0].words.startswith("no machine is in the pool")
    busy = replace(waiting, oldest_pending=NOW - timedelta(hours=3), match=Match(8, 1, found.clauses))
    story = explain([record], live(troubles=busy))
    assert story.codes[0] == "long-pending" and "1 of 8 machines would take them" in story.causes[0].words


def test_held_pilots_whose_schedd_does_not_answer() -> None:
    story = explain([cycle(held=2)], live(troubles=Troubles(NOW, error="timed out")))
    assert "held-other" in story.codes
    assert "timed out" in text([cycle(held=2)], live(troubles=Troubles(NOW, error="timed out")))


def test_last_night_is_told_from_the_records_alone() -> None:
    record = cycle(held=8, troubles=Troubles(T0, (EXPIRED,)), credential="atlas-pilot expired 02:12")
    story = explain([record], None, now=T0 + timedelta(hours=9))
    assert story.codes == ("credential", "credential-expired", "capped")
    assert not story.from_factory


def test_cycles_that_sent_say_how_many_whatever_else_is_wrong() -> None:
    wrong = "the token /t cannot be read: Permission denied"
    told = cycle(outcome="sent", sent=(Sent("t", "ap", "ce", 3, "7"),), credential=wrong)
    (run,) = explain([told], None).runs
    assert run.words == f"3 pilots sent; credential: {wrong}"


def test_runs_tell_when_it_began() -> None:
    good = [cycle(number=n, at=T0 + n * MINUTE, pending=3) for n in range(3)]
    wms = [
        cycle(
            number=n,
            at=T0 + n * MINUTE,
            outcome="held back",
            reason="WMS status old",
            gate=("WMS status old",),
        )
        for n in range(3, 8)
    ]
    story = explain([*good, *wms], None)
    assert [(r.cycles, r.submitted) for r in story.runs] == [(5, 0), (3, 21)]
    assert story.runs[0].since == T0 + 3 * MINUTE
    assert "02:03Z to 02:07Z, 5 cycles: held back: the WMS does not answer" in text([*good, *wms], None)


def test_retired() -> None:
    record = cycle(
        outcome="retired", retired=4, sent=(), decision=decided(Step("KeepNRunning", 0, -4, "4 too many"))
    )
    assert explain([record], live()).headline.startswith("4 pilots taken back")


def test_nothing_ready_is_not_said_while_the_wms_does_not_answer() -> None:
    """The record of a cycle that was held back may hold old numbers: they explain nothing."""
    record = cycle(ready=0, outcome="held back", gate=("WMS status 900 s old (maxage 360)",), sent=())
    assert explain([record], live()).codes == ("wms-down",)


def test_no_wms_at_all() -> None:
    record = cycle(sent=(), outcome="nothing")
    assert record.inputs is not None
    record = replace(record, inputs=replace(record.inputs, wms=WMSQueueInfo()))
    assert explain([record], None).headline.startswith("0 pilots: 0 jobs ready")


def test_a_name_that_no_job_bears() -> None:
    record = cycle(ready=0, pending=0)
    assert explain([record], live()).next == ()
    story = explain([record], live(others=tuple("ABCDEFG")))
    assert story.codes == ("nothing-ready",)
    assert story.causes[0].words.endswith(
        "no other job is for it: there are jobs for A, B, C, D, E and 2 more"
    )
    assert "correct `wmsqueue`" in story.next[0]
    assert "(is it " not in story.next[0]
    close = explain([record], live(others=("BNL_MCORE-gk02", "ANALY")))
    assert "(is it BNL_MCORE-gk02?)" in close.next[0]
