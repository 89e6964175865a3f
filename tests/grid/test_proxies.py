"""X.509 at a real CE: proxies and certificates take pilots there, roles stay apart, proxies are renewed.

The CE takes SSL alone. Proxies come from a real VOMS server, made by the factory's own keeper.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.api.live import live_state
from autopyfactory.why.explain import explain
from factorybox import Box, InProcess
from patience import until
from testbed.authority import Identity
from testbed.condor import Condor
from testbed.grid import PILOT, Grid
from testbed.settings import DOMAIN
from testbed.voms import VO, VOMS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DN = "/DC=test/DC=grid/CN="
ROBOT, FACTORY = "robot", "factory"  # common names: of the access point's certificate, of who has proxies
QUICK = {
    "GRIDMANAGER_CHECKPROXY_INTERVAL": "2",
    "GRIDMANAGER_PROXY_REFRESH_INTERVAL": "2",
    # A session outlives the proxy that it began with; short ones make the CE look at proxies again and again.
    "SEC_DEFAULT_SESSION_DURATION": "15",
    "SEC_DEFAULT_SESSION_LEASE": "15",
}
# what we tell access points to set
TEXT = (Path(__file__).parents[2] / "misc/condor/access-point.conf").read_text()
OURS = dict(re.findall(r"^(\w+) = (.*)$", TEXT, re.MULTILINE))
SHOWS_CERTIFICATES = {
    "SEC_CLIENT_AUTHENTICATION_METHODS": "FS, SSL",
    "AUTH_SSL_CLIENT_CAFILE": "$(ETC)/authority.pem",
    "AUTH_SSL_CLIENT_CERTFILE": "$(ETC)/robot.pem",
    "AUTH_SSL_CLIENT_KEYFILE": "$(ETC)/robot.key",
    **OURS,
}
TAKES_CERTIFICATES = {
    "SEC_DEFAULT_AUTHENTICATION_METHODS": "SSL, IDTOKENS",
    "AUTH_SSL_ALLOW_CLIENT_PROXY": "True",
    "SCHEDD_AUDIT_LOG": "$(LOG)/AuditLog",
}


class World:
    """An access point, a CE behind certificates, a VOMS server."""

    def __init__(self, grid: Grid, voms: VOMS, user: Identity) -> None:
        self.ap, self.ce, self.voms, self.user = grid.ap, grid.sites["ce1"], voms, user

    def box(self, folder: Path, name: str) -> Box:
        made = Box(folder / "f", self.ap, name)
        for path in (made.folder, *made.folder.parents[:2]):
            path.chmod(0o755)
        script = made.folder / "pilot.sh"
        # a pilot says which proxy it was given
        script.write_text(
            "#!/bin/sh\nsleep ${1:-1}\necho done\n"
            '[ -z "$X509_USER_PROXY" ] || cut -d" " -f1 <<END\n$(sha256sum "$X509_USER_PROXY")\nEND\n'
        )
        script.chmod(0o755)
        return made

    def queue(self, box: Box, name: str, **options: str) -> None:
        box.queue(
            name,
            batchsubmitplugin="CondorCE",
            batchsubmit__condorce__gridresource=self.ce.collector,
            batchsubmit__condorce__schedd=self.ce.schedd,
            **{
                "executable": str(box.folder / "pilot.sh"),
                "schedplugin": "Ready, MaxToSubmit",
                "sched.maxtosubmit.maximum": "1",
                **options,
            },
        )

    def profile(self, folder: Path, name: str, role: str, **keys: str) -> str:
        """A profile whose proxies our keeper makes."""
        for what, data in (("cert", self.user.certificate), ("key", self.user.key)):
            self.ap.write_secret(folder / what, data)
        lines = {
            "plugin": "X509",
            "x509.proxyfile": str(folder / f"proxy-{name}"),
            "x509.vorole": role,
            "x509.usercert": str(folder / "cert"),
            "x509.userkey": str(folder / "key"),
            "x509.lifetime": "43200",
            "x509.minlife": "3600",
            "x509.voms.args": self.voms.arguments,
            **{k.replace("__", "."): v for k, v in keys.items()},
        }
        return f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items())


@pytest.fixture(scope="module")
def world(condor_folder: Condor, place: Path) -> Iterator[World]:
    settings = {"ap": {**QUICK, **SHOWS_CERTIFICATES}, "ce1": {**QUICK, **TAKES_CERTIFICATES}}
    grid = Grid(place / "grid", sites=("ce1",), settings=settings, condor=condor_folder)
    authority = grid.authority
    with VOMS(place / "voms", authority, FACTORY) as voms, grid:
        robot = authority.user(ROBOT)
        grid.ap.write_secret(grid.ap.directory / "etc/robot.pem", robot.certificate)
        grid.ap.write_secret(grid.ap.directory / "etc/robot.key", robot.key)
        ce = grid.sites["ce1"]
        # Who has proxies becomes an account that is there, as at every CE: a schedd takes a renewed proxy for
        # no other.  The robot becomes somebody else: audit logs leave out the schedd's own account.
        accounts = {ROBOT: PILOT, FACTORY: f"{ce.owner}@{DOMAIN}"}
        known = "".join(f'SSL "{DN}{cn}" {account}\n' for cn, account in accounts.items())
        ce.write_secret(ce.directory / "etc/identities", known)
        ce.run("condor_reconfig")
        yield World(grid, voms, authority.user(FACTORY))


@pytest.fixture(autouse=True)
def clients(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in world.voms.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("_CONDOR_CRED_MIN_TIME_LEFT", "0")  # proxies of a minute are none that people use
    yield
    world.ap.run("condor_rm", "-all", check=False)


def profiles(box: Box, text: str) -> None:
    box.ap.write_secret(box.folder / "auth.conf", text)
    box.factory_options["authConf"] = str(box.folder / "auth.conf")


def outputs(box: Box, queue: str) -> list[list[str]]:
    """Return what the queue's pilots that are through have written, by lines."""
    found = [f.read_text().splitlines() for f in (box.folder / "pilots").glob(f"*/{queue}/*.out")]
    return [lines for lines in found if lines]


def audit(world: World) -> str:
    return (world.ce.directory / "log/AuditLog").read_text()


def test_the_access_points_certificate_takes_a_pilot_there(world: World, tmp_path: Path) -> None:
    box = world.box(tmp_path, "certificate")
    world.queue(box, "q1")
    box.work({"q1": 1})
    with InProcess(box):
        until(lambda: outputs(box, "q1") == [["done"]], "the pilot's output")
    came = f"AuthMethod=SSL, AuthId={DN}{ROBOT}, CondorId={PILOT}"
    assert came in audit(world)

    def history() -> str:
        return world.ce.run("condor_history", "-af", "User", "JobStatus").stdout

    ended = until(history, "its end there", 1).splitlines()
    assert ended == [f"{PILOT} 4"], "the pilot was the robot's at the CE"


def test_each_role_of_one_person_arrives_with_its_own_proxy(world: World, tmp_path: Path) -> None:
    box = world.box(tmp_path, "roles")
    roles = {"plain": VO, "pilot": f"{VO}:/{VO}/Role=pilot"}
    profiles(box, "".join(world.profile(box.folder, name, role) for name, role in roles.items()))
    for name in roles:
        world.queue(box, name, batchsubmit__condorce__auth=name)
    box.work(dict.fromkeys(roles, 1))
    with InProcess(box) as factory:

        def fqans() -> dict[str, str]:
            rows = box.ads("MATCH_APF_QUEUE", "x509UserProxyFirstFQAN")
            return {name: fqan for name, fqan in rows if fqan != "undefined"}

        until(lambda: fqans().keys() == roles.keys(), "both pilots")
        assert fqans() == {
            "plain": f"/{VO}/Role=NULL/Capability=NULL",
            "pilot": f"/{VO}/Role=pilot/Capability=NULL",
        }
        until(lambda: all(outputs(box, name) for name in roles), "the output of both")
        assert {name: factory.queues[name].last.profile for name in roles} == {n: n for n in roles}
    for name in roles:
        ours = hashlib.sha256((box.folder / f"proxy-{name}").read_bytes()).hexdigest()
        assert outputs(box, name) == [["done", ours]], "the CE got the role's own proxy"
    assert f"CN={FACTORY}" in audit(world)


def test_whom_the_ce_does_not_know_is_refused_and_why_says_so(world: World, tmp_path: Path) -> None:
    box = world.box(tmp_path, "stranger")
    stranger = world.voms.authority.user("stranger")
    world.ap.write_secret(box.folder / "proxy", world.voms.authority.proxy(stranger))
    world.queue(box, "q1", batchsubmit__condorce__proxyfile=str(box.folder / "proxy"))
    box.work({"q1": 1})
    with InProcess(box) as factory:

        def told() -> set[str]:
            record = factory.queues["q1"].last
            story = explain([record] if record else [], live_state(factory, "q1", ask=20))
            return set(story.codes) & {"credential-refused", "ce-refuses"}

        until(told, "the refusal in why", 1)
    assert not outputs(box, "q1")


def test_proxies_are_renewed_while_pilots_wait_and_run(world: World, tmp_path: Path) -> None:
    """Proxies that hold a minute, at a CE with more pilots than slots, over several lives of a proxy."""
    box = world.box(tmp_path, "renewed")
    arguments = f"{world.voms.arguments} -valid 0:01 -vomslife 0:01"
    text = world.profile(
        box.folder, "short", f"{VO}:/{VO}/Role=pilot",
        x509__voms__args=arguments, x509__minlife="40", x509__checktime="2",
    )  # fmt: skip
    profiles(box, text)
    world.queue(
        box,
        "q1",
        batchsubmit__condorce__auth="short",
        batchsubmit__condorce__auth__minlife="5",
        schedplugin="Fixed, MaxPerCycle, MaxToRun",
        sched__fixed__pilotspercycle="4",
        executable__arguments="45",
        sched__maxtorun__maximum="16",
    )
    proxy, troubled = box.folder / "proxy-short", []
    made: set[str] = set()

    def seen() -> int:
        if proxy.exists():
            made.add(hashlib.sha256(proxy.read_bytes()).hexdigest())
        rows = box.ads("JobStatus", "HoldReason", "NumSystemHolds", "GridResourceUnavailableTime")
        troubled.extend(row for row in rows if row[0] == "5" or row[2] not in ("0", "undefined"))
        return len(made)

    def ended() -> int:
        return sum(lines[0] == "done" for lines in outputs(box, "q1"))

    with InProcess(box) as factory:
        for n in (2, 4, 6):  # each within the patience of tests
            until(lambda n=n: seen() >= n, f"{n} proxies", 1)
        until(lambda: seen() and ended() >= 16, "pilots of the first and second wave", 1)
        assert factory.queues["q1"].last.profile == "short"
        print(f"{len(made)} proxies of 60 s, {ended()} pilots done, {troubled} troubled")
    assert troubled == []
    shown = {lines[1] for lines in outputs(box, "q1") if len(lines) > 1}
    assert len(shown & made) > 1, "pilots were given renewed ones"
