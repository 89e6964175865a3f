"""What several scheduler plugins say or do in the same way."""

from __future__ import annotations

from autopyfactory.model.decision import CycleInputs, Fact, Step


def unset(rule: str, n: int, key: str, **facts: Fact) -> Step:
    """Return the step of a limit that has no number: `n` stays as it is."""
    return Step(rule, n, n, f"{key} is not set: no limit", {"comment": "not set", **facts})


def limited(n: int, out: int, limit: str) -> str:
    """Return the reason of a limit from above, saying whether it bit."""
    if out == n:
        return f"{limit}: {n} is within"
    if out < 0:
        return f"{limit}: {-out} too many"
    return f"{limit}: {n} cut to {out}"


def raised(n: int, out: int, limit: str) -> str:
    """Return the reason of a limit from below, saying whether it bit."""
    return f"{limit}: {n} is enough" if out == n else f"{limit}: {n} raised to {out}"


def by_status(rule: str, status: str, pilots: int, n: int, inputs: CycleInputs) -> Step:
    """Return what is missing from `pilots` pending ones while the site has this status, else `n`.

    2.4 sent the number in every cycle, whatever was pending: a site that starts none got more for ever.
    """
    assert inputs.site is not None and inputs.batch is not None
    known = inputs.site.status
    if known.strip().lower() == status:
        pending = inputs.batch.pending
        out = max(0, pilots - pending)
        reason = f"the site is {status}: {pilots}" + (f" - {pending} pending" if pilots and pending else "")
        return Step(rule, n, out, reason, {"comment": status, "pending": pending})
    return Step(rule, n, n, f"the site is {known or 'of no known status'}", {"comment": f"not {status}"})
