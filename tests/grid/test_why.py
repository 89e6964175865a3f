"""`why` on a real grid: whatever holds a queue back, the command alone names it and says what to do.

One factory with one queue per kind of trouble, on a real access point with real CEs behind tokens.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autopyfactory.accounting.lately import Memory
from autopyfactory.cli.main import cli
from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.target import Target
from autopyfactory.external.clocks import CLOCKS
from autopyfactory.why.watch import TroubleWatch
from factorybox import Box, Daemon, at_ce
from patience import until
from testbed.condor import Condor
from testbed.grid import PILOT, SUBJECT, Grid
from testbed.issuer import Issuer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SITES = ("good", "down", "mallory", "otherkey")
# keeps pilots that are held in the queue: by themselves, those for an HTCondor-CE leave it
DROPPED = {"batchsubmit__condorce__condor_attributes__+Nonessential": "True"}  # as 2.4 had it
LIMIT = 150.0  # seconds for a trouble to show at the access point, untuned


class World:
    """A grid with a factory on it."""

    def __init__(self, grid: Grid, box: Box):
        self.grid, self.box = grid, box
        self.conf = ""
        self.daemon: Daemon | None = None

    def ce(self, name: str, site: str, **options: str) -> None:
        """Configure a queue that sends to `site`."""
        self.box.queue(
            name,
            **at_ce(self.grid, site),
            **{"executable": str(self.box.folder / "wrapper.sh"), "sched__maxtorun__maximum": "2", **options},
        )

    def run(self, *words: str, ok: bool = True, **kwargs: Any) -> Result:
        result = CliRunner().invoke(cli, ["--conf", self.conf, *words], **kwargs)
        if ok:
            assert result.exit_code == 0, (words, result.output, result.exception)
        return result

    def why(self, queue: str) -> dict[str, Any]:
        """What `autopyfactory why QUEUE --json` prints."""
        data: dict[str, Any] = json.loads(self.run("why", queue, "--json").stdout)
        return data

    def until_code(self, queue: str, code: str, words: str = "") -> tuple[dict[str, Any], str]:
        """Wait until `why` says that `code` is in the way, in `words`; return that cause and the text."""
        end = time.monotonic() + LIMIT
        while True:
            data = self.why(queue)
            for cause in data["story"]["causes"]:
                if cause["code"] == code and cause["blocks"] and words in cause["words"]:
                    return cause, "\n".join(data["text"])
            assert time.monotonic() < end, f"{queue}: no {code} in\n" + "\n".join(data["text"])
            time.sleep(2)


@pytest.fixture(scope="module")
def world(condor_folder: Condor, place: Path) -> Iterator[World]:
    quick = {"GRIDMANAGER_RESOURCE_PROBE_INTERVAL": "5", "GRIDMANAGER_COLLECTOR_UPDATE_INTERVAL": "5"}
    grid = Grid(place / "grid", condor=condor_folder, sites=SITES, settings={"ap": quick})
    grid.up()
    made = World(grid, Box(place / "factory", grid.ap, "why-factory"))
    os.environ.update(grid.ap.exports)  # the commands run in this process
    try:
        _break(made)
        _configure(made)
        made.conf = ",".join(made.box.write())
        made.daemon = Daemon(made.box)
        until(made.daemon.socket.exists, "the daemon")
        until(lambda: made.run("status", ok=False).exit_code == 0, "the factory")
        yield made
    finally:
        if made.daemon is not None and made.daemon.process.poll() is None:
            made.daemon.terminate()
        for pool in grid.pools.values():
            pool.stop()


def _break(world: World) -> None:
    """Stop one site, and spoil the tokens for two others: one may only read, one has another's signature."""
    grid = world.grid
    grid.sites["down"].stop()
    reads = grid.issuer.token(SUBJECT, grid.sites["mallory"].schedd, scope="condor:/READ")
    forged = Issuer().token(SUBJECT, grid.sites["otherkey"].schedd)
    for site, token in (("mallory", reads), ("otherkey", forged)):
        grid.ap.write_secret(grid.site_token(site), token + "\n")


def _configure(world: World) -> None:
    box = world.box
    wrapper, broken = box.folder / "wrapper.sh", box.folder / "broken.sh"
    failing = box.folder / "failing.sh"
    wrapper.write_text("#!/bin/sh\nsleep 600\n")
    broken.write_text("#!/no/such/interpreter\n")
    failing.write_text("#!/bin/sh\necho started\necho the disk is full >&2\nexit 3\n")
    for script in (wrapper, broken, failing):
        script.chmod(0o755)
    for name in ("capped", "paused", "drained", "idle", "wrapper"):
        world.ce(name, "good")
    box.queues["wrapper"]["executable"] = str(broken)
    world.ce("failing", "good", executable=str(failing))
    world.ce("misspelt", "good", wmsqueue="caped", wmsstatus__file__absent="zero")
    world.ce("mistyped", "good")
    box.queues["mistyped"]["batchsubmit.condorce.gridresource"] = "no-such-ce.invalid:9619"
    for site in ("down", "otherkey"):
        world.ce(site, site)
    world.ce("mallory", "mallory", **DROPPED)
    world.ce("refused", "mallory", wmsqueue="mallory")
    another = str(world.grid.site_token("down"))
    world.ce("foreign", "good", batchsubmit__condorce__tokenfile=another)
    world.ce("tokenless", "good")
    del box.queues["tokenless"]["batchsubmit.condorce.tokenfile"]
    world.ce("wmsdown", "good", wmsstatus__file__path=str(box.folder / "no-such-file.json"))
    world.ce("unknown", "good", wmsqueue="nobody-knows-me", wmsstatus__file__absent="unknown")
    box.queue(
        "scheddless", batchstatus__condor__schedd="no-such-schedd@nowhere", sched__maxtorun__maximum="2"
    )
    busy = ["capped", "paused", "drained", "mistyped", "wrapper", "failing", "wmsdown", "scheddless"]
    box.work({**dict.fromkeys([*busy, "foreign", "tokenless", *SITES[1:]], 5), "idle": 0})


def test_a_queue_that_is_capped(world: World) -> None:
    cause, text = world.until_code("capped", "capped")
    assert "MaxToRun bit" in cause["words"]
    assert "5 jobs ready" in text
    assert "Raise the limit" in text


def test_a_queue_without_work(world: World) -> None:
    _, text = world.until_code("idle", "nothing-ready")
    assert "No jobs are ready for idle" in text


def test_a_queue_whose_name_no_job_bears(world: World) -> None:
    cause, text = world.until_code("misspelt", "nothing-ready")
    assert "there are jobs for capped, " in cause["words"]
    assert "correct `wmsqueue`" in text.replace("\n     ", "")
    assert "(is it capped?)" in cause["next"]
    assert "jobs for" not in world.until_code("idle", "nothing-ready")[1]


def test_a_queue_that_is_paused_and_resumed(world: World) -> None:
    world.run("pause", "paused", "--until", "3h", "--reason", "cooling works")
    cause, _ = world.until_code("paused", "paused")
    assert cause["words"].endswith("cooling works")
    assert "cooling works" in world.run("status", "paused").stdout
    world.run("resume", "paused")
    world.until_code("paused", "capped")


def test_a_wms_that_does_not_answer(world: World) -> None:
    cause, text = world.until_code("wmsdown", "wms-down")
    assert "no-such-file.json" in cause["example"]
    assert "Tell who runs the WMS" in text


def test_a_schedd_that_does_not_answer(world: World) -> None:
    cause, _ = world.until_code("scheddless", "schedd-down")
    assert "no-such-schedd@nowhere" in cause["example"]


def test_a_ce_that_is_down(world: World) -> None:
    cause, text = world.until_code("down", "ce-down")
    assert world.grid.sites["down"].collector in cause["words"]
    assert "Connection refused" in cause["words"]
    assert "Tell the site" in text


def test_a_ce_whose_name_we_have_mistyped_is_ours_to_correct(world: World) -> None:
    cause, text = world.until_code("mistyped", "ce-unknown")
    assert cause["who"] == "us"
    assert "no host has the name no-such-ce.invalid" in cause["words"]
    assert "orrect the CE's name" in text
    end = time.monotonic() + LIMIT
    while True:  # the table has it too, within a round of the watch
        rows = json.loads(world.run("status", "mistyped", "--json").stdout)["queues"]
        problems = [(p["code"], p["who"]) for p in rows[0]["problems"]]
        if problems == [("ce-unknown", "us")]:
            break
        assert time.monotonic() < end, problems
        time.sleep(2)


def test_a_ce_that_does_not_let_our_identity_submit(world: World) -> None:
    cause, text = world.until_code("refused", "credential-refused", "2 pilots held")  # one may come first
    assert cause["words"].startswith("2 pilots held")
    assert "DENIED" in cause["example"]
    assert f"{PILOT} using method SCITOKENS" in cause["example"]
    assert "who looks after credentials has to act" in text


def test_pilots_that_leave_the_queue_instead_of_being_held(world: World) -> None:
    cause, _ = world.until_code("mallory", "credential-refused")
    assert "dropped by the schedd in the last hour" in cause["words"]
    assert "DENIED" in cause["example"]


@pytest.mark.parametrize("queue", ["foreign", "tokenless"])
def test_a_ce_does_not_take_a_token_for_another_or_none(world: World, queue: str) -> None:
    """The same CE takes the pilots of other queues, whose token is for it."""
    cause, text = world.until_code(queue, "credential-refused")
    assert "does not accept our credential" in cause["words"]
    assert "check lifetime, issuer and audience" in text.lower().replace("\n     ", " ")
    history = world.grid.sites["good"].run("condor_q", "-all", "-af", "MATCH_APF_QUEUE").stdout
    assert queue not in history.split()


def test_a_ce_that_does_not_accept_our_token(world: World) -> None:
    """Here the schedd shows the same as for a dead CE, or holds the pilots: both must be told from `down`."""
    end = time.monotonic() + LIMIT
    while True:
        data = world.why("otherkey")
        codes = {c["code"] for c in data["story"]["causes"]}
        if codes & {"ce-refuses", "credential-refused"}:
            break
        assert "ce-down" not in codes, data["text"]
        assert time.monotonic() < end, data["text"]
        time.sleep(2)
    assert "credential" in "\n".join(data["text"])


def test_a_wrapper_that_cannot_start(world: World) -> None:
    cause, text = world.until_code("wrapper", "wrapper-cannot-start")
    assert "broken.sh" in cause["example"]
    assert "look at `executable`" in text.lower()


def test_pilots_that_fail_at_once(world: World) -> None:
    cause, text = world.until_code("failing", "pilots-fail")
    assert re.match(r"(\d+) of the last \1 pilots that ended have failed: exit code 3 after ", cause["words"])
    (output,) = re.findall(r"read what one of them wrote: (\S+)", cause["next"])
    assert Path(output).read_text() == "the disk is full\n", "what it wrote last to standard error"
    assert output.endswith(".err")
    assert cause["example"] == "the disk is full"
    assert "Read what one of them wrote" in text


def test_pilots_are_listed_and_removed_for_real(world: World) -> None:
    world.until_code("capped", "capped")
    listed = json.loads(world.run("pilots", "--queue", "capped", "--json").stdout)["pilots"]
    ids = {
        f"{row[0]}.{row[1]}"
        for row in world.box.ads("ClusterId", "ProcId", "MATCH_APF_QUEUE")
        if row[2] == "capped"
    }
    assert {p["id"] for p in listed} == ids
    assert len(ids) == 2
    assert json.loads(world.run("pilots", "--old", "--json").stdout)["pilots"] == []
    dry = world.run("pilots", "kill", "--queue", "capped", "--dry-run").stdout
    assert "2 pilots would be removed" in dry
    assert all(i in dry for i in ids)
    refused = world.run("pilots", "kill", "--queue", "capped", input="n\n", ok=False)
    assert refused.exit_code == 1
    assert world.box.pilots("capped") == 2
    world.run("pause", "capped")
    done = world.run("pilots", "kill", "--queue", "capped", "--yes", "--reason", "a test").stdout
    assert done == "2 of 2 pilots removed\n"
    until(lambda: world.box.pilots("capped") == 0, "the pilots are gone")
    world.run("resume", "capped")
    until(lambda: world.box.pilots("capped") == 2, "new pilots")


def test_states_choose_pilots(world: World) -> None:
    world.until_code("refused", "credential-refused")
    held = json.loads(world.run("pilots", "--state", "held", "--json").stdout)["pilots"]
    assert {p["state"] for p in held} == {"held"}
    assert {p["queue"] for p in held} >= {"refused"}
    assert all("DENIED" in p["reason"] for p in held if p["queue"] == "refused")
    pending = json.loads(world.run("pilots", "--queue", "refused", "--state", "pending", "--json").stdout)
    assert len(pending["pilots"]) == 2


def test_a_drained_queue_runs_empty(world: World) -> None:
    world.until_code("drained", "capped")
    world.run("drain", "drained", "--reason", "maintenance")
    world.until_code("drained", "draining")
    # pilots that do not run are taken back; those that run are left alone
    until(
        lambda: (
            not [
                r for r in world.box.ads("MATCH_APF_QUEUE", "JobStatus") if r[0] == "drained" and r[1] in "15"
            ]
        ),
        "no pending pilots",
    )
    time.sleep(5)
    assert not [
        r for r in world.box.ads("MATCH_APF_QUEUE", "JobStatus") if r[0] == "drained" and r[1] in "15"
    ]


def test_the_watch_sees_the_same_for_the_record(world: World) -> None:
    for queue, code in (
        ("refused", "credential-refused"),
        ("mallory", "credential-refused"),
        ("down", "ce-down"),
    ):
        world.until_code(queue, code)
    ap = world.grid.ap
    client = CondorClient(Target(ap.schedd, ap.collector))
    watch = TroubleWatch("why-factory", lambda: [client.target], lambda _: client, pilots=Memory())
    try:
        watch.look()
    finally:
        client.close()
    refused, down = (watch.of(q) for q in ("refused", "down"))
    assert refused is not None
    assert [(g.count, "DENIED" in g.reason) for g in refused.held] == [(2, True)]
    assert down is not None
    assert down.ce_down == 2
    assert watch.of("idle") is None
    assert any(who.startswith("schedd ") for who in CLOCKS.witnesses()), (
        "it says with its ads what time it is"
    )
    assert CLOCKS.wrong() == ()


def test_status_with_and_without_the_schedds(world: World) -> None:
    world.until_code("capped", "capped")
    rows = {r["queue"]: r for r in json.loads(world.run("status", "--longest", "--json").stdout)["queues"]}
    assert rows["capped"]["pending"] + rows["capped"]["running"] == 2
    assert rows["capped"]["oldest_pending"] or rows["capped"]["oldest_running"]
    held = json.loads(world.run("status", "--filter", "held>0", "--sort", "held", "--json").stdout)["queues"]
    assert "refused" in {r["queue"] for r in held}
    assert "capped" not in {r["queue"] for r in held}
    assert "no such queue" not in world.run("status").stdout


def test_without_a_factory_the_history_and_the_schedd_tell(world: World) -> None:
    """Comes last: the factory is stopped."""
    world.until_code("refused", "credential-refused")
    assert world.daemon is not None
    world.daemon.terminate()
    data = world.why("refused")
    codes = [c["code"] for c in data["story"]["causes"]]
    assert codes[0] == "factory-down"
    assert "credential-refused" in codes
    assert len(data["records"]) > 3
    last_night = world.run("why", "capped", "--at", "now").stdout
    assert "from the history" in last_night
    assert "MaxToRun" in last_night
    assert "from the history" in world.run("status", ok=False).stdout
    pilots = json.loads(world.run("pilots", "--queue", "refused", "--json").stdout)["pilots"]
    assert len(pilots) == 2
    assert "1 of" not in world.run("pilots", "kill", "--queue", "refused", "--yes").stdout
    until(lambda: world.box.pilots("refused") == 0, "the pilots are gone")
    world.run("pause", "capped", "--reason", "no factory")
    assert "no factory" in world.run("why", "capped").stdout
    world.run("resume", "capped")
