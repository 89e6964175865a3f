"""Every attack that was tried on the factory, and the tests that repeat it: the contents of this folder.

What did not hold once is in DID_NOT_HOLD, as it was written down, with the pilots that were too many then;
what held is in HELD. A name is FILE::TEST, below tests/.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

DID_NOT_HOLD = {
    "batch status lies: zero (+440), 20 % left (+433), old as fresh (+430), half the queues missing (+160),"
    " truth and zero in turn (+135), half (+120)": ["faults/test_book.py::test_counts_that_lie_send_nothing"],
    "batch status lies: 4 s of zero after kill -9 (+85)": [
        "faults/test_book.py::test_zero_for_four_seconds_after_a_kill"
    ],
    "another schedd advertises the same name (240 for 120)": [
        "faults/test_places.py::test_an_impostor_that_advertises_our_schedds_name_gets_no_pilot"
    ],
    "the job queue is wiped while its pilots run": [
        "faults/test_book.py::test_a_job_queue_that_is_wiped_holds_back_until_somebody_says_so"
    ],
    "a negative count from a plugin (+650)": ["faults/test_book.py::test_counts_that_lie_send_nothing"],
    "MaxPerCE 37: CE edited and reloaded; queue removed, factory restarted; one CE spelled two ways (60)": [
        "faults/test_book.py::test_caps_hold_where_pilots_were_sent"
    ],
    "MaxPerFactory 37: the queue changes its schedd (60)": [
        "faults/test_book.py::test_a_queue_that_moves_keeps_its_pilots_in_the_count"
    ],
    "MaxPerFactory 37: batchstatus.condor.sleep edited while the schedd hangs (67)": [
        "faults/test_places.py::test_another_poll_period_while_the_schedd_hangs_forgets_no_pilot"
    ],
    "a queue is changed, then disabled before the next tick (it runs on, two threads)": [
        "faults/test_wanted.py::test_changed_then_disabled_before_the_next_look_it_does_not_run_on"
    ],
    "intent open, queue moved to another schedd (written off; the pilot exists)": [
        "faults/test_places.py::test_an_open_intent_is_looked_up_where_it_was_sent_though_its_queue_has_moved"
    ],
    "open intent of a removed queue (9 of 10)": [
        "faults/test_places.py::test_an_open_intent_of_a_removed_queue_gives_its_capacity_back"
    ],
    "all queues of a schedd removed (37 for 7)": [
        "faults/test_places.py::test_when_all_queues_of_a_schedd_are_removed_its_pilots_count_until_they_end"
    ],
    "one schedd spelled two ways (64 for 32)": [
        "faults/test_places.py::test_one_schedd_spelled_two_ways_has_one_capacity"
    ],
    "chmod 0 queues.d, reload": [
        "faults/test_wanted.py::test_a_queues_folder_that_may_not_be_read_is_refused"
    ],
    "emptied queues.conf": [
        "faults/test_wanted.py::test_a_queues_file_that_is_suddenly_empty_is_refused_unless_asked_for"
    ],
    "two factories with one id in two folders (27 to 33 for 20)": [
        "faults/test_book.py::test_a_second_factory_with_our_name_stops_both",
        "faults/test_places.py::test_two_factories_with_one_id_that_start_empty_at_the_same_moment",
    ],
    "20 refused reloads with a plugin that raises (threads, descriptors, children)": [
        "faults/test_wanted.py::test_a_constructor_that_raises_costs_its_queue_only_and_leaves_nothing",
        "faults/test_wanted.py::test_a_refused_reload_leaves_no_trace",
        "faults/test_leaks.py::test_nothing_is_left_behind",
    ],
    "15 reloads that replace a waiting successor": [
        "faults/test_wanted.py::test_reloads_that_replace_a_waiting_successor_cost_nothing",
        "faults/test_leaks.py::test_nothing_is_left_behind",
    ],
    "state folder removed (paused queue sends)": [
        "faults/test_wanted.py::test_a_state_folder_that_is_gone_stops_all_sending_and_ends_no_pause"
    ],
    "ledger file removed under a running factory": [
        "faults/test_wanted.py::test_a_ledger_that_was_removed_stops_all_sending"
    ],
    "a ledger that is older than the pilots": [
        "faults/test_kills.py::test_a_ledger_that_is_older_than_the_pilots"
    ],
    "jobs with a copied tag end (a pilot of ours counts as ended), or are held (the breaker opens)": [
        "faults/test_book.py::test_jobs_that_carry_a_tag_of_ours_end_no_pilot",
        "unit/factory/test_pilotcare.py::test_jobs_with_our_ads_that_are_in_no_book_of_ours_say_nothing",
    ],
    "demand of the WMS doubles, jumps or is huge for some answers": [
        "faults/test_book.py::test_demand_that_jumps_is_met_in_steps_and_up_to_the_cap",
        "unit/plugins/sched/test_maxgrowth.py::test_whatever_the_wms_says_the_growth_is_bounded",
    ],
    "reply lost, pilot ended before the look-up (booked as never sent)": [
        "faults/test_book.py::test_a_lost_reply_whose_pilots_ended_before_the_look_up_is_found_in_the_history"
    ],
}

HELD = {
    "random kills of the daemon": ["faults/test_factory.py::test_killed_fifty_times_none_lost_none_doubled"],
    "random kills of child and schedd": [
        "faults/test_kills.py::test_children_and_schedds_that_are_killed_at_random",
        "faults/test_schedd.py::test_a_killed_schedd_comes_back_with_its_queue",
    ],
    "kills exactly before and after ledger writes": [
        "faults/test_kills.py::test_killed_exactly_before_and_after_ledger_writes"
    ],
    "a schedd or a collector that hangs": [
        "faults/test_schedd.py::test_a_stopped_schedd_holds_back_and_recovery_is_quick",
        "faults/test_schedd.py::test_without_the_collector_no_pilot_too_many",
    ],
    "full disks": [
        "faults/test_factory.py::test_a_full_disk_where_pilots_logs_go",
        "faults/test_daemon.py::test_a_disk_that_fills_up_and_is_emptied_again",
        "faults/test_room.py::test_a_file_system_that_is_full_stops_queues_until_there_is_room",
    ],
    "broken ledgers": ["unit/accounting/test_ledger.py::test_a_ledger_that_cannot_be_used_is_told_plainly"],
    "a disk that is slow": ["faults/test_book.py::test_a_slow_disk_makes_nobody_wait_for_the_others"],
    "pilots that nobody knows any more": [
        "faults/test_book.py::test_pilots_that_nobody_knows_any_more_are_written_off"
    ],
    "stop within seconds, whatever hangs": [
        "faults/test_factory.py::test_term_during_a_hang_ends_within_five_seconds"
    ],
    "a WMS that fails and returns": ["faults/test_factory.py::test_a_wms_that_fails_and_returns"],
}


@pytest.mark.parametrize("attack", [*DID_NOT_HOLD, *HELD])
def test_each_attack_has_its_tests(attack: str) -> None:
    for name in (DID_NOT_HOLD | HELD)[attack]:
        file, _, test = name.partition("::")
        tree = ast.parse((TESTS / file).read_text())
        assert test in {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}, name


def test_fuzzed_inputs_are_a_command_of_their_own() -> None:
    assert (TESTS / "fuzz/__main__.py").is_file(), (
        "make fuzz; a part of it is in tests/unit/config/test_fuzz.py"
    )
    assert (TESTS / "unit/config/test_fuzz.py").is_file()
