"""Results as text: the steps of a decision, the totals of simulations, the comparison of policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from autopyfactory.check.order import undoings
from autopyfactory.model.decision import Decision
from autopyfactory.simulate.chain import SimulatedQueue
from autopyfactory.simulate.compare import Duel, Score
from autopyfactory.simulate.run import Result

ROWS: tuple[tuple[str, Callable[[Result], float], str], ...] = (
    ("jobs done", lambda r: r.done, "{:.0f}"),
    ("mean wait, s", lambda r: r.mean_wait, "{:.0f}"),
    ("95 % waited less than, s", lambda r: r.p95_wait, "{:.0f}"),
    ("longest wait, s", lambda r: r.max_wait, "{:.0f}"),
    ("pilots sent", lambda r: r.pilots, "{:.0f}"),
    ("  taken back while pending", lambda r: r.removed, "{:.0f}"),
    ("  that failed", lambda r: r.failed_pilots, "{:.0f}"),
    ("  that ran nothing (empty)", lambda r: r.empty_pilots, "{:.0f}"),
    ("empty pilot-hours", lambda r: r.empty_hours, "{:.1f}"),
    ("pilot-hours without payload", lambda r: r.idle_hours, "{:.1f}"),
    ("pilot-hours with payload", lambda r: r.busy_hours, "{:.1f}"),
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


def defaults_table(names: Sequence[str], scores: Sequence[Score]) -> str:
    """Return mean wait and empty pilot-hours of each policy with its defaults, workload by workload."""
    families = list(dict.fromkeys(s.policy.family for s in scores))
    rows = [["wait in s / empty pilot-hours", *families]]
    for i, name in enumerate(names):
        mine = scores[i * len(families) : (i + 1) * len(families)]
        rows.append([name, *(f"{s.mean_wait:.0f} / {s.empty_hours:.1f}" for s in mine)])
    total = [sum(s.empty_hours for s in scores[i :: len(families)]) for i in range(len(families))]
    rows.append(["empty pilot-hours in all", *(f"{hours:.1f}" for hours in total)])
    return markdown(rows)


def duels_table(duels: Sequence[Duel]) -> str:
    """Return how Adaptive does against the best reference at equal wait, workload by workload."""
    head = [
        "workload",
        "Adaptive: wait, s",
        "empty h",
        "best reference at equal wait",
        "wait, s",
        "empty h",
        "saved",
    ]
    rows = [head]
    for d in duels:
        best = f"{d.best.policy.family}: {d.best.policy.label}"
        best += "" if d.matched else " (the fastest; none waits as little)"
        mine = [f"{d.adaptive.mean_wait:.0f}", f"{d.adaptive.empty_hours:.2f}"]
        rows.append(
            [
                d.workload,
                *mine,
                best,
                f"{d.best.mean_wait:.0f}",
                f"{d.best.empty_hours:.2f}",
                f"{d.saved:.0%}",
            ]
        )
    mine_all, best_all = sum(d.adaptive.empty_hours for d in duels), sum(d.best.empty_hours for d in duels)
    saved = 1.0 - mine_all / best_all if best_all else 0.0
    rows.append(["all", "", f"{mine_all:.2f}", "", "", f"{best_all:.2f}", f"{saved:.0%}"])
    rows.append(
        ["mean of the workloads", "", "", "", "", "", f"{sum(d.saved for d in duels) / len(duels):.0%}"]
    )
    return markdown(rows)
