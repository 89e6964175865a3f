"""Pilots that real schedds hold: what `why` makes of the reasons, and of who holds them.

Each pilot is broken in one way, some in our own pool and some at a CE; all are asked for as `why` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.target import Target
from autopyfactory.why.groups import kind_of_group
from autopyfactory.why.troubles import troubles
from patience import until
from testbed.condor import Condor
from testbed.grid import Grid
from testbed.pool import SITE, Pool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

FACTORY = "holds"
DEADLINE = 30.0
SYSTEM = {"SYSTEM_PERIODIC_HOLD": "ApfSystem =?= true"}
SOON = "(time() - QDate) > 1"


@pytest.fixture(scope="module")
def local(make_pool: Callable[..., Pool]) -> Pool:
    """A pool of our own that runs pilots."""
    return make_pool("local", SITE, **SYSTEM)


@pytest.fixture(scope="module")
def remote(condor_folder: Condor, place: Path) -> Iterator[Grid]:
    """An access point and a CE."""
    whole = Grid(place / "grid", condor=condor_folder, sites=("ce1",), settings={"ce1": SYSTEM})
    with whole:
        yield whole


class Files:
    """Wrappers, as the user who runs the pools sees them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o755)
        self.folder = folder
        self.sleeps = self.make("sleeps.sh", "#!/bin/sh\nsleep 300\n")
        self.quick = self.make("quick.sh", "#!/bin/sh\nexit 0\n")
        self.broken = self.make("broken.sh", "#!/no/such/interpreter\n")

    def make(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def gone(self) -> str:
        """Return a file that will not be there when it is wanted."""
        return self.make("gone", "")


@pytest.fixture(scope="module")
def files(place: Path) -> Files:
    return Files(place / "files")


def held(
    pool: Pool, queue: str, commands: dict[str, str], after: Callable[[], object] = lambda: None
) -> set[str]:
    """Submit a pilot of `queue`, do `after`, and return the kinds of reasons for which it is held."""
    client = CondorClient(Target(pool.schedd, pool.collector))
    description = {
        "should_transfer_files": "YES",
        "when_to_transfer_output": "ON_EXIT",
        "request_memory": "1",
        "request_disk": "1",
        "log": str(pool.directory / "tmp" / f"{queue}.log"),
        "+ApfFactory": f'"{FACTORY}"',
        "+MATCH_APF_QUEUE": f'"{queue}"',
        **commands,
    }
    try:
        client.submit(description, 1, deadline=DEADLINE)
        after()

        def kinds() -> set[str]:
            return {kind_of_group(g).code for g in troubles(client, queue, FACTORY, DEADLINE).held}

        return until(kinds, f"a pilot of {queue} held")
    finally:
        client.close()


def test_rules_and_people_of_our_own(local: Pool, files: Files) -> None:
    vanilla = {"universe": "vanilla", "executable": files.sleeps}

    def by_hand() -> None:
        local.run("condor_hold", "-reason", "no space left, they say", "-constraint", 'APF_QUEUE == "person"')

    assert held(local, "own", vanilla | {"periodic_hold": SOON}) == {"own-policy"}
    assert held(local, "system", vanilla | {"+ApfSystem": "true"}) == {"schedd-policy"}
    assert held(local, "person", vanilla | {"+APF_QUEUE": '"person"'}, by_hand) == {"held-by-person"}
    assert held(local, "on-hold", vanilla | {"hold": "true"}) == {"submitted-on-hold"}
    assert held(local, "too-long", vanilla | {"allowed_job_duration": "1"}) == {"resource-limit"}


def test_files_that_are_missing_here_and_at_the_node(local: Pool, files: Files) -> None:
    vanilla = {"universe": "vanilla", "executable": files.sleeps}
    gone = files.gone()
    asked = vanilla | {"transfer_input_files": gone}
    assert held(local, "here", asked, Path(gone).unlink) == {"files-not-sent"}
    assert held(local, "interpreter", vanilla | {"executable": files.broken}) == {"wrapper-cannot-start"}
    leaves_nothing = vanilla | {"executable": files.quick, "transfer_output_files": "result.tar"}
    assert held(local, "there", leaves_nothing) == {"node-file-missing"}


def test_what_a_ce_holds_is_told_from_what_we_hold(remote: Grid, files: Files) -> None:
    """The same codes: the CE's schedd has rules and people, too."""
    ap, site = remote.ap, remote.sites["ce1"]
    ce = {
        "universe": "grid",
        "grid_resource": remote.grid_resource("ce1"),
        "scitokens_file": str(remote.site_token("ce1")),
        "executable": files.sleeps,
        "+remote_ShouldTransferFiles": '"YES"',
        "+remote_WhenToTransferOutput": '"ON_EXIT"',
    }

    def by_hand() -> None:
        def held_there() -> bool:
            done = site.run("condor_hold", "-constraint", 'RemoteMark == "x"', check=False)
            return done.returncode == 0

        until(held_there, "the pilot at the CE")

    assert held(ap, "own", ce | {"periodic_hold": SOON}) == {"own-policy"}
    assert held(ap, "theirs", ce | {"+remote_ApfSystem": "true"}) == {"ce-policy"}
    person = ce | {"+remote_RemoteMark": '"x"'}
    assert held(ap, "person", person, by_hand) == {"held-by-person"}
    (group,) = troubles(CondorClient(Target(ap.schedd, ap.collector)), "person", FACTORY, DEADLINE).held
    assert kind_of_group(group).who == "site"
