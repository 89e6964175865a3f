"""When to mail what: no trouble is lost, none is mailed twice within the repeat time, and mails are text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.record import FactoryEvent
from autopyfactory.notify.digest import GATHER, MAX_CAUSES, SHOWN, Cause, Digest, Notice, compose, notice_of
from contracts.records import T0, cycle

REPEAT = 100.0
START = datetime(2026, 11, 22, tzinfo=UTC)


def notice(cause: str = "c", subject: str = "", text: str = "", seconds: float = 0) -> Notice:
    return Notice(cause, subject or f"trouble {cause}", text, START + timedelta(seconds=seconds))


def mail(digest: Digest, now: float) -> list[tuple[str, int]]:
    """Send what is due; return each cause with the notices that this mail tells of."""
    causes = digest.due(now)
    counts = [c.new for c in causes]
    digest.mailed(causes, counts, now)
    return [(c.last.cause, n) for c, n in zip(causes, counts, strict=True)]


STEPS = st.lists(st.tuples(st.floats(0, 60), st.none() | st.sampled_from("abc")), max_size=60)


@given(STEPS)
def test_every_notice_is_told_once_and_no_cause_more_often_than_agreed(
    steps: list[tuple[float, str | None]],
) -> None:
    digest, now = Digest(REPEAT), 0.0
    added: dict[str, int] = dict.fromkeys("abc", 0)
    told: dict[str, int] = dict.fromkeys("abc", 0)
    last: dict[str, float] = {}

    def look() -> None:
        for cause, n in mail(digest, now):
            assert n > 0, "nothing new is no mail"
            assert now - last.get(cause, -REPEAT) >= REPEAT
            last[cause], told[cause] = now, told[cause] + n

    for pause, cause in steps:
        now += pause
        if cause is not None:
            added[cause] += 1
            digest.add(notice(cause), now)
        due = digest.due_at()
        look()
        assert due is None or due > now or digest.due_at() is None or digest.due_at() > now, "it is not late"
        for one, n in added.items():
            assert told[one] <= n
    now += 2 * REPEAT + GATHER
    look()
    assert told == added
    assert digest.due_at() is None


def test_the_first_of_a_trouble_waits_a_moment_for_others_and_further_ones_for_the_digest() -> None:
    digest = Digest(REPEAT)
    digest.add(notice("a"), 0.0)
    digest.add(notice("b"), GATHER - 1)
    assert mail(digest, GATHER - 0.5) == []
    assert mail(digest, GATHER) == [("a", 1), ("b", 1)], "what is new goes along"
    digest.add(notice("a"), GATHER + 1)
    digest.add(notice("a"), GATHER + 2)
    digest.add(notice("c"), GATHER + 3)
    assert mail(digest, 2 * GATHER + 3) == [("c", 1)], "a waits for its time"
    assert mail(digest, GATHER + REPEAT) == [("a", 2)]


def test_what_was_over_and_comes_again_is_news() -> None:
    digest = Digest(REPEAT)
    digest.add(notice("a"), 0.0)
    mail(digest, GATHER)
    late = GATHER + 3 * REPEAT
    digest.add(notice("a", seconds=late), late)
    assert digest.due_at() == late + GATHER
    (cause,) = digest.due(late + GATHER)
    assert (cause.total, cause.first) == (1, START + timedelta(seconds=late))


def test_notices_that_come_while_a_mail_is_under_way_are_in_the_next() -> None:
    digest = Digest(REPEAT)
    digest.add(notice("a"), 0.0)
    causes = digest.due(GATHER)
    counts = [c.new for c in causes]
    digest.add(notice("a"), GATHER)
    digest.mailed(causes, counts, GATHER + 5)
    assert mail(digest, GATHER + 5 + REPEAT) == [("a", 1)]


def test_of_too_many_causes_those_go_that_were_told() -> None:
    digest = Digest(REPEAT)
    digest.add(notice("told"), 0.0)
    mail(digest, GATHER)
    for i in range(MAX_CAUSES - 1):
        digest.add(notice(f"new {i}"), GATHER + 1)
    digest.add(notice("one more"), GATHER + 2)
    assert "told" not in digest.causes and digest.forgotten == 0
    digest.add(notice("too many"), GATHER + 3)
    assert digest.forgotten == 1, "and that is known"
    assert len(digest.causes) == MAX_CAUSES
    assert "too many" in digest.causes


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({}, None),
        (
            {"outcome": "failed", "reason": "schedd gone at 12:07:33, 5 tries"},
            "failed q schedd gone at # # tries",
        ),
        ({"credential": "the proxy ended at 12:07"}, "credential the proxy ended at #"),
        ({"breaker": "8 of 10 pilots fail"}, "breaker q"),
        ({"breaker": "x", "credential": "y"}, "credential y"),
    ],
)
def test_what_of_a_cycle_is_worth_a_mail(changes: dict[str, str], cause: str | None) -> None:
    found = notice_of(cycle("q", **changes))
    assert (found.cause if found else None) == cause
    assert found is None or found.at == T0


def test_queues_with_one_bad_credential_are_one_trouble() -> None:
    causes = {notice_of(cycle(q, credential=f"proxy /x ended at 12:0{i}")) for i, q in enumerate("ab")}
    assert len({c.cause for c in causes if c}) == 1


def test_of_the_factorys_events_only_problems_are_mailed() -> None:
    assert notice_of(FactoryEvent("started", T0, "hello")) is None
    one, two = (notice_of(FactoryEvent("problem", T0, f"disk at {n} %", "q")) for n in (91, 92))
    assert one is not None and two is not None
    assert one.cause == two.cause and one.subject == "queue q: disk at 91 %"
    named = notice_of(FactoryEvent("problem", T0, "words", None, {"cause": "disk"}))
    assert named is not None and (named.cause, named.subject) == ("disk", "words")


def test_only_a_credentials_trouble_asks_who_uses_it() -> None:
    asked = []

    def users(credential: str) -> list[str]:
        asked.append(credential)
        return ["q1", "q2"]

    refused = notice_of(FactoryEvent("problem", T0, "reload refused"), users=users)
    expired = notice_of(FactoryEvent("problem", T0, "expired", None, {"credential": "atlas"}), users=users)
    assert refused is not None and expired is not None
    assert (refused.queues, expired.queues, asked) == ((), ("q1", "q2"), ["atlas"])


def cause(n: int, **changes: str) -> Cause:
    one = notice(str(n), **changes)
    return Cause(one.at, one, 1, 1, 0.0)


@given(st.lists(st.text(max_size=300), min_size=1, max_size=4), st.text(max_size=300))
def test_a_subject_is_one_short_line_whatever_others_wrote(subjects: list[str], text: str) -> None:
    subject, body = compose([cause(i, subject=s or "x", text=text) for i, s in enumerate(subjects)], "f1")
    assert subject.startswith("[f1]")
    assert len(subject) <= 200 and len(subject.splitlines()) == 1
    assert body.endswith("\n") and body.count("\n\n") >= len(subjects) - 1


def test_a_mail_tells_some_and_says_how_many_more() -> None:
    subject, body = compose([cause(n) for n in range(SHOWN + 7)], "f1")
    assert subject == f"[f1] trouble 0 (and {SHOWN + 6} more)"
    assert f"trouble {SHOWN - 1}\n" in body and f"trouble {SHOWN}\n" not in body
    assert body.endswith("... and 7 other troubles\n")


def test_a_long_text_is_cut_and_a_repeated_trouble_counted() -> None:
    again = cause(1, text="\n".join(f"line {i}" for i in range(40)))
    again.total = 12
    _, body = compose([again], "f1")
    assert "  12 times since 2026-11-22 00:00:00 UTC" in body
    assert "  line 19\n" in body and "line 20" not in body
