"""Results as text: columns line up, means are means, and the sentences say what the numbers do."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.decision import Decision, Step
from autopyfactory.simulate import tables
from autopyfactory.simulate.chain import from_texts
from autopyfactory.simulate.compare import Everywhere, Run, Score, Verdict
from autopyfactory.simulate.policies import Policy
from autopyfactory.simulate.result import Result

ONE = Result(10, 9, 100.0, 200.0, 300.0, 20, 15, 5, 4, 1, 0.5, 1.5, 9.0, 25, 0, 3.0)
CELLS = st.text(st.characters(categories=["L", "N"]), max_size=8)


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=5)
    )
)
def test_a_grid_is_straight_and_holds_every_cell(rows: list[list[str]]) -> None:
    lines = tables.grid(rows).split("\n")
    assert len(lines) == len(rows)
    assert len({len(line) for line in lines}) == 1
    for line, row in zip(lines, rows, strict=True):
        assert line.split() == [cell for cell in row if cell]


def test_totals_are_means_over_the_seeds() -> None:
    other = replace(ONE, mean_wait=200.0, empty_hours=0.7, done=8)
    rows = {
        line[:27].strip(): line[27:].split()
        for line in tables.totals({"a": [ONE, other], "b": [ONE]}).split("\n")
    }
    assert rows["mean wait, s"] == ["150", "100"]
    assert rows["empty pilot-hours"] == ["0.6", "0.5"]
    assert rows["jobs done"] == ["8", "9"]
    assert rows["pilots sent"] == ["20", "20"]


def test_markdown_has_its_head_its_line_and_its_rows() -> None:
    assert tables.markdown([["a", "b"], ["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def score(
    family: str, *, wait: float = 100.0, waste: float = 2.0, default: bool = True, killed: float = 0.0
) -> Score:
    run = Run(wait, 2 * wait, waste, 3 * waste, 50.0, killed)
    return Score(Policy(family, "", lambda w: (), default=default), (run, run))


def verdict(name: str, saved: float, *, faster: bool = False, killed: float = 0.0) -> Verdict:
    ours, ready = score("Adaptive", killed=killed), score("Ready")
    return Verdict(name, ours, ready, 4.0, saved, saved - 0.1, saved + 0.1, 120.0, faster, saved / 2)


def test_the_table_of_verdicts_marks_who_is_faster_than_all_and_has_the_mean() -> None:
    lines = tables.verdicts_table([verdict("a", 0.5), verdict("b", 0.3, faster=True)]).split("\n")
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    assert {len(row) for row in rows} == {11}
    assert rows[2][:7] == ["a", "100", "200", "2.00", "4.00", "50%", "40% to 60%"]
    assert rows[3][4] == "4.00*"
    assert (rows[4][5], rows[4][8], rows[4][9]) == ("40%", "20%", "1.00")


def test_settings_show_their_worst() -> None:
    row = tables.settings_table({"x": [verdict("a", 0.5), verdict("b", -0.3)]}).split("\n")[2]
    assert [c.strip() for c in row.strip("|").split("|")] == ["x", "10%", "-30%", "5%", "1.00", "0.0"]


def test_the_summary_names_who_is_worse_and_counts_the_killed() -> None:
    everywhere = Everywhere({}, 0.4, 0.9, 0.6)
    text = tables.summary([verdict("good", 0.5), verdict("bad", -0.2, killed=3.0)], everywhere, everywhere)
    assert "worse by more than 5 %: bad (goal: none)" in text
    assert "payloads killed: 6 in 4 runs (goal: 0)" in text
    assert "saved in the mean over workloads: 15%" in text
    assert "none (goal: none)" in tables.summary([verdict("good", -0.04)], everywhere, everywhere)


def test_each_workload_has_a_row_of_all_that_come_so() -> None:
    found = {
        "w": [score("Ready"), score("Ready", wait=1, default=False), score("Adaptive", wait=90.4, waste=0.26)]
    }
    assert tables.defaults_table(found).split("\n")[2] == "| w | 100 / 2.0 / 50 | 90 / 0.3 / 50 |"


def test_steps_tell_each_rule_its_settings_and_which_were_not_asked() -> None:
    queue = from_texts({"schedplugin": "Ready,MaxPending,MaxPerCycle", "sched.maxpending.maximum": "7"})
    text = tables.steps(queue, Decision(0, (Step("Ready", 0, 0, "no site information", final=True),)))
    assert text.startswith("Ready: 0 -> 0: no site information")
    assert "not asked: MaxPending, MaxPerCycle" in text
    whole = tables.steps(queue, Decision(3, tuple(Step(r.name, 5, 3, "why") for r in queue.chain)))
    assert "    sched.maxpending.maximum = 7" in whole and "not asked" not in whole
