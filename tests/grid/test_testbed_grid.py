"""The test bed's grid: pilots go out through the grid universe, and only with the right token."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from patience import PATIENCE, until
from testbed.grid import PILOT, SUBJECT, Grid
from testbed.issuer import Issuer
from testbed.pool import Pool

TESTBED = Path(__file__).parents[2] / "misc/testbed"

# "sleep 2" as a pilot that tells where it ran and how it ended.
SUBMIT = """
universe = grid
grid_resource = {resource}
executable = /bin/sh
transfer_executable = false
arguments = "-c '/bin/sleep 2; echo done in $_CONDOR_SLOT; exit 3'"
output = {directory}/{name}.out
error = {directory}/{name}.err
log = {directory}/{name}.log
remote_universe = vanilla
should_transfer_files = yes
when_to_transfer_output = on_exit
{token}
queue
"""


def submit(grid: Grid, site: str, name: str, token: Path | None) -> None:
    shown = f"scitokens_file = {token}" if token else ""
    place = grid.ap.directory
    text = SUBMIT.format(resource=grid.grid_resource(site), directory=place, name=name, token=shown)
    grid.ap.run_client("condor_submit", input=text)


def ads(pool: Pool, *attributes: str) -> list[list[str]]:
    done = pool.run("condor_q", "-all", "-af:,", *attributes)
    rows = [line.split(",", len(attributes) - 1) for line in done.stdout.splitlines()]
    return [[word.strip() for word in row] for row in rows]


def made(grid: Grid, name: str, text: str) -> Path:
    file = grid.ap.directory / f"secrets/{name}.token"
    grid.ap.write_secret(file, text + "\n")
    return file


@pytest.mark.slow
def test_pilots_run_with_the_token_for_their_site_and_with_no_other(grid: Grid) -> None:
    """One access point, and two pilots with the right tokens beside those with a wrong one or none."""
    here, issuer = grid.sites["ce1"].schedd, grid.issuer
    wrong = {
        "for another site": grid.site_token("ce2"),
        "expired": made(grid, "expired", issuer.token(SUBJECT, here, lifetime=-10)),
        "of another": made(grid, "another", issuer.token("mallory", here)),
        "forged": made(grid, "forged", Issuer().token(SUBJECT, here)),
        "may only read": made(grid, "reads", issuer.token(SUBJECT, here, scope="condor:/READ")),
        "none": None,
    }
    begin = time.monotonic()
    submit(grid, "ce1", "one", grid.site_token("ce1"))
    submit(grid, "ce2", "two", grid.site_token("ce2"))
    for name, token in wrong.items():
        submit(grid, "ce1", name.replace(" ", "-"), token)

    until(lambda: len(ads(grid.ap, "JobStatus")) == len(wrong), "both good pilots are through", every=0.3)
    print(f"\ntwo pilots of 2 s at two sites: through in {time.monotonic() - begin:.1f} s")
    for name in ("one", "two"):
        assert (grid.ap.directory / f"{name}.out").read_text().startswith("done in slot")
        assert "return value 3" in (grid.ap.directory / f"{name}.log").read_text()

    def refused() -> bool:
        found = ads(grid.ap, "JobStatus", "GridResourceUnavailableTime")
        return all(state == "5" or down != "undefined" for state, down in found)

    until(refused, "all others are refused", every=0.5)
    print(f"refused: {time.monotonic() - begin:.1f} s")
    for log, reason in ads(grid.ap, "UserLog", "HoldReason"):
        print(f"  {Path(log).stem}: {reason}")
    # A site keeps what it ran in its history; nothing but the one good pilot ever got in.
    site = grid.sites["ce1"]
    history = site.run("condor_history", "-af", "User").stdout.split()
    owners = [user for (user,) in ads(site, "User")] + history
    assert owners == [PILOT]


@pytest.mark.parametrize(
    "holder", ["right", "expired", "other-identity", "other-key", "none-but-same-user", "garbage"]
)
def test_only_the_right_token_may_submit(grid: Grid, make_pool: Callable[..., Pool], holder: str) -> None:
    site, client = grid.sites["ce1"], make_pool(f"client-{holder}", start=False)
    client.start()
    tokens = {
        "right": site.token(PILOT),
        "expired": site.token(PILOT, lifetime=0),
        "other-identity": site.token("mallory"),
        "other-key": grid.sites["ce2"].token(PILOT),
        "garbage": "eyJhbGciOiJIUzI1NiIsImtpZCI6IlBPT0wifQ.e30.AAAA",
    }
    if holder == "expired":
        time.sleep(1.1)
    if holder in tokens:
        client.write_secret(client.directory / "client/tokens.d/site", tokens[holder] + "\n")
    ping = ["condor_ping", "-pool", site.collector, "-type", "schedd", "-name", site.schedd, "WRITE"]
    done = client.run_client(*ping, check=False)
    if holder == "right":
        assert f"succeeded as {PILOT}" in done.stdout
    else:
        assert done.returncode != 0
        assert "WRITE failed" in done.stdout


def test_command_line_beside_another_grid(grid: Grid, place: Path) -> None:
    def testbed(*words: str, ok: bool = True) -> str:
        done = subprocess.run(
            [sys.executable, TESTBED, "--directory", place / "second", *words],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert (done.returncode == 0) == ok, done.stderr
        return done.stdout + done.stderr

    begin = time.monotonic()
    testbed("up")
    up = time.monotonic() - begin
    try:
        second = Grid.load(place / "second")
        assert all(pool.alive() for pool in second.pools.values())
        assert not {pool.port for pool in second.pools.values()} & {pool.port for pool in grid.pools.values()}
        assert "8 unclaimed" in testbed("status")
        shell = testbed("env", "vo") + "\ncondor_status -schedd -af Name"
        named = subprocess.run(
            ["sh", "-c", shell], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert named.stdout.split() == [second.vo.schedd]
        assert "up in" in testbed("up", ok=False)
    finally:
        begin = time.monotonic()
        testbed("down")
    print(f"\nup in {up:.1f} s, down in {time.monotonic() - begin:.1f} s")
    assert not (place / "second").exists()
    assert not any(pool.alive() for pool in second.pools.values())
    assert "no grid" in testbed("down", ok=False)
    assert all(pool.alive() for pool in grid.pools.values())
