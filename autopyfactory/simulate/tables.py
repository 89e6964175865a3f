"""Results as text: the steps of a decision, the totals of simulations, the comparison of policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from autopyfactory.check.order import undoings
from autopyfactory.model.decision import Decision
from autopyfactory.simulate.chain import SimulatedQueue
from autopyfactory.simulate.compare import Everywhere, Score, Verdict
from autopyfactory.simulate.result import Result

FASTER = "*"
ROWS: tuple[tuple[str, Callable[[Result], float], str], ...] = (
    ("jobs done", lambda r: r.done, "{:.0f}"),
    ("mean wait, s", lambda r: r.mean_wait, "{:.0f}"),
    ("95 % waited less than, s", lambda r: r.p95_wait, "{:.0f}"),
    ("longest wait, s", lambda r: r.max_wait, "{:.0f}"),
    ("pilots sent", lambda r: r.pilots, "{:.0f}"),
    ("  taken back", lambda r: r.removed, "{:.0f}"),
    ("  that failed", lambda r: r.failed_pilots, "{:.0f}"),
    ("  that ran nothing (empty)", lambda r: r.empty_pilots, "{:.0f}"),
    ("empty pilot-hours", lambda r: r.empty_hours, "{:.1f}"),
    ("pilot-hours without payload", lambda r: r.idle_hours, "{:.1f}"),
    ("pilot-hours with payload", lambda r: r.busy_hours, "{:.1f}"),
    ("operations on the CE", lambda r: r.operations, "{:.0f}"),
    ("payloads killed", lambda r: r.killed, "{:.1f}"),
    ("hours until all was over", lambda r: r.hours, "{:.1f}"),
)


def steps(queue: SimulatedQueue, decision: Decision) -> str:
    """Return the chain step by step, with each rule's settings and the advice on its order."""
    lines = []
    for rule, step in zip(queue.chain, decision.steps, strict=False):
        lines.append(f"{step.plugin}: {step.n_in} -> {step.n_out}: {step.reason}")
        lines.extend(f"    {key} = {value}" for key, value in queue.settings(rule))
    skipped = [rule.name for rule in queue.chain[len(decision.steps) :]]
    if skipped:
        lines.append(f"the chain ended there; not asked: {', '.join(skipped)}")
    return "\n".join([*lines, *notes(queue)])


def notes(queue: SimulatedQueue) -> list[str]:
    """Return a line for each rule of the chain that undoes another."""
    return [f"note: {u.words}{f' ({u.hint})' if u.hint else ''}" for u in undoings(queue.chain)]


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Align a table: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def totals(results: Mapping[str, Sequence[Result]]) -> str:
    """Return the means over the seeds, one column for each policy."""
    rows = [["", *results]]
    for label, value, form in ROWS:
        rows.append([label, *(form.format(sum(map(value, rs)) / len(rs)) for rs in results.values())])
    return grid(rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, first row as its head."""
    head, *rest = rows
    line = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, line, *rest))


def defaults_table(found: Mapping[str, Sequence[Score]]) -> str:
    """Return mean wait and empty pilot-hours of each policy as it comes, workload by workload."""
    names = [s.policy.family for s in _as_they_come(next(iter(found.values())))]
    rows = [["wait in s / empty pilot-hours / operations", *names]]
    for workload, scores in found.items():
        cells = (
            f"{s.mean('mean_wait'):.0f} / {s.mean('empty_hours'):.1f} / {s.mean('operations'):.0f}"
            for s in _as_they_come(scores)
        )
        rows.append([workload, *cells])
    return markdown(rows)


def _as_they_come(scores: Sequence[Score]) -> list[Score]:
    return [s for s in scores if s.policy.default]


def verdicts_table(verdicts: Sequence[Verdict]) -> str:
    """Return how Adaptive does against the hull of all references, workload by workload."""
    head = [
        "workload",
        "mean wait, s",
        "95 %, s",
        "empty h",
        "references at this wait, h",
        "saved",
        "10 to 90 %",
    ]
    head += ["references at this waste, s", "hours without payload saved", "operations / Ready", "killed"]
    rows = [head]
    for v in verdicts:
        ours = v.ours
        cells = [f"{ours.mean('mean_wait'):.0f}", f"{ours.mean('p95_wait'):.0f}"]
        cells += [f"{ours.mean('empty_hours'):.2f}", f"{v.waste:.2f}{FASTER if v.faster else ''}"]
        cells += [f"{v.saved:.0%}", f"{v.low:.0%} to {v.high:.0%}", f"{v.wait:.0f}", f"{v.idle_saved:.0%}"]
        rows.append([v.workload, *cells, f"{v.operations:.2f}", f"{ours.mean('killed'):.1f}"])
    mean = f"{fmean(v.saved for v in verdicts):.0%}"
    idle = f"{fmean(v.idle_saved for v in verdicts):.0%}"
    operations = f"{fmean(v.operations for v in verdicts):.2f}"
    killed = f"{fmean(v.ours.mean('killed') for v in verdicts):.1f}"
    rows.append(["mean of the workloads", "", "", "", "", mean, "", "", idle, operations, killed])
    return markdown(rows)


def settings_table(settings: Mapping[str, Sequence[Verdict]]) -> str:
    """Return the means over the workloads of each of our settings."""
    rows = [["setting", "saved", "worst", "hours without payload saved", "operations / Ready", "killed"]]
    for label, verdicts in settings.items():
        saved = [v.saved for v in verdicts]
        cells = [f"{fmean(saved):.0%}", f"{min(saved):.0%}", f"{fmean(v.idle_saved for v in verdicts):.0%}"]
        cells += [f"{fmean(v.operations for v in verdicts):.2f}"]
        rows.append([label, *cells, f"{fmean(v.ours.mean('killed') for v in verdicts):.1f}"])
    return markdown(rows)


def summary(verdicts: Sequence[Verdict], one: Everywhere, all_together: Everywhere) -> str:
    """Return the goals and what was reached, in sentences.

    `one`: one setting for all workloads, relative to Ready; `all_together`: in seconds and hours.
    """
    worse = [v.workload for v in verdicts if v.saved < -0.05]
    most = max(verdicts, key=lambda v: v.operations)
    runs = sum(len(v.ours.runs) for v in verdicts)
    killed = sum(r.killed for v in verdicts for r in v.ours.runs)
    return "\n".join(
        (
            f"{FASTER} no setting of any reference waits as little; held against the fastest of them",
            f"saved in the mean over workloads: {fmean(v.saved for v in verdicts):.0%} (goal: 50 %)",
            f"worse by more than 5 %: {', '.join(worse) or 'none'} (goal: none)",
            f"operations on the CE: at most {most.operations:.2f} times those of Ready, on {most.workload} "
            "(goal: 1.3)",
            f"payloads killed: {killed:.0f} in {runs} runs (goal: 0)",
            f"one setting for all workloads, in multiples of Ready's: wait {one.wait:.2f}, "
            f"waste {one.waste:.2f}; saved {one.saved:.0%} of the hull of references with one setting",
            f"the same in means over the workloads: wait {all_together.wait:.0f} s, waste "
            f"{all_together.waste:.1f} h; saved {all_together.saved:.0%}",
        )
    )
