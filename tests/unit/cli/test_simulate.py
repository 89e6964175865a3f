"""The command: one decision, and policies over time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from autopyfactory.cli.simulate import command
from autopyfactory.model.decision import CycleInputs
from autopyfactory.model.info import WMSQueueInfo
from autopyfactory.model.record import CycleRecord
from remembered import remember

BARE = """
[BNL]
schedplugin = Ready, Scale, MaxPerCycle, MinPerCycle, StatusTest, StatusOffline, MaxPending
sched.scale.factor = 0.25
sched.maxpercycle.maximum = 50
sched.minpercycle.minimum = 0
sched.maxpending.maximum = 100
pilot.cores = 8
"""
FACTORY = """
[Factory]
factoryId = test
baseLogDir = {base}
queueConf = {queues}
maxperfactory.maximum = 40
"""
QUEUES = """
[DEFAULT]
enabled = True
wmsstatusplugin = Condor
batchstatusplugin = Condor
batchsubmitplugin = CondorLocal
executable = /bin/true
wmsqueue = W

[first]
schedplugin = Ready

[second]
schedplugin = Ready, MaxPerFactory

[broken]
schedplugin = Redy
"""


@pytest.fixture
def bare(tmp_path):
    path = tmp_path / "bare.conf"
    path.write_text(BARE)
    return str(path)


@pytest.fixture
def factory(tmp_path):
    queues = tmp_path / "queues.conf"
    queues.write_text(QUEUES)
    path = tmp_path / "autopyfactory.conf"
    path.write_text(FACTORY.format(base=tmp_path, queues=queues))
    return str(path)


def invoke(*args):
    return CliRunner().invoke(command, [str(a) for a in args])


def last(result):
    return result.output.strip().splitlines()[-1]


class TestOneDecision:
    def test_the_example_of_the_documentation(self, bare):
        args = ["--conf", bare, "--activated", 83, "--pending", 10, "--running", 17, "--status", "online"]
        result = invoke(*args)
        assert result.exit_code == 0
        assert last(result) == "19"
        assert "Scale: 73 -> 19: 73 x 0.25, rounded up, is 19\n    sched.scale.factor = 0.25" in result.output

    def test_an_offline_site(self, bare):
        assert last(invoke("--conf", bare, "--ready", 83, "--status", "offline")) == "0"

    @pytest.mark.parametrize("what", ["--ready", "--pending", "--running", "--status"])
    def test_what_is_unknown_ends_the_chain(self, bare, what):
        args = {"--ready": "83", "--pending": "0", "--running": "0", "--status": "online", what: "unknown"}
        result = invoke("--conf", bare, *(x for pair in args.items() for x in pair))
        assert last(result) == "0"
        assert "information: nothing is sent" in result.output

    def test_a_queue_of_a_factory(self, factory):
        assert last(invoke("--conf", factory, "--ready", 83)) == "83"
        assert last(invoke("--conf", factory, "--queue", "second", "--ready", 83)) == "40"
        assert last(invoke("--conf", factory, "--queue", "second", "--ready", 83, "--factory", 38)) == "2"

    def test_a_factory_that_could_not_run_can_be_simulated(self, factory, tmp_path):
        path = tmp_path / "autopyfactory.conf"
        path.write_text(path.read_text().replace("baseLogDir", "#"))
        assert last(invoke("--conf", factory, "--queue", "second", "--ready", 83)) == "40"

    def test_json(self, bare):
        data = json.loads(invoke("--conf", bare, "--ready", 83, "--json").output)
        assert (data["queue"], data["n"], len(data["steps"])) == ("BNL", 21, 7)

    def test_questionable_order_is_noted(self, tmp_path):
        path = tmp_path / "x.conf"
        path.write_text(
            "[x]\nschedplugin = Ready, StatusOffline, MinPerCycle\nsched.minpercycle.minimum = 2\n"
        )
        result = invoke("--conf", path, "--status", "offline")
        assert "note: MinPerCycle after StatusOffline" in result.output
        assert last(result) == "2"

    @pytest.mark.parametrize(
        ("args", "complaint"),
        [
            (["--ready", "many"], "neither a whole number"),
            (["--ready", "-1"], "neither a whole number"),
            (["--queue", "nowhere"], "there is no queue 'nowhere'"),
            (["--workload", "nowhere"], "neither a file nor one of the workloads"),
            (["--workload", "steady", "--ce", "huge"], "no CE model 'huge'"),
            (["--workload", "steady", "--against", "/nowhere.conf"], "/nowhere.conf"),
            (["--workload", "steady", "--sweep", "sched.ramp.factor=1,2"], "no rule has the option"),
            (["--workload", "steady", "--sweep", "sched.scale.factor=much"], "much"),
            (["--workload", "steady", "--sweep", "sched.scale.factor"], "--sweep needs KEY=VALUE"),
        ],
    )
    def test_mistakes_are_told(self, bare, args, complaint):
        result = invoke("--conf", bare, *args)
        assert result.exit_code != 0
        assert complaint in result.output

    def test_a_broken_queue_tells_what_is_wrong_with_it(self, factory, tmp_path):
        result = invoke("--conf", factory, "--queue", "broken")
        assert result.exit_code == 1
        assert "Redy" in result.output
        path = tmp_path / "bare2.conf"
        path.write_text(
            "[x]\nschedplugin = Ready, Skale\n\n[y]\nschedplugin = Scale\nsched.scale.factor = much\n"
        )
        assert "did you mean Scale?" in invoke("--conf", path).output
        assert "much" in invoke("--conf", path, "--queue", "y").output


class TestOverTime:
    def test_two_policies_side_by_side(self, bare, tmp_path):
        picture = tmp_path / "x.png"
        jobs = tmp_path / "jobs.csv"
        jobs.write_text("ready_at,duration\n" + "".join(f"{60 * i},600\n" for i in range(30)))
        args = ["--conf", bare, "--workload", jobs, "--ce", "fast", "--against", "glideinWMS"]
        result = invoke(*args, "--plot", picture)
        assert result.exit_code == 0, result.output
        head = next(line for line in result.output.splitlines() if line.endswith("BNL  glideinWMS"))
        assert head
        assert next(x for x in result.output.splitlines() if x.startswith("jobs done")).split()[2:] == [
            "30",
            "30",
        ]
        assert picture.read_bytes().startswith(b"\x89PNG")

    def test_json_has_every_seed(self, bare):
        result = invoke("--conf", bare, "--workload", "tail", "--seeds", 2, "--json")
        data = json.loads(result.output)
        runs = data["results"]["BNL"]
        assert [r["done"] == r["jobs"] > 0 for r in runs] == [True, True]
        assert runs[0]["samples"]

    def test_several_settings_make_a_picture_of_the_bargain(self, bare, tmp_path):
        picture, other = tmp_path / "x.png", tmp_path / "other.conf"
        other.write_text("[BNL]\nschedplugin = Ready, MaxPending\nsched.maxpending.maximum = 5\n")
        args = ["--conf", bare, "--workload", "misfit", "--against", other, "--plot", picture]
        result = invoke(*args, "--sweep", "sched.scale.factor=0.5,1")
        assert result.exit_code == 0, result.output
        for name in (
            "BNL",
            "BNL, sched.scale.factor = 0.5",
            "BNL, sched.scale.factor = 1",
            "BNL of other.conf",
        ):
            assert name in result.output
        assert "other.conf, sched.scale" not in result.output  # it has no Scale
        assert picture.read_bytes().startswith(b"\x89PNG")

    def test_recorded_weeks_are_replayed(self, factory, tmp_path):
        begin = datetime(2026, 3, 1, tzinfo=UTC)
        (tmp_path / "state").mkdir()
        with open(factory, "a") as file:
            file.write(f"statedir = {tmp_path / 'state'}\n")
        cycles = []
        for i in range(60):
            inputs = CycleInputs("first", wms=WMSQueueInfo(ready=min(10, i), running=0))
            at = begin + timedelta(minutes=i)
            cycles.append(CycleRecord("first", i, at, "nothing", "", inputs=inputs))
        remember(tmp_path / "state", "test", *cycles)
        args = ["--conf", factory, "--from-history"]
        result = invoke(*args, "first", "--since", "2026-03-01", "--until", "2026-03-02")
        assert result.exit_code == 0, result.output
        assert "10 jobs as recorded of first, 30 minutes each" in result.output
        assert "nothing is kept about 'second'" in invoke(*args, "second").output
        assert "no work is recorded of first" in invoke(*args, "first", "--since", "2026-03-02").output

    def test_list(self, bare):
        result = invoke("--conf", bare, "--workload", "list")
        assert "slowce" in result.output
        assert "latency_sigma" in result.output


def test_all_policies(tmp_path):
    picture = tmp_path / "x.png"
    result = invoke("--compare", "--workload", "misfit", "--seeds", 1, "--processes", 1, "--plot", picture)
    assert result.exit_code == 0, result.output
    assert "| mean of the workloads |" in result.output
    assert "saved in the mean over workloads" in result.output
    assert picture.read_bytes().startswith(b"\x89PNG")
