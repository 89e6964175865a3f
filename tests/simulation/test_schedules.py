"""The protocol holds its invariants in every schedule, and the simulator notices each guard that is gone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import simulation
from autopyfactory import accounting
from simulation.hunt import go, hunt
from simulation.mutations import MUTATIONS
from simulation.setting import ODD

FRESH = 2000  # schedules never tried before, for each state of the code
SWARM = 500  # the same, with faults that come together, see `simulation.faults`, in odd conditions also
WITHIN = 2000  # seeds within which a guard that is gone must be found
SEEDS = Path(simulation.__file__).with_name("seeds.txt")
KNOWN = [int(line.split()[0]) for line in SEEDS.read_text().splitlines() if line and line[0] != "#"]


def base_of_the_code() -> int:
    """Return other seeds for each change of the book or of the simulator, and the same for the same code.

    So what a run finds belongs to the change at hand; `python -m simulation.hunt` tries others.
    """
    digest = hashlib.sha256()
    for module in (accounting, simulation):
        folder = Path(str(module.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return int(digest.hexdigest(), 16) % 10**12


@pytest.mark.timeout(2400)
@pytest.mark.parametrize(
    ("count", "sign", "more"),
    [(FRESH, 1, 0), (SWARM, -1, 0), (SWARM, -1, ODD)],
    ids=["usual", "swarm", "odd"],
)
def test_fresh_schedules_break_no_invariant(
    count: int, sign: int, more: int, capsys: pytest.CaptureFixture[str]
) -> None:
    base = sign * base_of_the_code() + more
    with capsys.disabled():
        print(f"\nsimulation: {count} schedules, seeds from {base}")
    broken = list(hunt(base, count, 2))
    assert not broken, f"put these seeds into {SEEDS}: {broken}"


def test_seeds_that_once_failed() -> None:
    assert go(KNOWN) == []


@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.timeout(2400)
def test_a_guard_that_is_gone_is_found(name: str) -> None:
    found = go([*KNOWN, *range(WITHIN - len(KNOWN))], name, first=True)
    assert found, f"nobody notices: {MUTATIONS[name].what}"
