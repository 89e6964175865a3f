"""Go through many schedules on all cores: `python -m simulation.hunt --count 100000` (in `tests/kit/`)."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from simulation.mutations import MUTATIONS
from simulation.setting import ODD
from simulation.world import World

PIECE = 50  # schedules that one process goes through before it reports
TOLD_EVERY = 1000


@dataclass(frozen=True)
class Found:
    """A seed whose schedule breaks an invariant."""

    seed: int
    what: str


def go(seeds: Sequence[int], mutation: str | None = None, first: bool = False) -> list[Found]:
    """Return the seeds that break an invariant, with one guard removed; only the `first`, if so wished."""
    found = []
    with MUTATIONS[mutation].applied() if mutation else contextlib.nullcontext():
        for seed in seeds:
            try:
                World(seed).run()
            except Exception as err:  # whatever breaks is found
                if mutation and not isinstance(err, AssertionError):
                    raise  # the mutation itself is wrong: that is no proof
                found.append(Found(seed, f"{type(err).__name__}: {err}"))
                if first:
                    break
    return found


def hunt(base: int, count: int, jobs: int, done: Callable[[int], None] = lambda n: None) -> Iterator[Found]:
    """Yield what breaks among `count` seeds from `base` on; `done` is told how many were gone through."""
    pieces = [range(s, min(s + PIECE, base + count)) for s in range(base, base + count, PIECE)]
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for piece, found in zip(pieces, pool.map(go, pieces), strict=True):
            yield from found
            done(piece.stop - base)


def fresh_base() -> int:
    """Return a number that nobody has tried yet, most likely."""
    return random.SystemRandom().randrange(10**6, 10**12)


def main() -> int:
    """Hunt, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--base", type=int, help="first seed; default: a fresh one")
    parser.add_argument("--swarm", action="store_true", help="draw swarm schedules, see `faults`")
    parser.add_argument("--odd", action="store_true", help="draw swarm schedules in odd conditions")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="go through this one alone, and tell the story")
    options = parser.parse_args()
    if options.seed is not None:
        World(options.seed, print).run()
        return 0
    base = fresh_base() if options.base is None else options.base
    if options.swarm or options.odd:
        base = -abs(base)
    if options.odd and base > ODD:
        base += ODD
    print(f"{options.count} schedules, seeds from {base}", flush=True)
    start = time.monotonic()
    bad: list[int] = []

    def tell(n: int) -> None:
        if n % TOLD_EVERY == 0:
            print(f"{n} done", flush=True)

    for found in hunt(base, options.count, options.jobs, tell):
        bad.append(found.seed)
        print(f"seed {found.seed}: {found.what}", flush=True)
    seeds = f": {', '.join(map(str, bad))}" if bad else ""  # who keeps but this line has them all the same
    took = f"{time.monotonic() - start:.0f} s"
    print(f"{len(bad)} of {options.count} schedules from {base} broke an invariant ({took}){seeds}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
