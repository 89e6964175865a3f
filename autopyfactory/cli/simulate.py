"""`autopyfactory simulate`: what a chain decides for given counts, or does over hours of simulated time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from os import cpu_count
from typing import TYPE_CHECKING, Any, TypeVar

import click

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.link import fail
from autopyfactory.cli.output import print_json
from autopyfactory.cli.terminal import echo
from autopyfactory.cli.timeargs import past_time
from autopyfactory.model.decision import CycleInputs, RecentPilots, decide
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.options.problem import ConfigError

if TYPE_CHECKING:
    from autopyfactory.simulate.chain import SimulatedQueue

UNKNOWN = "unknown"
F = TypeVar("F", bound=Callable[..., Any])


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
    "--from-history", metavar="QUEUE", help="Simulate the work that the history recorded of this queue."
)
@click.option("--since", callback=past_time, metavar="TIME", help="... from then on; default: a week ago.")
@click.option("--until", callback=past_time, metavar="TIME", help="... up to then; default: now.")
@click.option(
    "--ce", metavar="MODEL", help="Every CE, as NAME or KEY=VALUE,...; by default the workload's own."
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
    help="Most seconds that an answer of the schedd is old; a cycle takes apfqueue.sleep.",
)
@click.option("--against", metavar="FILE|POLICY", help="A second configuration, glideinWMS, or Harvester.")
@click.option("--against-queue", metavar="NAME", help="The queue of the second configuration.")
@click.option(
    "--sweep",
    metavar="KEY=VALUE,...",
    multiple=True,
    help="Also try these values of an option, of whichever configuration has it; may be given several times.",
)
@click.option("--seeds", type=click.IntRange(min=1), help="Repetitions; by default 1, with --compare 8.")
@click.option("--first-seed", type=int, default=1, show_default=True, help="Seed of the first of them.")
@click.option("--plot", metavar="FILE", help="Write a picture (PNG).")
@click.option(
    "--compare",
    is_flag=True,
    help="Hold Adaptive against all other policies over the test workloads, or over --workload.",
)
@click.option("--training", is_flag=True, help="... over the workloads that it was developed on.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=cpu_count() or 1,
    show_default="all cores",
    help="Simulations at the same time, for --compare.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(conf: tuple[str, ...], compare: bool, workload: str | None, as_json: bool, **given: Any) -> None:
    """Try a configuration on simulated work.

    Without --workload: what the chain of a queue decides for the given counts, step by step; the last line is
    the number of pilots. With --workload or --from-history: hours of simulated time against a simulated
    grid. FILE may be the factory's configuration or a bare file with one section.
    """
    from autopyfactory.cli import simulatework

    try:
        if compare:
            simulatework.compare_all(workload, as_json, given)
        elif workload == "list":
            simulatework.list_workloads()
        elif workload is not None or given["from_history"]:
            simulatework.over_time(conf, workload, as_json, given)
        else:
            _once(conf, as_json, given)
    except (ConfigError, ValueError, OSError) as err:
        fail(str(err))


# --- one decision -------------------------------------------------------------------------------


def _once(conf: Sequence[str], as_json: bool, given: dict[str, Any]) -> None:
    from autopyfactory.simulate import chain, tables

    queue = chain.load(conf, given["queue"])
    decision = decide(queue.chain, _inputs(queue, given))
    if as_json:
        print_json({"queue": queue.name, **asdict(decision)})
        return
    echo(f"queue {queue.name}")
    echo(tables.steps(queue, decision))
    echo(decision.n)


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
