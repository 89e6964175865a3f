"""What a submission would refuse, found before: HTCondor reads the description of each queue once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from autopyfactory.check.trial import Trial
from autopyfactory.condor import dryrun
from autopyfactory.condor.quoting import check_description
from autopyfactory.external.program import ProgramError
from autopyfactory.options.problem import Problem

MOST = 500  # descriptions that differ in more than the queue's name


def refused(trials: list[tuple[Trial, Mapping[str, str]]]) -> Iterator[Problem]:
    """Yield an error for each queue whose pilots HTCondor would refuse."""
    shapes: dict[tuple[tuple[str, str], ...], list[Trial]] = {}
    for trial, description in trials:
        if "universe" not in {k.lower() for k in description}:  # of another kind than HTCondor's
            continue
        try:
            check_description(description)
        except ValueError as err:
            yield _problem(trial, str(err))
        else:
            shapes.setdefault(_shape(trial, description), []).append(trial)
    some = list(shapes)[:MOST]
    try:
        found = dryrun.refusals([dict(shape) for shape in some])
    except (ProgramError, OSError, ValueError) as err:
        yield Problem("warning", f"HTCondor could not be asked about the submit descriptions: {err}")
        return
    for shape, why in zip(some, found, strict=True):
        if why is not None:
            for trial in shapes[shape]:
                yield _problem(trial, f"HTCondor refuses such a submission: {why}")


def _shape(trial: Trial, description: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the description without the plain name of its queue, so that like ones are asked about once."""
    name = trial.queue.name
    if not name.replace("_", "").replace("-", "").replace(".", "").isalnum() or len(name) < 4:
        return tuple(description.items())
    return tuple((k, v.replace(name, "QUEUE")) for k, v in description.items())


def _problem(trial: Trial, message: str) -> Problem:
    return Problem("error", message, trial.queue.section.where, trial.queue.name)
