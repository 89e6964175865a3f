"""Which orders of a chain undo what the operator wanted: advice for `check` and `simulate`."""

from __future__ import annotations

from collections.abc import Sequence

STARTS = {"Ready", "Fixed", "WeightedActivated", "Fillactivated", "Adaptive"}  # ignore what comes in
RAISES = {"MinPerCycle", "MinPending", "MinToSubmit"}
HOLDS = {"StatusOffline", "StatusTest", "Downtime", "Hours", "Throttle", "Ramp", "Null"}
CAPS = {  # MaxPerCycle is usual before MinPerCycle, and right as long as it is the larger one
    "MaxPending",
    "MaxToRun",
    "MaxPerFactory",
    "MaxPerCE",
    "MaxCores",
    "MaxMemory",
    "MaxToSubmit",
}


def advice(chain: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence for each place where the order of `chain` (names of plugins) is questionable."""
    found = []
    for i, name in enumerate(chain):
        before = [p for p in chain[:i] if p in HOLDS | CAPS]
        if name in RAISES and before:
            found.append(f"{name} after {', '.join(before)} sends pilots that these hold back: put it before")
        if name in STARTS and i > 0:
            found.append(f"{name} ignores the number so far, so what comes before it has no effect")
        if name == "Share" and (i == 0 or chain[i - 1] not in STARTS):
            found.append("Share belongs right after the rule that looks at the work, such as Ready")
    return tuple(found)
