"""Credentials at a real CE: taken, refused with the reason in `why`, renewed while pilots wait and run.

The CE takes SciTokens and WLCG tokens of one issuer, for one audience. The issuer is a stand-in that speaks
OIDC and signs real tokens; all that judges them is HTCondor's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from autopyfactory.api.live import live_state
from autopyfactory.why.explain import explain
from factorybox import Box, InProcess
from patience import until
from servers.issuer import Issuer
from testbed.condor import Condor
from testbed.grid import PILOT, Grid
from testbed.issuer import KEY_ID, URL
from testbed.settings import DOMAIN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# A session outlives the token that it began with; short ones make the CE look at tokens again and again.
SESSIONS = {"SEC_DEFAULT_SESSION_DURATION": "15", "SEC_DEFAULT_SESSION_LEASE": "15"}
QUICK = {"GRIDMANAGER_CHECKPROXY_INTERVAL": "2", "GRIDMANAGER_PROXY_REFRESH_INTERVAL": "2", **SESSIONS}
ALL = "compute.read compute.create compute.modify compute.cancel"


class World:
    """An access point, a CE, an issuer."""

    def __init__(self, grid: Grid, issuer: Issuer) -> None:
        self.ap, self.ce, self.issuer = grid.ap, grid.sites["ce1"], issuer
        issuer.name = URL
        issuer.sign_with((grid.ap.directory / "secrets/issuer.key").read_bytes(), KEY_ID)
        us = re.escape(URL).replace("/", r"\/")
        self.ce.write_secret(self.ce.directory / "etc/identities", f"SCITOKENS /^{us},pilot-.*$/ {PILOT}\n")
        self.ce.run("condor_reconfig")

    def box(self, folder: Path, name: str) -> Box:
        made = Box(folder / "f", self.ap, name)
        for path in (made.folder, *made.folder.parents[:2]):
            path.chmod(0o755)
        script = made.folder / "pilot.sh"
        script.write_text("#!/bin/sh\nsleep ${1:-1}\necho done\n")
        script.chmod(0o755)
        return made

    def queue(self, box: Box, name: str, **options: str) -> None:
        box.queue(
            name,
            batchsubmitplugin="CondorCE",
            batchsubmit__condorce__gridresource=self.ce.collector,
            batchsubmit__condorce__schedd=self.ce.schedd,
            **{"executable": str(box.folder / "pilot.sh"), "sched__maxtorun__maximum": "1", **options},
        )

    def made(self, **claims: Any) -> str:
        """Return a token that the CE takes, but for these claims."""
        return self.issuer.made(**{"aud": self.ce.collector, "scope": ALL, **claims})


@pytest.fixture(scope="module")
def world(condor_folder: Condor, place: Path) -> Iterator[World]:
    takes = {"SCITOKENS_SERVER_AUDIENCE": "$(COLLECTOR_HOST)", "SCHEDD_AUDIT_LOG": "$(LOG)/AuditLog"}
    settings = {"ap": QUICK, "ce1": {**SESSIONS, **takes}}
    grid = Grid(place / "grid", sites=("ce1",), settings=settings, condor=condor_folder)
    with grid, Issuer() as issuer:
        yield World(grid, issuer)


def profiles(box: Box, text: str) -> None:
    auth = box.folder / "auth.conf"
    auth.write_text(text)
    auth.chmod(0o600)
    box.factory_options["authConf"] = str(auth)


def client(world: World, name: str, **more: str) -> str:
    lines = {
        "plugin": "Token", "token.flow": "client", "token.issuer": world.issuer.url,
        "token.client_id": "factory", "token.client_secret": world.issuer.secret.replace("%", "%%"),
        "token.audience": "{ce}", **{k.replace("__", "."): v for k, v in more.items()},
    }  # fmt: skip
    return f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items())


def statuses(box: Box) -> list[str]:
    return [row[0] for row in box.ads("JobStatus")]


def test_a_token_is_got_for_the_ce_and_takes_a_pilot_there(world: World, tmp_path: Path) -> None:
    box = world.box(tmp_path, "got")
    profiles(box, client(world, "wlcg"))
    world.queue(box, "q1", batchsubmit__condorce__auth="wlcg", schedplugin="Ready, MaxToSubmit",
                sched__maxtosubmit__maximum="1")  # fmt: skip
    box.work({"q1": 1})
    logs = box.folder / "pilots"
    with InProcess(box) as factory:
        until(lambda: any(f.read_text() == "done\n" for f in logs.glob("*/*/*.out")), "the pilot's output")
        until(lambda: box.pilots() == 0, "the pilot to leave the queue")
        record = factory.queues["q1"].last
        assert (record.profile, record.credential) == ("wlcg", None)
    said = jwt.decode(world.issuer.given[-1], options={"verify_signature": False})
    assert (said["aud"], said["scope"]) == ([world.ce.collector], ALL)
    audit = (world.ce.directory / "log/AuditLog").read_text()
    assert "SCITOKENS" in audit and f"{URL},{world.issuer.sub}" in audit


def test_an_idtoken_is_signed_here_and_found_by_htcondor(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The description names no credential: HTCondor finds the token by the CE's trust domain."""
    monkeypatch.setenv("PATH", f"{world.ap.condor.bin}:{world.ap.condor.sbin}:{os.environ['PATH']}")
    box = world.box(tmp_path, "signed")
    there = world.ap.directory / "tokens.d" / "signed"
    profiles(
        box,
        f"[signed]\nplugin = Token\ntoken.flow = idtoken\ntoken.identity = {PILOT}\n"
        f"token.key = {world.ce.directory}/passwords.d/POOL\ntoken.trustdomain = {world.ce.name}.{DOMAIN}\n"
        f"token.lifetime = 600\ntoken.file = {there}\n",
    )
    world.queue(
        box,
        "q1",
        batchsubmit__condorce__auth="signed",
        schedplugin="Ready, MaxToSubmit",
        sched__maxtosubmit__maximum="1",
    )
    box.work({"q1": 1})
    logs = box.folder / "pilots"
    try:
        with InProcess(box):
            until(
                lambda: any(f.read_text() == "done\n" for f in logs.glob("*/*/*.out")), "the pilot's output"
            )
    finally:
        there.unlink(missing_ok=True)
    assert "IDTOKENS" in (world.ce.directory / "log/AuditLog").read_text()


# What is wrong with a token: its claims. All are refused by the CE.
WRONG: dict[str, dict[str, Any]] = {
    "audience": {"aud": "another-ce.org:9619"},
    "scope": {"scope": "compute.read compute.create"},
    "subject": {"sub": "stranger"},
    "issuer": {"iss": "https://127.0.0.1:9"},
    "expired": {"lifetime": -60},
    "forged": {},
}


def test_the_ce_refuses_what_is_wrong_and_why_says_so(world: World, tmp_path: Path) -> None:
    """Files that others keep, each wrong in one way, sent because the queue says so."""
    box = world.box(tmp_path, "wrong")
    text = ""
    for name, claims in WRONG.items():
        token = world.made(**claims)
        if name == "forged":
            payload = jwt.decode(token, options={"verify_signature": False})
            token = jwt.encode(
                payload, ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": "k1"}
            )
        box.ap.write_secret(box.folder / "tokens" / name, token + "\n")
        text += f"[{name}]\nplugin = Token\ntoken.file = {box.folder}/tokens/{name}\n"
        world.queue(box, name, batchsubmit__condorce__auth=name,
                    batchsubmit__condorce__auth__sendanyway="True")  # fmt: skip
    profiles(box, text)
    world.queue(box, "missing")  # sent with no token at all
    names = {*WRONG, "missing"}
    box.work(dict.fromkeys(names, 1))
    with InProcess(box) as factory:
        found: dict[str, tuple[str, ...]] = {}

        def refused() -> bool:
            for name in names - found.keys():
                story = explain(
                    [r] if (r := factory.queues[name].last) else [], live_state(factory, name, ask=20)
                )
                about = [c for c in story.causes if c.code in ("credential-refused", "ce-refuses", "ce-down")]
                if about:
                    found[name] = story.codes
            return found.keys() == names

        until(refused, "each refusal in why", 1)
    for name, codes in found.items():
        assert {"credential-refused", "ce-refuses"} & set(codes), (name, codes)
    assert "credential" in found["expired"], "and we know that ourselves"


def test_what_is_expired_or_missing_is_not_even_sent(world: World, tmp_path: Path) -> None:
    box = world.box(tmp_path, "never")
    box.ap.write_secret(box.folder / "tokens" / "old", world.made(lifetime=-3600) + "\n")
    profiles(
        box,
        f"[old]\nplugin = Token\ntoken.file = {box.folder}/tokens/old\n"
        f"[gone]\nplugin = Token\ntoken.file = {box.folder}/tokens/gone\n" + client(world, "good"),
    )
    world.queue(box, "none", batchsubmit__condorce__auth="old, gone", wmsqueue="w")
    world.queue(box, "second", batchsubmit__condorce__auth="old, good", wmsqueue="w")
    box.ap.write_secret(box.folder / "tokens" / "own", world.made(lifetime=-3600) + "\n")
    world.queue(box, "own", batchsubmit__condorce__tokenfile=f"{box.folder}/tokens/own", wmsqueue="w")
    box.work({"w": 1})
    with InProcess(box) as factory:
        until(lambda: (r := factory.queues["second"].last) and r.profile == "good", "the second profile")
        until(lambda: box.pilots("second"), "its pilot")
        record = factory.queues["none"].last
        assert record.outcome == "held back"
        assert "old: the token expired" in record.reason and "gone: there is no file" in record.reason
        story = explain([record], live_state(factory, "none", ask=1))
        assert story.causes[0].code == "credential"
        assert story.causes[0].who == "credentials"
        until(lambda: factory.queues["own"].cycles_run > 2)
        record = factory.queues["own"].last
        assert "tokens/own expired at " in record.reason, "named by no profile, it is looked at all the same"
        assert not box.pilots("own")
        box.ap.write_secret(box.folder / "tokens" / "own", world.made() + "\n")
        until(lambda: box.pilots("own"), "a pilot with the new token")
        # somebody renews it: the queue goes on within seconds
        box.ap.write_secret(box.folder / "tokens" / "gone", world.made() + "\n")
        until(lambda: box.pilots("none"), "a pilot once there is a token")
    assert box.pilots("none") <= 1


def test_tokens_are_renewed_while_pilots_wait_and_run(world: World, tmp_path: Path) -> None:
    """Tokens that hold 40 s, at a CE with more pilots than slots, over several lives of a token.

    Every pilot lives longer than the token that it was sent with has left.
    """
    box = world.box(tmp_path, "renewed")
    profiles(box, client(world, "short", token__checktime="2", token__minlife="25"))
    world.queue(
        box,
        "q1",
        batchsubmit__condorce__auth="short",
        batchsubmit__condorce__auth__minlife="5",
        schedplugin="Fixed, MaxPerCycle, MaxToRun",
        sched__fixed__pilotspercycle="4",
        executable__arguments="30",
        sched__maxtorun__maximum="16",
    )
    world.issuer.lifetime, before = 40, len(world.issuer.given)
    world.issuer.numbered = True  # so that the CE's log tells which token it was shown
    logs, troubled = box.folder / "pilots", []

    def given() -> int:
        rows = box.ads("JobStatus", "HoldReason", "NumSystemHolds", "GridResourceUnavailableTime")
        troubled.extend(row for row in rows if row[0] == "5" or row[2] not in ("0", "undefined"))
        return len(world.issuer.given) - before

    def ended() -> int:
        return sum(f.read_text() == "done\n" for f in logs.glob("*/*/*.out"))

    try:
        with InProcess(box) as factory:
            for n in (2, 4, 6):  # each within the patience of tests
                until(lambda n=n: given() >= n, f"{n} tokens", 1)
            until(lambda: given() and ended() >= 16, "pilots of the first and second wave", 1)
            record = factory.queues["q1"].last
            assert record.profile == "short"
            left = factory.credentials.keepers["short"].standings[world.ce.collector].credential
            assert left is not None and left.left(record.started) > 0
            print(f"{given()} tokens of 40 s, {ended()} pilots done, {troubled} troubled")
    finally:
        world.issuer.lifetime, world.issuer.numbered = 3600, False
        world.ap.run("condor_rm", "-all", check=False)
    assert troubled == []
    audit = (world.ce.directory / "log/AuditLog").read_text()
    shown = {n for n in range(before, before + 6) if f"{URL},{world.issuer.sub}-{n}" in audit}
    assert len(shown) > 2, "the CE was shown renewed tokens"
