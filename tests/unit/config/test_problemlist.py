"""Problems for people: sorted by place, the same one once, nothing of it able to fool a terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.config.problemlist import OTHERS, as_data, counts, grouped, render, summary
from autopyfactory.options.problem import Problem, Where

BAD = Problem("error", "is too small", Where("q.conf", 7), "A", "sleep", "-1", "write 5", "number")


def at(line: int, section: str | None, source: str = "q.conf", **changes: Any) -> Problem:
    return replace(BAD, where=Where(source, line), section=section, **changes)


def test_one_problem_in_full() -> None:
    assert render([BAD]) == (
        "q.conf:7: error: [A] sleep = -1: is too small\n    allowed: number\n    hint: write 5"
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"where": None}, "error: [A] sleep = -1: is too small"),
        ({"section": None}, "q.conf:7: error: sleep = -1: is too small"),
        ({"value": None}, "q.conf:7: error: [A] sleep: is too small"),
        ({"key": None}, "q.conf:7: error: [A] '-1': is too small"),
        ({"key": None, "value": None}, "q.conf:7: error: [A] is too small"),
        ({"severity": "warning"}, "q.conf:7: warning: [A] sleep = -1: is too small"),
        ({"value": "a\n  b"}, "q.conf:7: error: [A] sleep = a b: is too small"),
        ({"value": "x" * 61}, f"q.conf:7: error: [A] sleep = {'x' * 57}...: is too small"),
        ({"value": "x" * 60}, f"q.conf:7: error: [A] sleep = {'x' * 60}: is too small"),
    ],
)
def test_the_line_says_what_is_known(changes: dict[str, Any], line: str) -> None:
    assert render([replace(BAD, **changes)]).split("\n")[0] == line


def test_the_same_in_several_places_is_told_once_with_all_of_them() -> None:
    text = render([at(30, "C"), at(7, "A"), at(7, "B"), at(4, "D", "z.conf")])
    assert text.count("is too small") == 1
    assert text.startswith("q.conf:7: error: [A]")
    assert text.endswith("also in [B], [C] (q.conf:30), [D] (z.conf:4)")


def test_what_belongs_to_no_section_is_placed_by_its_file() -> None:
    first = Problem("warning", "not UTF-8; read as Latin-1", Where("a.conf", 3))
    text = render([first, replace(first, where=Where("b.conf", 9))])
    assert text == "a.conf:3: warning: not UTF-8; read as Latin-1\n    also in b.conf:9"
    assert "None" not in render([first, replace(first, where=None)])


def test_of_many_places_some_are_named_and_the_rest_counted() -> None:
    many = [at(n, f"S{n}") for n in range(1, OTHERS + 2)]
    assert "more" not in render(many)
    assert render([*many, at(99, "Z")]).endswith(" and 1 more")


@pytest.mark.parametrize(
    "changes",
    [
        {"message": "m"},
        {"key": "k"},
        {"value": "v"},
        {"hint": "h"},
        {"allowed": "a"},
        {"severity": "warning"},
    ],
)
def test_what_differs_in_anything_else_is_another_problem(changes: dict[str, Any]) -> None:
    assert len(grouped([BAD, replace(BAD, section="B", **changes)])) == 2


problems = st.builds(
    Problem,
    st.sampled_from(["error", "warning"]),
    st.sampled_from("mn"),
    st.none() | st.builds(Where, st.sampled_from(["a", "b"]), st.integers(0, 12)),
    st.none() | st.sampled_from("AB"),
    st.none() | st.sampled_from("kl"),
    st.none() | st.sampled_from("vw"),
)


@given(st.lists(problems, max_size=12), st.randoms())
def test_the_order_in_which_they_were_found_makes_no_difference(found: list[Problem], random: Any) -> None:
    other = found[:]
    random.shuffle(other)
    assert {(g.first, *g.others) for g in grouped(found)} or not found
    assert sum(1 + len(g.others) for g in grouped(found)) == len(set(found))
    places = [
        (g.first.where.source, g.first.where.line) if g.first.where else ("", 0) for g in grouped(found)
    ]
    assert places == sorted(places)
    assert sorted(map(str, as_data(found, None)["problems"])) == sorted(
        map(str, as_data(other, None)["problems"])
    )


@pytest.mark.parametrize("field", ["message", "section", "key", "value", "hint", "allowed"])
@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_nothing_that_a_file_says_reaches_the_terminal_as_power(field: str, text: str) -> None:
    for found in ([replace(BAD, **{field: text})], [BAD, at(9, text)]):
        shown = render(found)
        shown.encode()
        assert all(c.isprintable() or c in "\n\t" for c in shown if c < "\x80")


def test_colours_are_of_the_severity_only() -> None:
    assert render([BAD], lambda text, severity: f"<{severity}:{text}>").startswith(
        "q.conf:7: <error:error>: "
    )


def configuration(enabled: int, disabled: int, *broken: str) -> Any:
    queues = {
        f"q{n}": SimpleNamespace(options=SimpleNamespace(enabled=n < enabled))
        for n in range(enabled + disabled)
    }
    return SimpleNamespace(queues=queues, broken=dict.fromkeys(broken, ()))


@pytest.mark.parametrize(
    ("found", "conf", "line"),
    [
        ([], None, "0 errors, 0 warnings"),
        ([BAD, replace(BAD, severity="warning")], None, "1 error, 1 warning"),
        ([], configuration(0, 0), "0 errors, 0 warnings; 0 queues, 0 enabled"),
        ([], configuration(1, 0), "0 errors, 0 warnings; 1 queue, 1 enabled"),
        ([BAD], configuration(2, 1, "b"), "1 error, 0 warnings; 4 queues, 2 enabled, 1 cannot run: b"),
        (
            [BAD],
            configuration(0, 0, *"gfedcba"),
            "1 error, 0 warnings; 7 queues, 0 enabled, 7 cannot run: a, b, c, d, e and 2 more",
        ),
    ],
)
def test_the_last_line(found: list[Problem], conf: Any, line: str) -> None:
    assert summary(found, conf) == line


def test_for_programs_everything_is_there_and_sorted() -> None:
    found = [at(9, "B"), BAD, BAD, replace(BAD, severity="warning")]
    data = json.loads(json.dumps(as_data(found, configuration(1, 1, "x"))))
    assert (data["errors"], data["warnings"]) == counts(found) == (3, 1)
    assert data["queues"] == {"enabled": ["q0"], "disabled": ["q1"], "cannot_run": ["x"]}
    assert [p["where"]["line"] for p in data["problems"]] == [7, 7, 9]  # the same one once
    assert "queues" not in as_data([], None)
