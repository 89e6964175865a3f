"""The test bed's command line."""

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from testbed import condor
from testbed.errors import TestbedError
from testbed.factory import CONF, write_factory
from testbed.grid import Grid


def main(words: list[str] | None = None) -> int:
    """Do one command; 0 when it was done, 1 with one line on standard error when it was not."""
    options = _parser().parse_args(words)
    try:
        options.do(options)
    except TestbedError as error:
        print(f"testbed: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="testbed", description="A grid on one machine, for tests and demos")
    place = default_directory()
    parser.add_argument("--directory", type=Path, default=place, help="where it lives (default: %(default)s)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="get HTCondor's programs, without starting any")
    build.set_defaults(do=_build)
    up = commands.add_parser("up", help="start everything and leave it running")
    up.set_defaults(do=_up)
    down = commands.add_parser("down", help="end everything and remove it")
    down.set_defaults(do=lambda options: Grid.load(options.directory).down())
    status = commands.add_parser("status", help="show what runs")
    status.add_argument("--json", action="store_true")
    status.set_defaults(do=_status)
    env = commands.add_parser("env", help="print shell exports for talking to one pool")
    env.add_argument("name", metavar="NAME", help="ap, ce1, ce2 or vo")
    env.add_argument("--admin", action="store_true", help="as its administrator, not as one of its users")
    env.set_defaults(do=_env)
    factory = commands.add_parser("factory", help="write the configuration of a factory on this grid")
    factory.add_argument("folder", metavar="DIR", type=Path, help="where to; made if need be")
    factory.set_defaults(do=_factory)
    return parser


def default_directory() -> Path:
    """One place per user, so that ``down`` finds what ``up`` started."""
    return Path(tempfile.gettempdir(), f"autopyfactory-testbed-{os.geteuid()}")


def _build(_options: argparse.Namespace) -> None:
    found = condor.find()
    print(f"HTCondor {found.version} in {found.release}")


def _up(options: argparse.Namespace) -> None:
    begin = time.monotonic()
    grid = Grid(options.directory, attached=False)
    grid.up()
    print(f"up in {time.monotonic() - begin:.1f} s in {grid.directory}")
    for name, pool in grid.pools.items():
        print(f"  {name:4} collector {pool.collector}  schedd {pool.schedd}")


def _factory(options: argparse.Namespace) -> None:
    for path in write_factory(Grid.load(options.directory), options.folder):
        print(f"wrote {path}")
    print(f"Next: autopyfactory check --conf {options.folder / CONF}, and see docs/first-factory.md")


def _status(options: argparse.Namespace) -> None:
    rows = Grid.load(options.directory).status()
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    print(f"{'':4} {'':5} {'collector':16} {'schedd':16} {'procs':>5}  jobs; slots")
    for row in rows:
        counts = f"{_counts(row.jobs)}; {_counts(row.slots)}"
        state = "up" if row.alive else "down"
        print(f"{row.name:4} {state:5} {row.collector:16} {row.schedd:16} {row.processes:5}  {counts}")


def _counts(tally: Mapping[str, int] | None) -> str:
    if tally is None:
        return "no answer"
    return ", ".join(f"{number} {name}" for name, number in tally.items()) or "none"


def _env(options: argparse.Namespace) -> None:
    pools = Grid.load(options.directory).pools
    if options.name not in pools:
        raise TestbedError(f"no pool {options.name!r}: there are {', '.join(pools)}")
    pool = pools[options.name]
    exports = dict(pool.exports)
    if options.admin:
        exports["CONDOR_CONFIG"] = str(pool.directory / "condor_config")
    authority = pool.directory / "etc/authority.pem"
    if authority.exists():  # who shows a token to a site must trust its certificate, as our daemons do
        exports["_CONDOR_AUTH_SSL_CLIENT_CAFILE"] = str(authority)
    for name, value in exports.items():
        print(f"export {name}={shlex.quote(value)}")
    print(f'export PATH={shlex.quote(f"{pool.condor.bin}:{pool.condor.sbin}")}:"$PATH"')
