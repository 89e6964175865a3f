"""Writes a factory's configuration for a grid that runs, and jobs for it to serve."""

import os
import shutil
from importlib.resources import files
from pathlib import Path

from autopyfactory.config.starter import CE, Answers, write
from testbed.errors import TestbedError
from testbed.grid import Grid

LABEL = "my-work"
JOBS = 10
PERIOD = 5  # seconds between two looks, and between two decisions: this grid is quick
IDLE = 30  # seconds that a pilot waits for more work
CONF, SUBMIT_FILE = "autopyfactory.conf", "jobs.sub"

USERS_JOBS = """\
# Work for the users' pool: {jobs} jobs, labelled for the factory's queues.
executable = /bin/sleep
arguments = 5
transfer_executable = False
should_transfer_files = YES
when_to_transfer_output = ON_EXIT
request_memory = 100
request_disk = 1024
requirements = True
+MATCH_APF_QUEUE = "{label}"
log = {log}
queue {jobs}
"""


def write_factory(grid: Grid, folder: Path) -> list[Path]:
    """Write a configuration of a factory on `grid` into `folder`, and a file to submit jobs with.

    They belong to the user who runs the pools: nobody else can read the tokens, and the factory is never
    root. Raises TestbedError where there are such files already.
    """
    folder = folder.absolute()
    try:
        written = write(folder, _answers(grid, folder))
    except FileExistsError as error:
        raise TestbedError(f"already there: {error}") from None
    jobs = folder / SUBMIT_FILE
    jobs.write_text(USERS_JOBS.format(jobs=JOBS, label=LABEL, log=folder / "jobs.log"))
    if os.geteuid() == 0:
        for path in (folder, *written, jobs):
            shutil.chown(path, grid.ap.owner)
    return [*written, jobs]


def _answers(grid: Grid, folder: Path) -> Answers:
    glidein = files("autopyfactory").joinpath("wrapper/payloads/glidein.sh")
    token = grid.glidein_token
    return Answers(
        factory_id=f"testbed-{grid.ap.owner}",
        factory_user=grid.ap.owner,
        wmsqueue=LABEL,
        ces=tuple(
            CE(site.collector, site.schedd, str(grid.site_token(name))) for name, site in grid.sites.items()
        ),
        collector=grid.vo.collector,
        schedd=grid.vo.schedd,
        pool_token=str(token),
        pilot_collector=grid.ap.collector,
        pilot_schedd=grid.ap.schedd,
        executable=str(glidein),
        arguments=f"--pool {grid.vo.collector} --label %(wmsqueue)s --token {token.name}"
        f" --condor {grid.vo.condor.release} --idle {IDLE} --cpus 1 --memory 500",
        log_dir=str(folder / "pilots"),
        state_dir=str(folder / "state"),
        max_per_cycle=4,
        max_pending=8,
        max_to_run=8,
        period=PERIOD,
    )
