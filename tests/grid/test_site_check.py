"""`check --online` at a real CE: every credential that it refuses is told as what it is, and nothing is sent.

The CE takes SciTokens and WLCG tokens of one issuer for one audience; HTCondor's own authentication judges.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec

from autopyfactory.cli.main import cli
from factorybox import Box
from servers.issuer import Issuer
from sitekit import looked_at, shown, step
from testbed.condor import Condor
from testbed.grid import PILOT, Grid
from testbed.issuer import KEY_ID, URL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ALL = "compute.read compute.create compute.modify compute.cancel"


class World:
    """An access point, a CE, tokens, and a factory's configuration; no factory runs."""

    def __init__(self, grid: Grid, folder: Path) -> None:
        self.ap, self.ce, self.grid = grid.ap, grid.sites["ce1"], grid
        self.issuer = Issuer()
        self.issuer.name = URL
        self.issuer.sign_with((grid.ap.directory / "secrets/issuer.key").read_bytes(), KEY_ID)
        us = re.escape(URL).replace("/", r"\/")
        self.ce.write_secret(self.ce.directory / "etc/identities", f"SCITOKENS /^{us},pilot-.*$/ {PILOT}\n")
        self.ce.run("condor_reconfig")
        self.box = Box(folder, self.ap, "site-check")

    def queue(self, name: str, token: str | None, **options: str) -> None:
        """Configure a queue that sends to the CE with this token."""
        more = {}
        if token is not None:
            file = self.box.folder / "tokens" / name
            self.ap.write_secret(file, token + "\n")
            more["batchsubmit__condorce__tokenfile"] = str(file)
        self.box.queue(
            name,
            batchsubmitplugin="CondorCE",
            **{
                "batchsubmit__condorce__gridresource": self.ce.collector,
                "batchsubmit__condorce__schedd": self.ce.schedd,
                **more,
                **options,
            },
        )

    def made(self, **claims: object) -> str:
        """Return a token that the CE takes, but for these claims."""
        return self.issuer.made(**{"aud": self.ce.collector, "scope": ALL, **claims})


@pytest.fixture(scope="module")
def world(condor_folder: Condor, place: Path) -> Iterator[World]:
    settings = {"ce1": {"SCITOKENS_SERVER_AUDIENCE": "$(COLLECTOR_HOST)"}}
    with Grid(place / "grid", sites=("ce1",), settings=settings, condor=condor_folder) as grid:
        trusts = {"_CONDOR_AUTH_SSL_CLIENT_CAFILE": str(grid.ap.directory / "etc/authority.pem")}
        path = f"{grid.ap.condor.bin}:{grid.ap.condor.sbin}:{os.environ['PATH']}"
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**grid.ap.exports, **trusts, "PATH": path}.items():
                patch.setenv(name, value)
            yield World(grid, place / "factory")


def test_a_site_that_is_set_up_right(world: World) -> None:
    world.queue("good", world.made())
    look = looked_at(world.box, "good")
    names = ["describe", "credential", "access point", "resolve", "connect", "find schedd", "authenticate"]
    assert [s["step"] for s in look["steps"]] == names
    assert {s["outcome"] for s in look["steps"]} == {"fine"}, look
    assert step(look, "authenticate")["words"].startswith(f"it takes us for {PILOT}, by SCITOKENS")
    assert all(0 <= s["seconds"] < 30 for s in look["steps"])
    assert world.box.pilots() == 0, "nothing is sent"


# What is wrong with a token, what is known of it from here (outcome of the step `credential`).
REFUSED = {
    "audience": ({"aud": "another-ce.example.org:9619"}, "doubtful"),
    "no-audience": ({"aud": None}, "doubtful"),
    "scope": ({"scope": "compute.read compute.create"}, "doubtful"),
    "subject": ({"sub": "stranger"}, "fine"),
    "issuer": ({"iss": "https://127.0.0.1:9"}, "fine"),
    "expired": ({"lifetime": -60}, "wrong"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_token_that_the_ce_refuses(world: World, name: str) -> None:
    claims, known = REFUSED[name]
    world.queue(name, world.made(**claims))
    look = looked_at(world.box, name)
    assert step(look, "connect")["outcome"] == "fine"
    assert step(look, "credential")["outcome"] == known, look
    refused = [s for s in look["steps"] if s["step"] in ("find schedd", "authenticate")]
    assert "wrong" in {s["outcome"] for s in refused}, look
    assert look["who"] == "credentials", look
    assert look["first_wrong"] == ("credential" if known == "wrong" else look["first_wrong"])


def test_a_forged_token_and_none(world: World) -> None:
    payload = jwt.decode(world.made(), options={"verify_signature": False})
    key = ec.generate_private_key(ec.SECP256R1())
    world.queue("forged", jwt.encode(payload, key, "ES256", headers={"kid": KEY_ID}))
    world.queue("missing", None)
    for name in ("forged", "missing"):
        look = looked_at(world.box, name)
        assert look["first_wrong"] in ("find schedd", "authenticate"), look
        assert look["who"] == "credentials", look


def test_a_token_that_is_gone_or_garbage(world: World) -> None:
    world.queue("gone", "x")
    (world.box.folder / "tokens/gone").unlink()
    world.queue("garbage", "this is no token")
    for name in ("gone", "garbage"):
        look = looked_at(world.box, name)
        assert (look["first_wrong"], look["who"]) == ("credential", "credentials"), look


def test_names_and_ports_that_are_wrong(world: World) -> None:
    key = "batchsubmit__condorce__gridresource"
    world.queue("nohost", world.made(), **{key: "no-such-ce.invalid:9619"})
    look = looked_at(world.box, "nohost")
    assert (look["first_wrong"], look["who"]) == ("resolve", "us")
    assert {s["outcome"] for s in look["steps"][4:]} == {"skipped"}

    world.queue("noport", world.made(), **{key: "127.0.0.1:1"})
    look = looked_at(world.box, "noport")
    assert (look["first_wrong"], look["who"]) == ("connect", "site")
    assert "Connection refused" in step(look, "connect")["words"]

    with socket.create_server(("127.0.0.1", 0)) as frozen:  # the kernel takes connections, nobody answers
        world.queue("mute", world.made(), **{key: f"127.0.0.1:{frozen.getsockname()[1]}"})
        look = looked_at(world.box, "mute")
    assert (look["first_wrong"], look["who"]) == ("find schedd", "site"), step(look, "find schedd")
    assert "tell the site" in step(look, "find schedd")["next"]

    world.queue("noschedd", world.made(), batchsubmit__condorce__schedd="another@grid.test")
    look = looked_at(world.box, "noschedd")
    assert look["first_wrong"] == "find schedd", look
    assert "knows no schedd" in step(look, "find schedd")["words"]


def test_a_description_that_htcondor_refuses(world: World) -> None:
    world.queue("badly", world.made(), **{"batchsubmit__condorce__condor_attributes__periodic_hold": "1 +"})
    look = looked_at(world.box, "badly")
    assert (look["first_wrong"], look["who"]) == ("describe", "us"), look
    assert step(look, "authenticate")["outcome"] == "fine", "the rest is looked at all the same"


def test_the_local_pool_and_processes(world: World) -> None:
    world.box.queue("local")
    look = looked_at(world.box, "local")
    assert [s["step"] for s in look["steps"]] == ["describe", "access point", "machines"]
    assert step(look, "machines")["outcome"] == "doubtful", "an access point alone has no machines"
    world.box.queue("processes", batchsubmitplugin="Exec", batchstatusplugin="Exec")
    assert looked_at(world.box, "processes")["outcome"] == "fine"
    world.box.queue("nothing", batchsubmitplugin="Exec", batchstatusplugin="Exec", executable="/no/such")
    look = looked_at(world.box, "nothing")
    assert (look["first_wrong"], look["who"]) == ("describe", "us")


def test_all_queues_as_text(world: World) -> None:
    """Every queue that is enabled, in words, as the documentation shows them."""
    world.box.queues = {}
    world.queue("good", world.made(), sched__maxtorun__maximum="5")
    world.queue("expired", world.made(lifetime=-3600), sched__maxtorun__maximum="5")
    world.queue("off", world.made(), enabled="False", sched__maxtorun__maximum="5")
    conf = ",".join(world.box.write())
    done = CliRunner().invoke(cli, ["--conf", conf, "check", "--online"])
    assert done.exit_code == 1, done.output
    assert "off: CondorCE" not in done.stdout
    said = done.stdout.replace(f"{world.box.folder}/tokens", "/var/lib/tokens")
    shown("autopyfactory check --online good expired", said.partition("\ngood: ")[2].join(("good: ", "")))
