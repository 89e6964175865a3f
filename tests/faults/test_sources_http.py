"""Every source over HTTP, in every way a network, a server or a proxy can go wrong.

Each fault must leave the last answer with its true age, hold the queue back once that is stale, say why,
and be over as soon as the server is well again.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autopyfactory.plugins.base import WMSStatusPlugin
from autopyfactory.plugins.wmsstatus.panda import Panda
from autopyfactory.plugins.wmsstatus.rest import REST
from patience import PATIENCE, SOON
from servers import certificates, faulty, rest
from servers.base import HttpServer
from servers.certificates import Certificates
from servers.context import context
from servers.panda import PandaServer
from servers.queueworld import QueueWorld
from servers.relay import Relay
from servers.sources import bound

TIMEOUT = "5"  # only what hangs takes it
Maker = Callable[[str, Certificates, Path, str], WMSStatusPlugin]


def panda(url: str, certs: Certificates, folder: Path, timeout: str) -> Panda:
    texts = {"url": url, "capath": certs.ca_file, "timeout": timeout, "sites": "off"}
    return bound(Panda, context("TEST_SITE_A"), **{f"wmsstatus.panda.{k}": v for k, v in texts.items()})


def preset(name: str, queue: str, token: str = "", **more: str) -> Maker:
    def make(url: str, certs: Certificates, folder: Path, timeout: str) -> REST:
        (folder / "token").write_text(token or "unused")
        texts = {"url": url, "preset": name, "capath": certs.ca_file, "timeout": timeout, **more}
        if token:
            texts["tokenfile"] = str(folder / "token")
        return bound(REST, context(queue), **{f"wmsstatus.rest.{k}": v for k, v in texts.items()})

    return make


SOURCES: dict[str, tuple[type[HttpServer], Maker]] = {
    "panda": (PandaServer, panda),
    "dirac": (rest.Dirac, preset("dirac", "LCG.CERN.ch")),
    "diracx": (rest.DiracX, preset("diracx", "LCG.CERN.ch", "good")),
    "slurmrestd": (rest.SlurmRest, preset("slurmrestd", "grid", "jwt")),
    "kubernetes": (rest.Kubernetes, preset("kubernetes", "a", "good")),
}


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates.make(tmp_path_factory.mktemp("certs"))


class Bed:
    """A source, its server behind a relay, and a queue that lives on it."""

    def __init__(self, name: str, certs: Certificates, folder: Path, secure: bool, timeout: str):
        server, maker = SOURCES[name]
        self.server = server().start()
        self.relay = Relay(self.server.port, certs.server() if secure else None)
        self.relay.__enter__()
        self.plugin = maker(self.relay.url, certs, folder, timeout)
        self.world = QueueWorld(folder, self.plugin)

    def close(self) -> None:
        self.plugin.close()
        self.relay.__exit__(None, None, None)
        self.server.stop()

    def suffers(self, told: str) -> None:
        """Check what the fault in force does; `told` is a pattern for the reason."""
        world = self.world
        before = world.wms.state.snapshot
        world.clock.advance(100)
        started = time.monotonic()
        assert not world.poll()
        assert time.monotonic() - started < SOON
        assert_tells(told, world.trouble())
        assert world.wms.state.snapshot is before, "the last answer must stay as it was"
        assert world.age() == 100
        assert world.cycle().outcome != "held back", "an answer of 100 s is young enough"
        world.clock.advance(300)
        sent = world.submit.sent
        record = world.cycle()
        assert record.outcome == "held back"
        assert world.submit.sent == sent
        assert_tells(r"WMS status 400 s old \(maxage 360\): " + ".*" + told, record.reason)

    def recovers(self) -> None:
        assert self.world.poll()
        record = self.world.cycle()
        assert not record.gate, "it acts again; none is sent while those of the first cycle are missing"
        assert self.world.age() == 0


def assert_tells(pattern: str, text: str) -> None:

    assert re.search(pattern, text), f"{pattern!r} is not told by {text!r}"


@pytest.fixture
def bed(request: pytest.FixtureRequest, certs: Certificates, tmp_path: Path) -> Iterator[Bed]:
    name, secure = request.param
    _, told = TRANSPORT.get(request.node.callspec.params.get("fault", ""), (None, ""))
    it = Bed(name, certs, tmp_path, secure, TIMEOUT if "5 s" in told else str(PATIENCE))
    assert it.world.poll(), it.world.trouble()
    assert it.world.cycle().outcome == "sent"
    yield it
    it.close()


EVERY = [
    pytest.param((n, s), id=f"{n}-{'https' if s else 'http'}")
    for n in SOURCES
    for s in (False, True)
    if n == "panda" or not s
]
each_source = pytest.mark.parametrize("bed", EVERY, indirect=True)
each_secure = pytest.mark.parametrize("bed", [pytest.param((n, True), id=n) for n in SOURCES], indirect=True)
only_panda = pytest.mark.parametrize("bed", [pytest.param(("panda", False), id="panda")], indirect=True)

TRANSPORT = {
    "reset": (faulty.reset, "reset|aborted|closed|broke off"),
    "silent": (faulty.silent, "did not answer completely within 5 s"),
    "slow header": (faulty.drip_head, "did not answer completely within 5 s"),
    "slow body": (faulty.drip_body, "did not answer completely within 5 s"),
    "cut off": (faulty.cut_off, "broke off"),
    "100 MB of JSON": (faulty.endless, "more than 32000000 bytes"),
    "html": (faulty.says(faulty.HTML), "an HTML page"),
    "python repr": (faulty.says(faulty.PYTHON_REPR), "text form of a Python object"),
    "truncated json": (faulty.says(faulty.TRUNCATED_JSON), "breaks off"),
    "empty": (faulty.says(faulty.http(b"")), "an empty answer"),
    "redirect loop": (faulty.redirect_loop, "redirects (more than 5 times|a POST)"),
    "plain 403": (
        faulty.says(faulty.http(b"ERROR : x is banned", status="403 Forbidden")),
        "403 Forbidden: ERROR : x is banned",
    ),
    "plain 500": (
        faulty.says(faulty.http(b"division by zero", status="500 Oops")),
        "500 Oops: division by zero",
    ),
    "duplicate keys": (
        faulty.says(faulty.http(b'{"success": true, "success": true, "OK": true, "data": {"A": 1}}')),
        "twice",
    ),
}


@each_source
@pytest.mark.parametrize("fault", TRANSPORT)
def test_transport(bed: Bed, fault: str) -> None:
    behaviour, told = TRANSPORT[fault]
    bed.relay.breaks(behaviour)
    bed.relay.drop()
    bed.suffers(told)
    bed.relay.recovers()
    bed.recovers()


@each_source
def test_connection_refused(bed: Bed) -> None:
    bed.relay.shut()
    bed.suffers("Connection refused")
    bed.relay.recovers()
    bed.recovers()


@each_secure
def test_server_of_an_unknown_ca(bed: Bed, tmp_path: Path) -> None:
    stranger = certificates.make(tmp_path)
    bed.relay.breaks(tls=stranger.server)
    bed.relay.drop()
    bed.suffers("TLS failed.*certificate verify failed")
    bed.relay.recovers()
    bed.recovers()


@each_secure
def test_server_that_lost_its_tls(bed: Bed) -> None:
    bed.relay.speaks_plainly()
    bed.relay.drop()
    bed.suffers("TLS failed")
    bed.relay.recovers()
    bed.recovers()


@each_secure
def test_server_that_wants_a_certificate_we_do_not_have(bed: Bed, certs: Certificates) -> None:
    bed.relay.breaks(tls=lambda: certs.server(ssl.CERT_REQUIRED))
    bed.relay.drop()
    bed.suffers("TLS failed|another certificate")
    bed.relay.recovers()
    bed.recovers()


def test_client_certificate_that_expires(certs: Certificates, tmp_path: Path) -> None:
    """The same file, first good, then expired, then renewed."""
    mine = tmp_path / "proxy.pem"
    mine.write_bytes(Path(certs.client).read_bytes())
    with PandaServer(certs.server(ssl.CERT_REQUIRED)) as server:
        texts = {"url": server.url, "capath": certs.ca_file, "certfile": str(mine), "sites": "off"}
        plugin = bound(Panda, context("TEST_SITE_A"), **{f"wmsstatus.panda.{k}": v for k, v in texts.items()})
        world = QueueWorld(tmp_path, plugin)
        assert world.poll(), world.trouble()
        mine.write_bytes(Path(certs.expired_client).read_bytes())
        world.clock.advance(400)
        assert not world.poll()
        record = world.cycle()
        assert record.outcome == "held back"
        assert "proxy.pem ended 2020-01-01" in record.reason
        mine.write_bytes(Path(certs.client).read_bytes())
        assert world.poll(), world.trouble()
        assert world.cycle().outcome == "sent"


def envelope(data: object, success: bool = True, message: str = "") -> bytes:
    return json.dumps({"success": success, "message": message, "data": data}).encode()


def site(**statuses: object) -> dict[str, object]:
    return {"TEST_SITE_A": {"SCORE": {"managed": statuses}}}


PANDA = {
    "success false": (envelope({}, False, "Database failure"), "failed: Database failure"),
    "success missing": (b'{"data": {"TEST_SITE_A": {}}}', "without saying whether it succeeded"),
    "success as text": (b'{"success": "true", "data": {"A": {}}}', "without saying whether it succeeded"),
    "no site": (envelope({}), "without any job"),
    "negative": (envelope(site(activated=-5)), "negative"),
    "absurd": (envelope(site(activated=10**18)), "impossible"),
    "infinite": (b'{"success": true, "data": {"A": {"B": {"C": {"activated": Infinity}}}}}', "Infinity"),
    "fraction": (envelope(site(activated=2.5)), "not a number of jobs"),
    "text": (envelope(site(activated="12")), "not a number of jobs"),
    "other shape": (envelope({"TEST_SITE_A": {"activated": 3}}), "not an object"),
    "deep": (b"[" * 200_000, "nested too deeply"),
    "site twice": (
        b'{"success": true, "data": {"TEST_SITE_A": {}, "TEST_SITE_A": {"SCORE": {"managed": {}}}}}',
        "'TEST_SITE_A' occurs twice",
    ),
}


@only_panda
@pytest.mark.parametrize("fault", PANDA)
def test_panda_content(bed: Bed, fault: str) -> None:
    body, told = PANDA[fault]
    bed.relay.breaks(faulty.says(faulty.http(body)))
    bed.relay.drop()
    bed.suffers(told)
    bed.relay.recovers()
    bed.recovers()


@only_panda
def test_clock_that_jumps(bed: Bed) -> None:
    """Neither a jump to next year nor one back makes an answer older or younger."""
    assert bed.world.age() == 0
    for year in (2027, 2001):
        bed.world.clock.wall = bed.world.clock.wall.replace(year=year)
        assert bed.world.age() == 0
        assert bed.world.cycle().outcome != "held back"
        bed.world.clock.advance(50)
        assert bed.world.age() == 50
        assert bed.world.poll()
