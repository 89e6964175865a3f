"""`autopyfactory simulate` over hours of simulated time: one workload, recorded weeks, or all policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from autopyfactory.cli.link import Link, fail
from autopyfactory.cli.output import print_json
from autopyfactory.cli.terminal import echo
from autopyfactory.model.decision import Rule
from autopyfactory.simulate import chain, compare, picture, recorded, tables, terminal
from autopyfactory.simulate.chain import SimulatedQueue
from autopyfactory.simulate.models import CES, CEModel, Workload, parse_ce
from autopyfactory.simulate.policies import OURS, Policy, adaptive, glideinwms, harvester, references
from autopyfactory.simulate.result import Result
from autopyfactory.simulate.run import Simulation
from autopyfactory.simulate.workloads import FOR_DEVELOPING, FOR_JUDGING, WORKLOADS, Maker

UNITS = ("mean wait, s", "empty pilot-hours")
OTHER_SETTINGS = {
    "no trend": {"sched.adaptive.trend": "0"},
    "no reserve": {"sched.adaptive.reserve": "0"},
    "twice the reserve": {"sched.adaptive.reserve": "0.3"},
    "nothing taken back": {"sched.adaptive.withdraw": "False"},
    "shared by weight alone": {"sched.share.by": "weight"},
}


@dataclass(frozen=True)
class Side:
    """One configuration in one setting, or a reference policy."""

    name: str
    setting: str  # empty: as configured
    queue: SimulatedQueue  # whose cycle is simulated
    policy: Policy | None = None  # a reference instead of the queue's rules

    @property
    def label(self) -> str:
        """Return name and setting."""
        return f"{self.name}, {self.setting}" if self.setting else self.name

    def chain(self, workload: Workload) -> Sequence[Rule]:
        """Return the rules for one queue of one run."""
        return self.queue.chain if self.policy is None else self.policy.chain(workload)


def list_workloads() -> None:
    """Print the names that --workload and --ce know."""
    for words, names in (("for developing", FOR_DEVELOPING), ("for judging", FOR_JUDGING)):
        echo(f"{words}:")
        for name, maker in names.items():
            echo(f"{name:10} {maker(Random(1)).description}")
        echo("")
    keys = [name for name, kind in CEModel.__annotations__.items() if kind in ("int", "float")]
    echo(f"models for --ce: {', '.join(CES)}; keys: {', '.join(keys)}")


# --- one workload -------------------------------------------------------------------------------


def over_time(conf: Sequence[str], name: str | None, as_json: bool, given: Mapping[str, Any]) -> None:
    """Simulate one workload with one configuration or two, each in one setting or several.

    Raises ConfigError, ValueError and OSError, for what the user gave.
    """
    maker = _recorded(conf, given) if name is None else _workload(name, given["payload"])
    example = _at(maker(Random(1)), given["ce"])
    sides = list(_sides(conf, given))
    for key in (sweep.partition("=")[0].strip() for sweep in given["sweep"]):
        if not any(side.queue.has_option(key) for side in sides):
            raise ValueError(f"no rule has the option {key}")
    results = {side.label: _runs(side, maker, given) for side in sides}
    if given["plot"]:
        _draw(sides, results, given["plot"], example)
    if as_json:
        data = {n: [asdict(r) for r in rs] for n, rs in results.items()}
        print_json({"workload": example.name, "results": data})
        return
    echo(f"{example.name}: {example.description}\n")
    for line in tables.notes(sides[0].queue):
        echo(line)
    if not given["sweep"]:
        for label, runs in results.items():
            echo(terminal.plot(runs[0], title=label) + "\n")
    echo(tables.totals(results))


def _workload(name: str, payload: float) -> Maker:
    if name in WORKLOADS:
        return WORKLOADS[name]
    if not Path(name).exists():
        raise ValueError(f"{name!r} is neither a file nor one of the workloads {', '.join(WORKLOADS)}")
    read = recorded.read(name, payload)
    return lambda _rng: read


def _recorded(conf: Sequence[str], given: Mapping[str, Any]) -> Maker:
    """Return the work that the history recorded of a queue."""
    from autopyfactory.history.place import HistoryError

    name, until = given["from_history"], given["until"] or datetime.now(UTC)
    since = given["since"] or until - timedelta(days=7)
    try:
        reader = Link(tuple(conf)).history()
        try:
            if name not in reader.queues():
                raise ValueError(f"nothing is kept about {name!r}")
            counts = [
                (r.started.timestamp(), float(r.inputs.wms.ready), float(r.inputs.wms.running))
                for r in (stored.record for stored in reader.span(name, since, until))
                if r.inputs is not None and r.inputs.wms is not None
            ]
        finally:
            reader.close()
    except HistoryError as err:
        raise ValueError(str(err)) from err
    found = recorded.from_counts(name, counts, given["payload"])
    return lambda _rng: found


def _at(workload: Workload, ce: str | None) -> Workload:
    if not ce:
        return workload
    return replace(workload, sites=tuple(parse_ce(ce, site) for site in workload.sites))


def _sides(conf: Sequence[str], given: Mapping[str, Any]) -> Iterator[Side]:
    queue = chain.load(conf, given["queue"])
    yield from _settings(Side(queue.name, "", queue), given["sweep"])
    if not given["against"]:
        return
    text: str = given["against"]
    for policy in (glideinwms("as it comes"), harvester("as it comes")):
        if text.lower() == policy.family.lower():
            yield Side(policy.family, "", queue, policy)
            return
    other = chain.load(text.split(","), given["against_queue"])
    yield from _settings(Side(f"{other.name} of {Path(text).name}", "", other), given["sweep"])


def _settings(side: Side, sweeps: Sequence[str]) -> Iterator[Side]:
    """Yield a side as configured, and with every value of every swept option that its rules have."""
    yield side
    for sweep in sweeps:
        key, equals, values = sweep.partition("=")
        if not equals:
            raise ValueError(f"--sweep needs KEY=VALUE,...: {sweep!r}")
        if side.queue.has_option(key.strip()):
            for value in (v.strip() for v in values.split(",")):
                changed = side.queue.with_option(key.strip(), value)
                yield replace(side, setting=f"{key.strip()} = {value}", queue=changed)


def _runs(side: Side, maker: Maker, given: Mapping[str, Any]) -> list[Result]:
    queue, found = side.queue, []
    for seed in _seeds(given, 1):
        workload = _at(maker(Random(seed)), given["ce"])
        timing = replace(workload.timing, cycle=float(queue.options.sleep), poll=given["poll"])
        workload = replace(workload, timing=timing)
        chains = [side.chain(workload) for _ in workload.sites]
        pool = side.policy is not None and side.policy.pool
        simulation = Simulation(
            chains,
            workload,
            seed=seed,
            queue=queue.name,
            cores=queue.options.cores,
            memory_mb=queue.options.memory_mb,
            pool=pool,
        )
        found.append(simulation.run())
    return found


def _seeds(given: Mapping[str, Any], by_default: int) -> range:
    return range(given["first_seed"], given["first_seed"] + (given["seeds"] or by_default))


def _draw(
    sides: Sequence[Side], results: Mapping[str, Sequence[Result]], path: str, workload: Workload
) -> None:
    title = f"{workload.name}: {workload.description}"
    try:
        if len(sides) <= len({side.name for side in sides}):
            picture.draw({n: rs[0] for n, rs in results.items()}, path, title)
            return
        marks = [
            picture.Mark(s.name, _point(results[s.label]), s.name == sides[0].name, not s.setting)
            for s in sides
        ]
        picture.bargains({"": marks}, path, title, UNITS)
    except picture.NoPlots as err:
        fail(str(err))


def _point(results: Sequence[Result]) -> tuple[float, float]:
    return fmean(r.mean_wait for r in results), fmean(r.empty_hours for r in results)


# --- all policies -------------------------------------------------------------------------------


def compare_all(workload: str | None, as_json: bool, given: Mapping[str, Any]) -> None:
    """Hold Adaptive against every setting of every reference; print tables, write the picture.

    Raises ValueError for a workload that does not exist.
    """
    names = list(FOR_DEVELOPING if given["training"] else FOR_JUDGING) if workload is None else [workload]
    if not set(names) <= set(WORKLOADS):
        raise ValueError(f"{workload!r} is not one of the workloads {', '.join(WORKLOADS)}")
    found = compare.scores(
        [*references(), *_ours()],
        names,
        _seeds(given, 8),
        given["processes"],
        lambda text: echo(text, err=True),
    )
    verdicts = compare.judge_all(found)
    one = compare.everywhere(found)
    if given["plot"]:
        _draw_all(found, one, given["plot"])
    if as_json:
        print_json(_plain(found, verdicts, one))
        return
    echo("Each policy as it comes:\n")
    echo(tables.defaults_table(found))
    echo("\nAdaptive in its one setting against the hull of all settings of all references:\n")
    echo(tables.verdicts_table(verdicts))
    echo("\n" + tables.summary(verdicts, one, compare.everywhere(found, relative=False)))
    echo("\nWhat each part of it is worth, in means over the workloads:\n")
    others = {label: compare.judge_all(found, label) for label in OTHER_SETTINGS}
    echo(tables.settings_table({"as it comes": verdicts, **others}))


def _ours() -> Iterator[Policy]:
    yield adaptive()
    for label, options in OTHER_SETTINGS.items():
        yield adaptive(label, options)


def _plain(
    found: Mapping[str, Sequence[compare.Score]],
    verdicts: Sequence[compare.Verdict],
    one: compare.Everywhere,
) -> dict[str, Any]:
    rows = {
        name: [
            {"policy": s.policy.family, "setting": s.policy.label, "runs": [asdict(r) for r in s.runs]}
            for s in scores
        ]
        for name, scores in found.items()
    }
    judged = [{k: v for k, v in _fields(verdict)} for verdict in verdicts]
    return {
        "runs": rows,
        "verdicts": judged,
        "one setting": {"saved": one.saved, "wait": one.wait, "waste": one.waste},
    }


def _fields(verdict: compare.Verdict) -> Iterator[tuple[str, Any]]:
    for name in ("workload", "waste", "saved", "low", "high", "wait", "faster", "idle_saved", "operations"):
        yield name, getattr(verdict, name)


def _draw_all(found: Mapping[str, Sequence[compare.Score]], one: compare.Everywhere, path: str) -> None:
    panels = {
        name: [_mark(s.policy, s.point("empty_hours")) for s in scores] for name, scores in found.items()
    }
    panels["one setting for all, in multiples of Ready's"] = [_mark(p, xy) for p, xy in one.points.items()]
    try:
        title = "Wait against waste: every setting a point, over the seeds' means"
        picture.bargains(panels, path, title, UNITS)
    except picture.NoPlots as err:
        fail(str(err))


def _mark(policy: Policy, point: tuple[float, float]) -> picture.Mark:
    return picture.Mark(policy.family, point, policy.family == OURS, policy.default)
