"""`probe` and `onboard` at a real CE: what it refuses, and what goes well, is told as it is.

One factory runs, with a queue for each credential; nothing has work, so only what people ask for is sent.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autopyfactory.cli.main import cli
from factorybox import Box, Daemon
from patience import until
from servers.issuer import Issuer
from sitekit import shown
from testbed.condor import Condor
from testbed.grid import PILOT, Grid
from testbed.issuer import KEY_ID, URL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ALL = "compute.read compute.create compute.modify compute.cancel"
SCRIPT = """#!/bin/sh
sleep 2
echo 'APF-SUMMARY {"schema": 1, "exit": 0, "outcome": "ok", "host": "node1", "payload": {"total": 1}}'
"""
SICK = """#!/bin/sh
echo 'APF-SUMMARY {"schema": 1, "exit": 1, "outcome": "unfit", "owner": "site", "reason": "no disk"}'
exit 1
"""


class World:
    """A grid, and a factory whose queues have no work."""

    def __init__(self, grid: Grid, folder: Path) -> None:
        self.ap, self.ce = grid.ap, grid.sites["ce1"]
        self.issuer = Issuer()
        self.issuer.name = URL
        self.issuer.sign_with((grid.ap.directory / "secrets/issuer.key").read_bytes(), KEY_ID)
        us = re.escape(URL).replace("/", r"\/")
        self.ce.write_secret(self.ce.directory / "etc/identities", f"SCITOKENS /^{us},pilot-.*$/ {PILOT}\n")
        self.ce.run("condor_reconfig")
        self.box = Box(folder, self.ap, "prober")
        self.conf = ""
        self.daemon: Daemon

    def script(self, name: str, text: str) -> str:
        path = self.box.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def queue(self, name: str, token: str | None, script: str, **options: str) -> None:
        more = {}
        if token is not None:
            file = self.box.folder / "tokens" / name
            self.ap.write_secret(file, token + "\n")
            more["batchsubmit__condorce__tokenfile"] = str(file)
        self.box.queue(
            name,
            batchsubmitplugin="CondorCE",
            executable=script,
            wmsstatus__file__absent="zero",
            sched__maxtorun__maximum="8",
            **{
                "batchsubmit__condorce__gridresource": self.ce.collector,
                "batchsubmit__condorce__schedd": self.ce.schedd,
                **more,
                **options,
            },
        )

    def made(self, **claims: object) -> str:
        return self.issuer.made(**{"aud": self.ce.collector, "scope": ALL, **claims})

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["--conf", self.conf, *words])


REFUSED: dict[str, dict[str, object]] = {
    "scope": {"scope": "compute.read"},
    "audience": {"aud": "another-ce.example.org:9619"},
    "subject": {"sub": "stranger"},
    "expired": {"lifetime": -3600},
}


@pytest.fixture(scope="module")
def world(condor_folder: Condor, place: Path) -> Iterator[World]:
    quick = {
        "GRIDMANAGER_RESOURCE_PROBE_INTERVAL": "5", "GRIDMANAGER_CONTACT_SCHEDD_DELAY": "1",
        "C_GAHP_CONTACT_SCHEDD_DELAY": "1", "GRIDMANAGER_JOB_PROBE_INTERVAL": "2",
    }  # fmt: skip
    settings = {"ce1": {"SCITOKENS_SERVER_AUDIENCE": "$(COLLECTOR_HOST)"}, "ap": quick}
    with Grid(place / "grid", sites=("ce1",), settings=settings, condor=condor_folder) as grid:
        made = World(grid, place / "factory")
        good, sick = made.script("good.sh", SCRIPT), made.script("sick.sh", SICK)
        made.queue("good", made.made(), good)
        made.queue("sick", made.made(), sick)
        made.queue("broken", made.made(), made.script("broken.sh", "#!/no/such/interpreter\n"))
        made.queue("missing", None, good)
        made.queue("nohost", made.made(), good, batchsubmit__condorce__gridresource="no-such.invalid:9619")
        made.queue("noport", made.made(), good, batchsubmit__condorce__gridresource="127.0.0.1:1")
        for name, claims in REFUSED.items():
            made.queue(name, made.made(**claims), good)
        made.conf = ",".join(made.box.write())
        trusts = {"_CONDOR_AUTH_SSL_CLIENT_CAFILE": str(grid.ap.directory / "etc/authority.pem")}
        path = f"{grid.ap.condor.bin}:{grid.ap.condor.sbin}:{os.environ['PATH']}"
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**grid.ap.exports, **trusts, "PATH": path}.items():
                patch.setenv(name, value)
            made.daemon = Daemon(made.box)
            try:
                until(made.daemon.socket.exists, "the daemon")
                until(lambda: made.run("status").exit_code == 0, "the factory")
                yield made
            finally:
                made.daemon.terminate()


@pytest.fixture(scope="module")
def probes(world: World) -> dict[str, dict[str, Any]]:
    """Every queue probed, side by side: most of the time is HTCondor's own."""

    names = [name for name in world.box.queues if name != "good"]
    found = {name: world.daemon.ask("probe", queue=name, by="a test", limit=400) for name in names}

    def over() -> int:
        for name, one in found.items():
            if one["outcome"] == "under way":
                found[name] = world.daemon.ask("probed", probe=one["probe"])
        return sum(one["outcome"] != "under way" for one in found.values())

    for n in range(1, len(names) + 1):  # each within the patience of tests
        until(lambda n=n: over() >= n, f"the end of {n} probes", 1)
    return found


def test_a_pilot_goes_through_every_stage(world: World) -> None:
    done = world.run("probe", "good")
    assert done.exit_code == 0, done.output
    shown("autopyfactory probe good", done.stdout)


@pytest.mark.parametrize("name", [*REFUSED, "missing"])
def test_credentials_that_the_ce_refuses(world: World, probes: dict[str, Any], name: str) -> None:
    """What the CE says, or what it does not say, is told as a matter of credentials."""
    found = probes[name]
    assert found["first_wrong"]["who"] == "credentials", found
    if name == "expired":  # which is known before it is tried
        assert (found["outcome"], found["pilots"]) == ("refused", []), found
        assert "expired" in found["first_wrong"]["words"], found
        return
    assert found["outcome"] == "wrong", found
    assert found["first_wrong"]["code"] in ("credential-refused", "ce-refuses"), found
    assert found["first_wrong"]["stage"] == "at the CE", found
    until(lambda: world.box.pilots(name) == 0, "what went wrong is taken back")


def test_names_that_are_wrong(probes: dict[str, Any]) -> None:
    assert (probes["nohost"]["first_wrong"]["code"], probes["nohost"]["first_wrong"]["who"]) == (
        "ce-unknown",
        "us",
    ), probes["nohost"]
    assert (probes["noport"]["first_wrong"]["code"], probes["noport"]["first_wrong"]["who"]) == (
        "ce-down",
        "site",
    ), probes["noport"]
    assert "Connection refused" in probes["noport"]["first_wrong"]["words"]


def test_pilots_that_cannot_start_or_find_the_node_unfit(probes: dict[str, Any]) -> None:
    broken = probes["broken"]["first_wrong"]
    assert (broken["code"], broken["who"]) == ("wrapper-cannot-start", "us"), broken
    sick = probes["sick"]["first_wrong"]
    assert (sick["stage"], sick["who"]) == ("payloads", "site"), sick
    assert "no disk" in sick["words"]


def test_onboarding_ramps_up_and_stops_where_it_goes_wrong(world: World) -> None:
    done = world.run("onboard", "good")
    assert done.exit_code == 0, done.output
    shown("autopyfactory onboard good", done.stdout)
    (row,) = json.loads(world.run("status", "good", "--json").stdout)["queues"]
    assert row["pause"] is None, "at once, whatever its last cycle said"

    done = world.run("onboard", "sick")
    assert done.exit_code == 1, done.output
    assert "step 1 of 3: 1 pilot" in done.stdout
    assert "step 2 of 3" not in done.stdout
    (row,) = json.loads(world.run("status", "sick", "--json").stdout)["queues"]
    assert "onboarding stopped at step 1 (1 pilot)" in row["pause"]
    assert "no disk" in row["pause"]

    done = world.run("onboard", "expired")
    assert done.exit_code == 1, done.output
    assert "stopped at the look at the site (credential)" in done.stdout
    assert "step 1" not in done.stdout, "nothing is sent"
