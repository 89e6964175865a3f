"""What `check --online` looks at, queue by queue, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click

from autopyfactory.api.pilots import known
from autopyfactory.check import sites
from autopyfactory.check.sites import Look
from autopyfactory.check.steps import Course, Found, Step
from autopyfactory.check.trial import Trial
from autopyfactory.config.model import Configuration
from autopyfactory.control.server import CommandError
from autopyfactory.credentials.wallet import Wallet
from autopyfactory.factory.credentials import Credentials
from autopyfactory.model.clock import SystemClock
from autopyfactory.model.text import printable
from autopyfactory.plugins.base import Shared

AT_ONCE = 4  # sites: each is asked by processes of its own
MARKS = {"fine": "ok", "doubtful": "doubt", "wrong": "WRONG", "skipped": "-"}
ACTS = {
    "us": "the factory's operator", "site": "the site", "credentials": "who looks after credentials",
    "work": "who feeds the WMS", "nobody": "nobody",
}  # fmt: skip
"""Who has to act, in words."""


def looks(configuration: Configuration, names: Sequence[str]) -> list[Look]:
    """Look at the sites of queues `names`, of all that are enabled if there are none. Raises UsageError.

    There is one look for each way of a queue's pilots: each CE, through each schedd.
    """
    try:
        wanted = [known(configuration, name) for name in dict.fromkeys(names)]
    except CommandError as err:
        raise click.UsageError(str(err)) from err
    wanted = wanted or [n for n, q in configuration.queues.items() if q.options.enabled]
    shared = Shared(wallet=Wallet())
    trials = {n: Trial.of(q, configuration, shared) for n in wanted if (q := configuration.queues.get(n))}
    _look_at_credentials(configuration, trials, shared.wallet)

    ways = [way for n in wanted for way in (trials[n].by_way() if n in trials else [n])]

    def look(way: Trial | str) -> Look:
        return _broken(configuration, way) if isinstance(way, str) else sites.look(way)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(look, ways))


def _broken(configuration: Configuration, name: str) -> Look:
    course = Course()
    words = "; ".join(p.brief for p in configuration.broken.get(name, ()))
    course.take("describe", lambda _: Found(f"the queue cannot run: {words}", "wrong", "us"))
    return Look(name, "", "", course)


def _look_at_credentials(configuration: Configuration, trials: Mapping[str, Trial], wallet: Wallet) -> None:
    """Fill `wallet` with the profiles' credentials as they lie on this host; nothing is renewed."""
    users: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, trial in trials.items():
        options = [route.batchsubmit.options for route in trial.queue.routes]
        for profile in (p for o in options for p in getattr(o, "auth", ())) if trial.submit else ():
            users.setdefault(profile, {})[name] = trial.ces
    kept = Credentials(wallet, lambda: users, SystemClock(), lambda *_: None, still=True)
    kept.want(configuration)
    kept.step()
    kept.tend(renew=False)


def as_data(one: Look) -> Mapping[str, Any]:
    """Return a look as plain data."""
    first = one.course.first_wrong
    return {
        "queue": one.queue,
        "plugin": one.plugin,
        "ce": one.ce,
        "outcome": one.course.outcome,
        "first_wrong": first.name if first else None,
        "who": first.found.who if first else None,
        "steps": one.course.as_data(),
    }


def rendered(one: Look) -> str:
    """Return a look as text: a line for each step, then the first thing wrong and who has to act."""
    lines = [f"{one.queue}: {' '.join(t for t in (one.plugin, one.ce) if t)}".rstrip(": ")]
    lines += [_line(step) for step in one.course.steps]
    if first := one.course.first_wrong:
        lines.append(f"  first wrong: {first.name}: {printable(first.found.words)}")
        lines += [f"  perhaps because: {d.name}: {printable(d.found.words)}" for d in one.course.doubts]
        who = ACTS[first.found.who or "us"]
        lines.append(f"  {who} has to act{f': {first.found.next}' if first.found.next else ''}")
    return "\n".join(lines)


def _line(step: Step) -> str:
    mark, words = MARKS[step.found.outcome], printable(step.found.words)
    return f"  {mark:<6}{step.name:<13}{step.seconds:6.2f} s  {words}"
