"""`autopyfactory simulate`: what a chain decides for given counts, or does over hours of simulated time."""

from __future__ import annotations

import json as json_module
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from autopyfactory.cli.confoption import conf_option
from autopyfactory.model.decision import CycleInputs, RecentPilots, Rule, decide
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.options.problem import ConfigError

if TYPE_CHECKING:
    from autopyfactory.simulate.chain import SimulatedQueue
    from autopyfactory.simulate.compare import Maker
    from autopyfactory.simulate.models import CEModel
    from autopyfactory.simulate.run import Result

UNKNOWN = "unknown"
F = TypeVar("F", bound=Callable[..., Any])
Side: TypeAlias = "tuple[Sequence[Rule], SimulatedQueue]"


def _count(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Return a number of jobs or pilots; None for the word `unknown`."""
    if value is None or value.lower() == UNKNOWN:
        return None
    if not value.isdecimal():
        raise click.BadParameter(f"{value!r} is neither a whole number nor {UNKNOWN}")
    return int(value)


def _count_option(*names: str, default: str | None = "0", help: str) -> Callable[[F], F]:
    return click.option(
        *names, metavar=f"N|{UNKNOWN}", default=default, callback=_count, show_default=True, help=help
    )


@click.command("simulate")
@conf_option
@click.option("--queue", metavar="NAME", help="The queue whose chain is tried; the first one by default.")
@_count_option("--ready", "--activated", "ready", help="Jobs ready in the WMS.")
@_count_option("--jobs-running", help="Jobs running in the WMS.")
@_count_option("--pending", help="Pilots pending.")
@_count_option("--running", help="Pilots running.")
@click.option("--status", default="online", show_default=True, help="Status of the site, or unknown.")
@_count_option("--factory", default=None, help="Pilots of all queues; by default those of this one.")
@_count_option("--at-ce", default=None, help="Pilots at the CE; by default those of this queue.")
@_count_option("--sent", help="Pilots this queue has ever sent.")
@click.option("--now", type=click.DateTime(), help="Time in UTC, for Downtime and Hours.")
@click.option("--workload", metavar="NAME|FILE", help="Simulate hours of this work; `list` shows the names.")
@click.option(
    "--ce", metavar="MODEL", help="The CE, as NAME or KEY=VALUE,...; by default the workload's own."
)
@click.option(
    "--payload",
    type=click.FloatRange(min=1),
    default=1800.0,
    show_default=True,
    help="Seconds that a payload runs, for recorded counts.",
)
@click.option(
    "--poll",
    type=click.FloatRange(min=1),
    default=30.0,
    show_default=True,
    help="Seconds between two looks at WMS and schedd; a cycle takes apfqueue.sleep.",
)
@click.option("--against", metavar="FILE|POLICY", help="A second configuration, glideinWMS, or Harvester.")
@click.option("--against-queue", metavar="NAME", help="The queue of the second configuration.")
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Repetitions.")
@click.option("--first-seed", type=int, default=1, show_default=True, help="Seed of the first of them.")
@click.option("--plot", metavar="FILE", help="Write a picture (PNG).")
@click.option("--compare", is_flag=True, help="Compare all policies over all workloads (takes minutes).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(conf: tuple[str, ...], compare: bool, workload: str | None, as_json: bool, **given: Any) -> None:
    """Try a configuration on simulated work.

    Without --workload: what the chain of a queue decides for the given counts, step by step; the last line is
    the number of pilots. With --workload: hours of simulated time against a simulated CE. FILE may be the
    factory's configuration or a bare file with one section.
    """
    try:
        if compare:
            _compare(_seeds(given), as_json)
        elif workload == "list":
            _list()
        elif workload is not None:
            _over_time(conf, workload, as_json, given)
        else:
            _once(conf, as_json, given)
    except ConfigError as err:
        raise click.ClickException("\n".join(str(p) for p in err.problems)) from err
    except (ValueError, OSError) as err:
        raise click.ClickException(str(err)) from err


# --- one decision -------------------------------------------------------------------------------


def _once(conf: Sequence[str], as_json: bool, given: dict[str, Any]) -> None:
    from autopyfactory.simulate import chain, tables

    queue = chain.load(conf, given["queue"])
    decision = decide(queue.chain, _inputs(queue, given))
    if as_json:
        click.echo(json_module.dumps({"queue": queue.name, **asdict(decision)}, indent=2))
        return
    click.echo(f"queue {queue.name}")
    click.echo(tables.steps(queue, decision))
    click.echo(decision.n)


def _inputs(queue: SimulatedQueue, given: dict[str, Any]) -> CycleInputs:
    ready, jobs = given["ready"], given["jobs_running"]
    pending, running = given["pending"], given["running"]
    known = pending is not None and running is not None
    own = pending + running if known else None
    at_ce = own if given["at_ce"] is None else given["at_ce"]
    status, sent = given["status"], given["sent"]
    return CycleInputs(
        queue=queue.name,
        wms=None if ready is None else WMSQueueInfo(ready=ready, running=jobs or 0),
        batch=BatchQueueInfo(pending=pending, running=running) if known else None,
        site=None if status == UNKNOWN else SiteInfo(status=status),
        history=None if sent is None else RecentPilots(submitted_total=sent),
        factory_active=own if given["factory"] is None else given["factory"],
        now=(given["now"] or datetime.now(UTC)).replace(tzinfo=UTC),
        cores=queue.options.cores,
        memory_mb=queue.options.memory_mb,
        scope_active={} if at_ce is None else {"ce": at_ce},
    )


# --- hours of simulated time --------------------------------------------------------------------


def _list() -> None:
    from autopyfactory.simulate.models import CES
    from autopyfactory.simulate.workloads import WORKLOADS

    for name, maker in WORKLOADS.items():
        click.echo(f"{name:10} {maker(Random(1)).description}")
    click.echo(f"\nmodels for --ce: {', '.join(CES)}; keys: {', '.join(_ce_keys())}")


def _ce_keys() -> list[str]:
    from autopyfactory.simulate.models import CEModel

    return [name for name, kind in CEModel.__annotations__.items() if kind in ("int", "float")]


def _workload(name: str, payload: float) -> Maker:
    from autopyfactory.simulate import recorded
    from autopyfactory.simulate.workloads import WORKLOADS

    if name in WORKLOADS:
        return WORKLOADS[name]
    if not Path(name).exists():
        raise ValueError(f"{name!r} is neither a file nor one of the workloads {', '.join(WORKLOADS)}")
    read = recorded.read(name, payload)
    return lambda _rng: read


def _second(text: str, first: SimulatedQueue, queue: str | None) -> tuple[str, Side]:
    """Return name, rules and cycle of what the configuration is held against."""
    from autopyfactory.simulate import chain
    from autopyfactory.simulate.reference import GlideinWMS, Harvester

    for policy in (GlideinWMS(), Harvester()):
        if text.lower() == policy.name.lower():
            return policy.name, ((policy,), first)
    other = chain.load(text.split(","), queue)
    return f"{other.name} of {Path(text).name}", (other.chain, other)


def _over_time(conf: Sequence[str], workload: str, as_json: bool, given: dict[str, Any]) -> None:
    from autopyfactory.simulate import chain, tables, terminal
    from autopyfactory.simulate.models import parse_ce

    maker = _workload(workload, given["payload"])
    example = maker(Random(1))
    ce = parse_ce(given["ce"], example.ce) if given["ce"] else example.ce
    queue = chain.load(conf, given["queue"])
    sides: dict[str, Side] = {queue.name: (queue.chain, queue)}
    if given["against"]:
        name, side = _second(given["against"], queue, given["against_queue"])
        sides[name if name != queue.name else f"{name} (2)"] = side
    results = {n: _runs(side, maker, ce, given) for n, side in sides.items()}
    if given["plot"]:
        _draw(results, given["plot"], f"{example.name}: {example.description}")
    if as_json:
        data = {n: [_plain(r) for r in rs] for n, rs in results.items()}
        click.echo(json_module.dumps({"workload": example.name, "results": data}, indent=2))
        return
    click.echo(f"{example.name}: {example.description}\n")
    for line in tables.notes(queue):
        click.echo(line)
    for name, runs in results.items():
        click.echo(terminal.plot(runs[0], title=name) + "\n")
    click.echo(tables.totals(results))


def _runs(side: Side, maker: Maker, ce: CEModel, given: dict[str, Any]) -> list[Result]:
    from autopyfactory.simulate.run import Timing, run

    rules, queue = side
    settings = {
        "queue": queue.name,
        "cores": queue.options.cores,
        "memory_mb": queue.options.memory_mb,
        "timing": Timing(cycle=queue.options.sleep, poll=given["poll"]),
    }
    return [run(rules, maker(Random(s)), ce=ce, seed=s, **settings) for s in _seeds(given)]


def _seeds(given: dict[str, Any]) -> range:
    return range(given["first_seed"], given["first_seed"] + given["seeds"])


def _plain(result: Result) -> dict[str, Any]:
    return asdict(result)


def _draw(results: dict[str, list[Result]], path: str, title: str) -> None:
    from autopyfactory.simulate import picture

    try:
        picture.draw({n: rs[0] for n, rs in results.items()}, path, title)
    except picture.NoPlots as err:
        raise click.ClickException(str(err)) from err


# --- all policies -------------------------------------------------------------------------------


def _compare(seeds: Sequence[int], as_json: bool) -> None:
    from autopyfactory.simulate import compare, tables
    from autopyfactory.simulate.workloads import WORKLOADS

    scores, duels = compare.tournament(WORKLOADS, seeds, lambda text: click.echo(text, err=True))
    if as_json:
        rows = [{"workload": d.workload, "saved": d.saved, "matched": d.matched} for d in duels]
        click.echo(json_module.dumps(rows, indent=2))
        return
    click.echo("Each policy with its defaults:\n")
    click.echo(tables.defaults_table(list(WORKLOADS), scores))
    click.echo("\nAdaptive against the best setting of any reference policy that waits no longer:\n")
    click.echo(tables.duels_table(duels))
