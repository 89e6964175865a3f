"""Real services for tests.  They end with the tests, also when those are killed."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from testbed import condor
from testbed.grid import Grid
from testbed.pool import ACCESS_POINT, Pool


@pytest.fixture(scope="session")
def condor_folder() -> condor.Condor:
    """HTCondor's programs; the first test run on a machine builds them (ten seconds)."""
    return condor.find()


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A directory for a module's services; it stays when a test has failed, for the logs in it."""
    directory = Path(tempfile.mkdtemp(prefix="apf-grid-"))
    directory.chmod(0o755)  # for root, whose pools run as another user
    before = request.session.testsfailed
    yield directory
    if request.session.testsfailed == before:
        shutil.rmtree(directory)
    else:
        print(f"\nthe services' logs are in {directory}")


@pytest.fixture(scope="module")
def make_pool(condor_folder: condor.Condor, place: Path) -> Iterator[Callable[..., Pool]]:
    """``make_pool(name, daemons, start=, methods=, members=, **settings)``: a pool, stopped at the end."""
    pools: list[Pool] = []

    def make(
        name: str,
        daemons: Sequence[str] = ACCESS_POINT,
        *,
        start: bool = True,
        methods: Sequence[str] = ("FS", "IDTOKENS"),
        members: Sequence[str] = (),
        **settings: str,
    ) -> Pool:
        pool = Pool(
            place / name, name, daemons, settings, methods=methods, members=members, condor=condor_folder
        )
        pools.append(pool)
        if start:
            pool.start()
        return pool

    yield make
    for pool in pools:
        pool.stop()


@pytest.fixture(scope="module")
def ap(make_pool: Callable[..., Pool]) -> Pool:
    """An access point (collector and schedd) of the module's own."""
    return make_pool("ap")


@pytest.fixture(scope="module")
def grid(condor_folder: condor.Condor, place: Path) -> Iterator[Grid]:
    """A whole grid of the module's own: access point, two sites behind tokens, users' pool (3 s)."""
    whole = Grid(place / "grid", condor=condor_folder)
    whole.up()
    yield whole
    for pool in whole.pools.values():
        pool.stop()
