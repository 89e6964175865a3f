import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from autopyfactory.condor.caller import Caller
from autopyfactory.condor.errors import (
    Busy,
    CondorError,
    Overrun,
    Refused,
    Suspended,
    Unreachable,
    WorkerDied,
)
from autopyfactory.condor.process import Process
from autopyfactory.condor.target import Target
from autopyfactory.condor.waitingcalls import WaitingCalls
from patience import PATIENCE, SOON, until


def timed(call, *arguments):
    start = time.monotonic()
    try:
        result = call(*arguments)
    except CondorError as error:
        result = error
    return result, time.monotonic() - start


def test_calls_share_one_child(caller):
    first = caller.call("pid", [], PATIENCE, False)
    assert caller.call("pid", [], PATIENCE, False) == first == caller.pid
    assert caller.call("echo", [1, "é", None, {"a": []}], PATIENCE, False) == [1, "é", None, {"a": []}]


def test_large_messages_pass_both_ways(caller):
    big = "x" * (5 << 20)
    assert caller.call("echo", [big], PATIENCE, False) == [big]


def test_an_overrun_ends_on_time_and_kills_the_child(caller):
    pid = caller.call("pid", [], PATIENCE, False)
    error, seconds = timed(caller.call, "sleep", [600], 0.5, False)
    assert isinstance(error, Overrun)
    assert 0.5 <= seconds < SOON
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("operation", ["half", "garbage", "not json"])
def test_answers_that_are_none(caller, operation):
    error, seconds = timed(caller.call, operation, [], 0.7 if operation == "half" else PATIENCE, False)
    assert isinstance(error, Overrun if operation == "half" else WorkerDied)
    assert seconds < SOON
    assert caller.call("echo", [1], PATIENCE, True) == [1]


def test_a_child_that_never_reads_overruns_too(make_caller):
    error, seconds = timed(make_caller("deaf").call, "echo", ["x" * (1 << 20)], 0.5, False)
    assert isinstance(error, Overrun)
    assert seconds < SOON


def test_a_child_that_dies_leaves_its_last_words_and_is_replaced(caller):
    with pytest.raises(WorkerDied, match=r"signal 9.*\n.*last words"):
        caller.call("die", [], PATIENCE, False)
    assert caller.call("echo", [1], PATIENCE, False) == [1]
    assert not caller.suspended


def test_a_child_killed_between_calls_is_replaced(caller):
    pid = caller.call("pid", [], PATIENCE, False)
    os.kill(pid, 9)
    until(lambda: caller.pid is None)
    assert caller.call("pid", [], PATIENCE, False) != pid


def test_a_child_at_rest_is_gone_until_the_next_call(caller):
    pid = caller.call("pid", [], PATIENCE, False)
    caller.rest()
    assert caller.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    caller.rest()
    assert caller.call("pid", [], PATIENCE, False) not in (None, pid)


def test_a_call_under_way_has_no_rest(caller, tmp_path):
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(caller.call, "count", [str(tmp_path / "begun"), 0.5], PATIENCE, False)
        until((tmp_path / "begun").exists)
        caller.rest()
        waiting.result()
    assert caller.pid is not None


def test_a_child_that_left_for_lack_of_work_is_replaced_within_the_call(make_caller, tmp_path):
    assert make_caller("tired", str(tmp_path / "flag")).call("echo", [1], PATIENCE, False) == [1]
    assert (tmp_path / "flag").exists()


def test_a_read_has_a_second_chance_if_the_child_dies_but_a_write_has_not(caller, tmp_path):
    assert caller.call("query", [str(tmp_path / "read")], PATIENCE, False) == "second chance"
    with pytest.raises(WorkerDied, match="exit status 9"):
        caller.call("act", [str(tmp_path / "write")], PATIENCE, False)


def test_another_exit_status_is_a_death(caller, tmp_path):
    with pytest.raises(WorkerDied, match="exit status 3"):
        caller.call("leave", [3], PATIENCE, False)


def test_a_command_that_cannot_be_started():
    with pytest.raises(WorkerDied, match="no child process"):
        Caller(Target("x"), 60, 10, 10, ["/nonexistent/python"]).call("echo", [], PATIENCE, False)


def test_much_talk_on_standard_error_does_not_block(caller):
    assert caller.call("chatter", [20000], PATIENCE, False) == "done"


def test_standard_error_is_logged(caller, caplog):
    caplog.set_level("DEBUG", "autopyfactory.condor")
    with pytest.raises(Unreachable):
        caller.call("error", ["HTCondorException", "no", "the reason", 0], PATIENCE, False)
    assert "ap@fake: the reason" in caplog.text


def test_errors_of_the_child_are_ours(caller):
    with pytest.raises(Refused, match=r"Failed to create job ad"):
        caller.call("error", ["HTCondorException", "Failed to create job ad", "", 0], PATIENCE, False)
    with pytest.raises(ValueError, match="no such thing"):
        caller.call("error", ["BadRequest", "no such thing", "", 0], PATIENCE, False)
    assert not caller.suspended


class TestSuspension:
    def test_after_an_overrun_only_probes_are_tried(self, caller):
        with pytest.raises(Overrun):
            caller.call("sleep", [600], 0.2, False)
        assert caller.suspended
        error, seconds = timed(caller.call, "echo", [1], PATIENCE, False)
        assert isinstance(error, Suspended)
        assert seconds < SOON
        assert caller.pid is None, "no child was started for it"
        assert caller.call("echo", [1], PATIENCE, True) == [1]
        assert caller.call("echo", [2], PATIENCE, False) == [2]

    def test_a_probe_that_hangs_keeps_it(self, caller):
        for probe in (False, True):
            with pytest.raises(Overrun):
                caller.call("sleep", [600], 0.2, probe)
        assert caller.suspended

    def test_time_ends_it(self, make_caller):
        caller = make_caller(retry_after=0.5)
        with pytest.raises(Overrun):
            caller.call("sleep", [600], 0.2, False)
        until(lambda: not caller.suspended)
        assert caller.call("echo", [1], PATIENCE, False) == [1]

    def test_a_probe_that_is_refused_was_answered(self, caller):
        with pytest.raises(Overrun):
            caller.call("sleep", [600], 0.2, False)
        with pytest.raises(Refused):
            caller.call("error", ["HTCondorException", "SCHEDD:2:no", "", 0], PATIENCE, True)
        assert caller.call("echo", [1], PATIENCE, False) == [1]

    def test_those_that_wait_do_not_burn_their_own_deadlines(self, caller):
        with ThreadPoolExecutor(20) as pool:
            calls = [pool.submit(timed, caller.call, "sleep", [600], 2.0, False) for _ in range(20)]
            results = [call.result() for call in calls]
        kinds = [type(error) for error, _ in results]
        assert kinds.count(Overrun) == 1
        assert set(kinds) <= {Overrun, Suspended, Busy}
        assert max(seconds for _, seconds in results) < SOON, "twenty times its own deadline would be more"

    def test_a_slow_failure_suspends_like_an_overrun(self, caller, monkeypatch):
        monkeypatch.setattr("autopyfactory.condor.caller._SLOW_FAILURE", 0.2)
        with pytest.raises(Unreachable):
            caller.call(
                "error", ["HTCondorException", "SECMAN:2007:Failed to read", "", 0.4], PATIENCE, False
            )
        with pytest.raises(Suspended, match=r"error failed after \d s"):
            caller.call("echo", [1], PATIENCE, False)

    def test_a_quick_failure_does_not(self, caller, monkeypatch):
        monkeypatch.setattr("autopyfactory.condor.caller._SLOW_FAILURE", SOON)  # it starts its child, too
        with pytest.raises(Unreachable):
            caller.call(
                "error", ["HTCondorException", "CEDAR:6001:Failed to connect", "", 0], PATIENCE, False
            )
        assert caller.call("echo", [1], PATIENCE, False) == [1]


class TestTurns:
    def test_one_call_at_a_time(self, caller, tmp_path):
        caller.call("pid", [], PATIENCE, False)  # nobody waits long for its start
        with ThreadPoolExecutor(5) as pool:
            start = time.monotonic()
            list(pool.map(lambda _: caller.call("sleep", [0.1], PATIENCE, False), range(5)))
        assert time.monotonic() - start >= 0.5

    @pytest.fixture
    def behind(self, caller, monkeypatch):
        """Two calls at once: gets what the first one asks, returns what came of each.

        The thread of the second does not run until `go`, as if a thousand others were before it.
        """
        go, slow = threading.Event(), threading.local()
        real = WaitingCalls.wait

        def wait(turns, ask, timeout):
            mine = real(turns, ask, PATIENCE)
            if getattr(slow, "is_me", False):
                assert go.wait(PATIENCE)
            return mine

        monkeypatch.setattr(WaitingCalls, "wait", wait)

        def second(*arguments):
            slow.is_me = True
            return timed(caller.call, *arguments)[0]

        def both(first, then, meanwhile):
            with ThreadPoolExecutor(2) as pool:
                one = pool.submit(timed, caller.call, *first)
                until(lambda: caller._turns.taken and caller.pid)
                other = pool.submit(second, *then)
                until(lambda: caller._turns._waiting)
                try:
                    meanwhile(one)
                finally:
                    go.set()
                return one.result(PATIENCE)[0], other.result(PATIENCE)

        return both

    def test_the_next_call_is_begun_before_its_own_thread_runs(self, caller, behind, tmp_path):
        log, release = tmp_path / "log", tmp_path / "release"

        def meanwhile(one):
            release.touch()
            until(log.exists)

        first = ("hold", [str(release)], PATIENCE, False)
        assert behind(first, ("count", [str(log), 0], PATIENCE, False), meanwhile) == ("late", None)
        assert log.read_text() == "once\n"
        assert caller.call("echo", ["large" * 100_000], PATIENCE, False) == ["large" * 100_000]

    def test_one_larger_than_a_pipe_is_sent_by_its_own_thread_to_its_end(self, behind, tmp_path):
        release, large = tmp_path / "release", "x" * 1_000_000
        first = ("hold", [str(release)], PATIENCE, False)

        def meanwhile(one):
            release.touch()
            one.result(PATIENCE)

        assert behind(first, ("echo", [large], PATIENCE, False), meanwhile) == ("late", [large])

    def test_what_was_begun_and_then_cut_off_is_not_said_to_be_not_tried(self, caller, behind, tmp_path):
        """Else its pilots would be sent a second time."""
        log, release = tmp_path / "log", tmp_path / "release"

        def meanwhile(one):
            release.touch()
            until(log.exists)
            caller.abort()

        first = ("hold", [str(release)], PATIENCE, False)
        _, error = behind(first, ("count", [str(log), 600], PATIENCE, False), meanwhile)
        assert type(error) is WorkerDied
        assert log.read_text() == "once\n"

    @pytest.mark.parametrize("when", ["it waits", "it has the turn"])
    def test_a_thread_that_ends_where_it_waits_has_no_turn(self, caller, tmp_path, monkeypatch, when):
        """By ^C, say, in a command in the foreground."""
        log, release = tmp_path / "log", tmp_path / "release"
        real = WaitingCalls.wait

        def wait(turns, ask, timeout):
            if ask.operation == "count":
                if when == "it has the turn":
                    release.touch()
                    assert real(turns, ask, PATIENCE)
                    ask.granted.release()
                raise KeyboardInterrupt
            return real(turns, ask, timeout)

        monkeypatch.setattr(WaitingCalls, "wait", wait)
        with ThreadPoolExecutor(1) as pool:
            one = pool.submit(caller.call, "hold", [str(release)], PATIENCE, False)
            until(lambda: caller._turns.taken and caller.pid)
            with pytest.raises(KeyboardInterrupt):
                caller.call("count", [str(log), 0], PATIENCE, False)
            release.touch()
            assert one.result(PATIENCE) == "late"
        assert caller.call("echo", [1], PATIENCE, False) == [1]
        assert not caller._turns.taken

    def test_a_thread_that_ends_where_it_works_leaves_its_reply_to_nobody(self, caller, monkeypatch):
        def interrupted(process, unsent, end):
            raise KeyboardInterrupt

        caller.call("pid", [], PATIENCE, False)
        with monkeypatch.context() as only, pytest.raises(KeyboardInterrupt):
            only.setattr(Process, "finish", interrupted)
            caller.call("echo", ["first"], PATIENCE, False)
        assert caller.call("echo", ["next"], PATIENCE, False) == ["next"]

    def test_nothing_is_sent_after_the_deadline(self, caller, tmp_path):
        caller.call("pid", [], PATIENCE, False)
        for _ in range(50):
            error, _ = timed(caller.call, "count", [str(tmp_path / "log"), 0], -0.5, False)
            assert isinstance(error, CondorError)
        assert not (tmp_path / "log").exists()

    @pytest.mark.parametrize("how", ["error", "die", "fat", "closed"])
    def test_behind_a_call_that_goes_wrong_the_next_one_begins_by_itself(self, caller, behind, tmp_path, how):
        log, release = tmp_path / "log", tmp_path / "release"
        hold = tmp_path / "hold"
        first = {
            "error": ("error", ["HTCondorException", "no", "", 0.5], PATIENCE, False),
            "die": ("die late", [str(hold)], PATIENCE, False),
            "fat": ("fat late", [str(hold)], PATIENCE, False),
            "closed": ("hold", [str(hold)], PATIENCE, False),
        }[how]

        def meanwhile(one):
            if how == "closed":
                caller._closed = True
            hold.touch()
            one.result(PATIENCE)
            assert not log.exists()
            release.touch()

        _, then = behind(first, ("count", [str(log), 0], PATIENCE, False), meanwhile)
        if how == "closed":
            assert isinstance(then, Suspended)
            assert not log.exists()
        else:
            assert then is None
            assert log.read_text() == "once\n"

    def test_waiting_takes_half_the_deadline_at_most_and_then_nothing_was_tried(self, caller, tmp_path):
        caller.call("pid", [], PATIENCE, False)
        log, release = tmp_path / "log", tmp_path / "release"
        with ThreadPoolExecutor(1) as pool:
            long = pool.submit(caller.call, "hold", [str(release)], PATIENCE, False)
            until(lambda: caller._turns.taken)
            error, seconds = timed(caller.call, "count", [str(log), 0], 0.6, False)
            assert isinstance(error, Busy)
            assert 0.3 <= seconds < SOON
            release.touch()
            assert long.result() == "late"
        assert not log.exists()
        assert not caller.suspended

    def test_nobody_waits_behind_a_call_that_seems_to_hang(self, caller, tmp_path, monkeypatch):
        release = tmp_path / "release"
        monkeypatch.setattr("autopyfactory.condor.caller._STUCK", 0.4)
        monkeypatch.setattr("autopyfactory.condor.caller._GLANCE", 0.1)
        with ThreadPoolExecutor() as pool:
            hanging = pool.submit(caller.call, "hold", [str(release)], PATIENCE, False)
            until(lambda: caller.pid is not None)
            error, seconds = timed(caller.call, "echo", [1], PATIENCE, False)
            assert isinstance(error, Busy)
            assert "hold is under way for" in str(error)
            assert seconds < SOON
            release.touch()
            hanging.result()
        assert caller.call("echo", [1], PATIENCE, False) == [1]

    def test_a_deadline_that_has_passed_already(self, caller):
        error, seconds = timed(caller.call, "sleep", [600], 0.0, False)
        assert isinstance(error, Overrun)
        assert seconds < SOON


class TestAbort:
    def test_the_call_under_way_ends_at_once_and_waiters_are_turned_away(self, caller, monkeypatch):
        monkeypatch.setattr("autopyfactory.condor.caller._STUCK", PATIENCE)
        waiting: list[str] = []
        real = Caller._take_turn

        def counted(self, ask, end):
            waiting.append(ask.operation)
            real(self, ask, end)

        with ThreadPoolExecutor(3) as pool:
            under_way = pool.submit(timed, caller.call, "sleep", [600], PATIENCE, False)
            until(lambda: caller._turns.taken and caller.pid)
            monkeypatch.setattr(Caller, "_take_turn", counted)
            waiters = [pool.submit(timed, caller.call, "sleep", [600], PATIENCE, False) for _ in range(2)]
            until(lambda: len(waiting) == 2)
            start = time.monotonic()
            caller.abort()
            assert isinstance(under_way.result(PATIENCE)[0], WorkerDied)
            assert [type(waiter.result(PATIENCE)[0]) for waiter in waiters] == [Suspended, Suspended]
            assert time.monotonic() - start < SOON
        assert caller.call("echo", [1], PATIENCE, False) == [1]

    def test_it_also_works_before_the_child_has_started(self, caller, monkeypatch):
        started = threading.Event()
        real = Process.__init__

        def slow(self, *arguments):
            started.set()
            time.sleep(0.4)
            real(self, *arguments)

        monkeypatch.setattr(Process, "__init__", slow)
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(timed, caller.call, "sleep", [600], PATIENCE, False)
            started.wait()
            caller.abort()
            error, seconds = call.result(PATIENCE)
        assert isinstance(error, WorkerDied)
        assert seconds < SOON

    def test_of_an_idle_client_harms_nothing(self, caller):
        caller.abort()
        caller.call("pid", [], PATIENCE, False)
        caller.abort()
        assert caller.call("echo", [1], PATIENCE, False) == [1]


class TestClose:
    def test_later_calls_are_turned_away(self, caller):
        pid = caller.call("pid", [], PATIENCE, False)
        caller.close(0)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(Suspended, match="closed"):
            caller.call("echo", [1], PATIENCE, True)

    def test_a_short_call_may_end(self, caller):
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(caller.call, "sleep", [0.4], PATIENCE, False)
            until(lambda: caller._turns.taken and caller.pid)
            caller.close(PATIENCE)
            assert call.result() == "slept"

    def test_a_long_one_is_cut_off(self, caller):
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(timed, caller.call, "sleep", [600], PATIENCE, False)
            until(lambda: caller._turns.taken and caller.pid)
            _, seconds = timed(caller.close, 0.3)
            assert seconds < SOON
            assert isinstance(call.result()[0], WorkerDied)


class TestRecycling:
    def test_after_so_many_submissions(self, make_caller):
        caller = make_caller(recycle_after=3)
        pids = []
        for _ in range(6):
            pids.append(caller.call("pid", [], PATIENCE, False))
            caller.call("submit", [], PATIENCE, False)
        assert pids[0] == pids[1] == pids[2] != pids[3] == pids[4] == pids[5]

    def test_when_it_has_grown(self, caller):
        fat = caller.call("fat", [], PATIENCE, False)
        assert caller.call("pid", [], PATIENCE, False) != fat


def test_the_targets_settings_reach_the_child_and_win(make_caller, monkeypatch):
    monkeypatch.setenv("_CONDOR_SEC_TOKEN_DIRECTORY", "/ours")
    monkeypatch.setenv("_condor_TOOL_DEBUG", "D_ALWAYS")
    settings = (("SEC_TOKEN_DIRECTORY", "/theirs"), ("tool_debug", "D_FULLDEBUG"))
    caller = make_caller(target=Target("a", settings=settings))
    values = [caller.call("environ", [name], PATIENCE, False) for name in (
        "_CONDOR_SEC_TOKEN_DIRECTORY", "_condor_TOOL_DEBUG", "_CONDOR_TOOL_DEBUG",
        "_CONDOR_SEC_FS_ENFORCE_CHANNEL_BINDING",
    )]  # fmt: skip
    assert values == ["/theirs", None, "D_FULLDEBUG", "False"]


def test_a_channel_binding_that_was_asked_for_stays(make_caller, monkeypatch):
    monkeypatch.setenv("_CONDOR_SEC_FS_ENFORCE_CHANNEL_BINDING", "True")
    assert (
        make_caller().call("environ", ["_CONDOR_SEC_FS_ENFORCE_CHANNEL_BINDING"], PATIENCE, False) == "True"
    )
