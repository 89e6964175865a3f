"""What was looked for in vain for long is gone; a silence between says that it may have been there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.accounting.absence import POLLS, SILENCES, Absence, Absent, first, last, silence

QUIET = 180  # seconds: a longer gap is a silence
gaps = st.integers(0, QUIET)
silences = st.integers(QUIET + 1, 10 * QUIET)


def looked(*gaps: int) -> tuple[Absence, int]:
    """Look in vain, after each of these gaps once more; return what comes of it, and the last moment."""
    absence, at = Absence(0.0, 0b11), 0
    for gap in gaps:
        at += gap
        if gap > QUIET:
            absence = absence.interrupted(at)
    return absence, at


def test_one_look_in_vain_says_nothing() -> None:
    assert not Absence(100.0, 1).lasted(100.0, 1.0)


def test_what_is_missing_for_long_enough_is_gone() -> None:
    absence = Absence(100.0, 1)
    assert [absence.lasted(at, 60.0) for at in (159.0, 160.0, 161.0)] == [False, True, True]


def test_after_a_silence_it_begins_anew() -> None:
    absence = Absence(100.0, 0b10).interrupted(1000.0)
    assert (absence.since, absence.pilots, absence.silences) == (1000.0, 0b10, 1)
    assert (absence.first, absence.interrupted(2000.0).first) == (100.0, 100.0), "what people are told"
    assert not absence.lasted(1059.0, 60.0) and absence.lasted(1060.0, 60.0)


def test_what_was_never_there_after_several_silences_is_gone() -> None:
    """A place that seldom answers would else keep for ever what it lost."""
    absence, at = looked(*[QUIET + 1] * (SILENCES - 1))
    assert not absence.lasted(at, 1e9)
    absence, at = looked(*[QUIET + 1] * SILENCES)
    assert absence.lasted(at, 1e9)


def test_of_fewer_pilots_the_same_is_known() -> None:
    assert Absence(5.0, 0b11, 2).of(0b01) == Absence(5.0, 0b01, 2)


def test_of_all_pilots_the_first_and_the_last_that_were_looked_for() -> None:
    all_five = (Absence(1.0, 2), Absence(2.0, 1, 3), Absence(4.0, 2))
    assert first(all_five, 3) == all_five[:2] and last(all_five, 2) == all_five[2:]
    assert first(all_five, 1) == (Absence(1.0, 1),)
    assert last(all_five, 4) == (Absence(1.0, 1), *all_five[1:])
    for part in (first, last):
        assert part(all_five, 9) == all_five and part(all_five, 0) == part((), 2) == ()


@given(st.lists(gaps, max_size=20), st.integers(1, 10 * QUIET))
def test_without_a_silence_only_the_time_since_the_first_look_counts(short: list[int], patience: int) -> None:
    absence, at = looked(*short)
    assert absence.lasted(at, patience) is (at >= patience)


@given(
    st.lists(gaps | silences, max_size=12),
    silences,
    st.lists(gaps, max_size=12),
    st.integers(1, 10 * QUIET),
)
def test_all_the_patience_is_needed_after_the_last_silence(
    before: list[int], last: int, after: list[int], patience: int
) -> None:
    """Unless there were so many that nobody waits any longer."""
    absence, at = looked(*before, last, *after)
    enough = sum(gap > QUIET for gap in (*before, last)) >= SILENCES
    assert absence.lasted(at, patience) is (enough or sum(after) >= patience)


@pytest.mark.parametrize(("apart", "every", "quiet"), [(180.0, 60.0, 180.0), (180.0, 300.0, POLLS * 300.0)])
def test_no_two_polls_are_so_far_apart_that_this_alone_is_a_silence(
    apart: float, every: float, quiet: float
) -> None:
    assert silence(apart, every) == quiet >= 2 * every


def test_who_was_not_looked_for_in_vain_for_long_was_interrupted() -> None:
    """Whoever was seen missing says so since the last time, not since the first."""
    absence = Absence(100.0, 0b11)
    for at in (280.0, 460.0):
        absence = absence.again(at, QUIET)
        assert (absence.since, absence.silences) == (100.0, 0)
    absence = absence.again(641.0, QUIET)
    assert (absence.since, absence.silences, absence.first) == (641.0, 1, 100.0)
    assert absence.again(821.0, QUIET).since == 641.0
    assert absence.again(822.0, QUIET).of(0b1).again(823.0, QUIET) == Absence(822.0, 0b1, 2, 100.0, 823.0)


@given(st.lists(gaps | silences, max_size=12))
def test_it_is_the_same_whoever_remembers_when_was_looked_last(between: list[int]) -> None:
    known, at = looked(*between)
    absence = Absence(0.0, 0b11)
    for i in range(len(between)):
        absence = absence.again(sum(between[: i + 1]), QUIET)
    assert (absence.since, absence.silences, absence.first) == (known.since, known.silences, known.first)
    assert absence.seen == (at if between else None)


def test_a_stranger_is_believed_since_the_last_silence() -> None:
    stranger = Absent("other", 100.0, 100.0, 100.0)
    assert stranger.again(280.0, QUIET).again(460.0, QUIET).believed == 100.0
    assert stranger.again(281.0, QUIET).again(461.0, QUIET).believed == 281.0
    late = stranger.again(280.0, QUIET).again(200.0, QUIET)
    assert late.again(460.0, QUIET).believed == 100.0, "an answer that comes late takes nothing back"


@given(st.lists(gaps, max_size=4), silences)
def test_a_stranger_that_answers_seldom_is_believed_since_it_came(between: list[int], gap: int) -> None:
    stranger, at = Absent("other", 0.0, 0.0, 0.0), 0
    for i in range(1, SILENCES + 1):
        for short in between:
            at += short
            stranger = stranger.again(at, QUIET)
        at += gap
        stranger = stranger.again(at, QUIET)
        assert stranger.believed == (at if i < SILENCES else 0.0)
