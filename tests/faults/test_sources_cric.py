"""CRIC in every way a network, a server or a proxy can go wrong: the queues stay as they were."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.options.section import Section
from autopyfactory.plugins.queueconfig.cric import CRIC, CRICOptions
from patience import PATIENCE, SOON
from servers import certificates, cric, faulty
from servers.certificates import Certificates
from servers.context import factory_options
from servers.relay import Relay

TIMEOUT = 5.0  # only what hangs takes it
FAULTS = {
    "refused": (None, "Connection refused"),
    "reset": (faulty.reset, "reset|aborted|closed|broke off"),
    "silent": (faulty.silent, "did not answer completely within 5 s"),
    "slow header": (faulty.drip_head, "did not answer completely within 5 s"),
    "slow body": (faulty.drip_body, "did not answer completely within 5 s"),
    "cut off": (faulty.cut_off, "broke off"),
    "html": (faulty.says(faulty.HTML), "an HTML page"),
    "truncated json": (faulty.says(faulty.TRUNCATED_JSON), "breaks off"),
    "empty": (faulty.says(faulty.http(b"")), "an empty answer"),
    "another json": (
        faulty.says(faulty.http(b'{"success": true, "data": {}}')),
        "no record of a PanDA queue",
    ),
    "redirect loop": (faulty.redirect_loop, "redirects more than 5 times"),
    "plain 500": (faulty.says(faulty.http(b"oops", status="500 Oops")), "500 Oops: oops"),
}


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates.make(tmp_path_factory.mktemp("certs"))


@pytest.fixture
def relay(certs: Certificates) -> Iterator[Relay]:
    with cric.CRIC() as server, Relay(server.port, certs.server()) as it:
        yield it


def load(
    relay: Relay, certs: Certificates, folder: Path, timeout: float = PATIENCE
) -> tuple[int, str]:
    """Return the number of queues, and what is told."""
    options = CRICOptions(
        url=f"https://localhost:{relay.port}{cric.PATH}?json", sleep=0, timeout=timeout, ca=certs.ca_file
    )
    plugin = CRIC(options, factory_options(state_dir=str(folder)))
    plugin.sections = {"CRIC x": Section.from_texts("CRIC x", {"cloud": "CERN"})}
    config = plugin.load()
    return len(config.sections), " ".join(map(str, config.problems))


def told(pattern: str, text: str) -> None:

    assert re.search(pattern, text), f"{pattern!r} is not told by {text!r}"


@pytest.mark.parametrize("fault", FAULTS)
def test_queues_stay(relay: Relay, certs: Certificates, tmp_path: Path, fault: str) -> None:
    behaviour, why = FAULTS[fault]
    assert load(relay, certs, tmp_path) == (13, "")
    relay.breaks(behaviour)
    relay.drop()
    started = time.monotonic()
    timeout = TIMEOUT if "5 s" in why else PATIENCE
    number, text = load(relay, certs, tmp_path, timeout)
    assert time.monotonic() - started < SOON
    assert number == 13
    told(why, text)
    told(r"its copy of \d+ seconds? ago is used", text)
    assert "error" not in text.split()
    number, text = load(relay, certs, tmp_path / "new", timeout)
    assert number == 0, "without a copy there is nothing to give"
    told(f"error: .*{why}", text)
    relay.recovers()
    assert load(relay, certs, tmp_path) == (13, "")


def test_a_hundred_megabytes_and_more(
    relay: Relay, certs: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autopyfactory.cric.store.MAX_BYTES", 4_000_000)
    assert load(relay, certs, tmp_path)[0] == 13
    relay.breaks(faulty.endless)
    relay.drop()
    number, text = load(relay, certs, tmp_path)
    assert number == 13
    assert "4000000 bytes" in text


@pytest.mark.parametrize("fault", ["unknown ca", "no tls"])
def test_tls(relay: Relay, certs: Certificates, tmp_path: Path, fault: str) -> None:
    assert load(relay, certs, tmp_path)[0] == 13
    if fault == "no tls":
        relay.speaks_plainly()
    else:
        relay.breaks(tls=certificates.make(tmp_path).server)
    relay.drop()
    number, text = load(relay, certs, tmp_path)
    assert number == 13
    told("TLS failed", text)
    relay.recovers()
    assert load(relay, certs, tmp_path) == (13, "")


def test_a_disk_that_cannot_be_written_costs_the_copy_only(
    relay: Relay, certs: Certificates, tmp_path: Path
) -> None:
    (tmp_path / "config-copies").write_text("a file in the way")
    number, text = load(relay, certs, tmp_path)
    assert number == 13
    assert "no copy of it can be kept" in text
