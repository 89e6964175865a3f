import json
import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.config import build, fetch
from autopyfactory.options.problem import ConfigError
from patience import PATIENCE
from servers import certificates, cric
from servers.cric import CRIC as Server


@pytest.fixture
def server():
    with Server({"CERN": cric.real(), "AGLT2": cric.queue("AGLT2", cloud="US")}) as it:
        yield it


@pytest.fixture
def factory(tmp_path, server):
    """Write an autopyfactory.conf; returns a function that loads it."""
    state = tmp_path / "state"
    state.mkdir()
    defaults = tmp_path / "defaults.conf"
    defaults.write_text(
        "[DEFAULT]\nexecutable = /bin/true\nexecutable.arguments = -s %(wmsqueue)s -q %(batchqueue)s\n"
        "wmsstatus.panda.url = http://127.0.0.1:1\nsched.maxpending.maximum = 7\n"
    )

    def load(extra="", sections="[CRIC cern]\nvo = atlas\ncloud = CERN\n", plugin="CRIC", sleep=0):
        sections = sections.replace("DEFAULTS", str(defaults))
        if "defaultsfile" not in sections and sections:
            sections += f"defaultsfile = {defaults}\n"
        (tmp_path / "autopyfactory.conf").write_text(
            f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nstatedir = {state}\n"
            f"config.queues.plugin = {plugin}\n{extra}\n"
            + (f"config.queues.cric.url = {server.source}\n" if "url" not in extra else "")
            + f"config.queues.cric.sleep = {sleep}\n{sections}"
        )
        return build.load([str(tmp_path / "autopyfactory.conf")])

    load.defaults = defaults
    load.state = state
    return load


def messages(configuration):
    return "\n".join(str(p) for p in configuration.problems)


def test_queues_that_can_run_come_out_of_the_whole_loader(factory):
    configuration = factory()
    assert configuration.broken == {}, messages(configuration)
    queue = configuration.queues["CERN-ce503.cern.ch-share"]
    assert len(configuration.queues) == 13
    assert queue.options.wmsqueue == "CERN"
    assert queue.options.cores == 8
    assert queue.options.arguments == "-s CERN -q CERN"
    assert [c.name for c in queue.sched][:2] == ["Ready", "Share"]
    submit = queue.batchsubmit.cls(queue.batchsubmit.options, _context(queue, configuration))
    description = submit.describe("tag")
    assert description["grid_resource"] == "condor ce503.cern.ch ce503.cern.ch:9619"
    assert description["+maxMemory"] == "32000"
    assert description["+maxWallTime"] == "4800"
    assert description["+remote_queue"] == '"share"'
    assert not [p for p in configuration.problems if p.severity == "error"], messages(configuration)


def _context(queue, configuration):
    from autopyfactory.plugins.base import QueueContext

    return QueueContext(queue.name, queue.options, configuration.factory)


def test_selections_are_sections_with_defaults_files_of_their_own(factory, tmp_path):
    (tmp_path / "us.conf").write_text("[DEFAULT]\nsched.maxpending.maximum = 99\nexecutable = /bin/us\n")
    configuration = factory(
        sections=f"[CRIC us]\ncloud = US\ndefaultsfile = {tmp_path / 'us.conf'}\n"
        "[CRIC cern]\nnames = CERN\ndefaultsfile = DEFAULTS\n"
    )
    assert configuration.queues["AGLT2-ce1.example.org"].options.executable == "/bin/us"
    assert configuration.queues["CERN-ce503.cern.ch-share"].options.executable == "/bin/true"


def test_relative_files_are_meant_from_the_file_that_names_them(factory, tmp_path, monkeypatch):
    """Wherever the daemon or a command is started; as `queueConf` and its brothers are."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "records.json").write_text(json.dumps({"AGLT2": cric.queue("AGLT2", cloud="US")}))
    names = "file = records.json\ndefaultsfile = defaults.conf\n"
    found = [factory(sections=f"[CRIC us]\ncloud = US\n{names}")]
    lists = "config.queues.agis.clouds = us\nconfig.queues.agis.defaultsfile = defaults.conf\n"
    found.append(factory(lists, sections="", plugin="Agis"))
    for configuration in found:
        queue = configuration.queues.get("AGLT2-ce1.example.org")
        assert queue is not None and queue.options.executable == "/bin/true", messages(configuration)


def test_parallel_lists_of_agis_still_work(factory, tmp_path):
    lists = (
        "config.queues.agis.vos = atlas, atlas\nconfig.queues.agis.clouds = us, cern\n"
        f"config.queues.agis.activities = unified, None\nconfig.queues.agis.defaultsfile = "
        f"{factory.defaults}, {factory.defaults}\nconfig.queues.agis.pilotmanager = harvester, None\n"
        "config.queues.agis.jobsperpilot = 1.5\nconfig.queues.agis.numfactories = 4\n"
    )
    configuration = factory(lists, sections="", plugin="Agis")
    assert len(configuration.queues) == 14, messages(configuration)
    chain = [c.name for c in configuration.queues["AGLT2-ce1.example.org"].sched]
    assert chain[:3] == ["Ready", "Share", "Scale"]


def test_a_fraction_of_factories_divides_as_in_2_4(factory):
    lists = (
        f"config.queues.agis.clouds = us\nconfig.queues.agis.defaultsfile = {factory.defaults}\n"
        "config.queues.agis.jobsperpilot = 1.5\nconfig.queues.agis.numfactories = 2.5\n"
    )
    configuration = factory(lists, sections="", plugin="Agis")
    queue = configuration.queues["AGLT2-ce1.example.org"]
    (scale,) = [c for c in queue.sched if c.name == "Scale"]
    assert scale.options.factor == pytest.approx(1 / 3.75, rel=1e-5)
    assert "AGIS was replaced" not in messages(configuration)


def test_parallel_lists_of_different_length_are_an_error(factory):
    lists = "config.queues.agis.vos = atlas\nconfig.queues.agis.clouds = us, cern\n"
    assert "another of these lists has 2" in messages(factory(lists, sections=""))


def test_the_url_of_agis_is_replaced(factory, monkeypatch, server):
    monkeypatch.setattr("autopyfactory.plugins.queueconfig.cric.CRIC_URL", server.source)
    configuration = factory(
        "config.queues.agis.baseurl = http://atlas-agis-api.cern.ch/request/pandaqueue/query/list/?json\n"
    )
    assert "was switched off; CRIC is asked instead" in messages(configuration)
    assert len(configuration.queues) == 13


def test_only_a_change_is_sent_again_and_sleep_is_obeyed(factory, server):
    factory()
    factory()
    assert [r.headers.get("If-None-Match") is not None for r in server.requests] == [False, True]
    factory(sleep=3600)
    assert len(server.requests) == 2
    server.records["CERN"]["queues"] = server.records["CERN"]["queues"][:2]
    assert len(factory(sleep=3600).queues) == 13
    assert len(factory().queues) == 2


FAULTS = {
    "down": None,
    "500": None,
    "html": b"<html>Sign in</html>",
    "truncated": json.dumps({"CERN": {}}).encode()[:-4],
    "empty": b"{}",
    "error object": b'{"error": "query failed"}',
    "records without queues": b'{"CERN": {"state": "ACTIVE"}}',
    "not utf-8": b'{"CERN\xff": {"queues": []}}',
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_last_good_copy_is_used_and_its_age_told(factory, server, fault):
    assert len(factory().queues) == 13
    for notes in factory.state.glob("config-copies/*.notes"):
        told = json.loads(notes.read_text())
        notes.write_text(json.dumps(told | {"fetched": time.time() - 7300}))
    if fault == "down":
        server.stop()
    elif fault == "500":
        server.failing = True
    else:
        server.body = FAULTS[fault]
    configuration = factory()
    assert len(configuration.queues) == 13
    assert "its copy of 2 hours ago is used" in messages(configuration)
    assert not [p for p in configuration.problems if p.severity == "error"]
    server.failing, server.body = False, None
    server.start() if fault == "down" else None
    assert "copy of" not in messages(factory())


def test_without_a_copy_a_fault_is_an_error_and_other_plugins_go_on(factory, server):
    server.failing = True
    configuration = factory()
    assert configuration.queues == {}
    assert "there is no copy of it" in messages(configuration)
    assert "500" in messages(configuration)


@pytest.mark.parametrize("damage", ["body", "notes", "gone"])
def test_a_damaged_copy_is_no_copy(factory, server, damage):
    factory()
    for path in factory.state.glob(f"config-copies/*.{'notes' if damage == 'notes' else 'json'}"):
        path.unlink() if damage == "gone" else path.write_text('{"CERN": {"queu')
    assert len(factory().queues) == 13
    assert "If-None-Match" not in server.requests[-1].headers


def test_check_does_not_ask_but_uses_the_copy(factory, server):
    from dataclasses import replace

    token = fetch.READING.set(replace(fetch.reading(), network=False, keep=False))
    try:
        assert "was not read, since it is on the network" in messages(factory())
        fetch.READING.reset(token)
        factory()
        token = fetch.READING.set(replace(fetch.reading(), network=False, keep=False))
        assert len(factory().queues) == 13
        assert len(server.requests) == 1
    finally:
        fetch.READING.reset(token)


def test_a_file_instead_of_a_url(factory, tmp_path, server):
    path = tmp_path / "cric.json"
    path.write_text(json.dumps(server.records))
    assert len(factory(sections=f"[CRIC x]\nfile = {path}\n").queues) == 14
    assert server.requests == []
    path.unlink()
    assert "No such file" in messages(factory(sections=f"[CRIC x]\nfile = {path}\n"))


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ("", "no section [CRIC <name>] says which PanDA queues"),
        ("[CRIC all]\n", "selects every PanDA queue there is"),
        ("[CRIC x]\nclouds = US\ncloud = US\n", "clouds: unknown key"),
        ("[CRIC x]\ncloud = US\njobsperpilot = 0\n", "jobsperpilot: is too small"),
        (
            "[CRIC x]\ncloud = US\ndefaultsfile = /nowhere/d.conf\n",
            "/nowhere/d.conf: error: [CRIC x] cannot be read",
        ),
    ],
)
def test_mistakes_in_a_selection_are_told(factory, sections, told):
    configuration = factory(sections=sections)
    assert told in messages(configuration)


def test_broken_records_are_warned_of(factory, server):
    server.records["BAD"] = cric.queue("BAD", cloud="CERN", queues=[cric.ce("old", "CREAM-CE")])
    server.records["WORSE"] = cric.queue("WORSE", maxrss="many")
    told = messages(factory())
    assert "PanDA queue BAD: CE old:9619: ce_flavour is cream-ce" in told
    assert "1 record cannot be read: WORSE: maxrss is 'many'" in told


def test_tls_with_a_ca_of_its_own(factory, tmp_path):
    certs = certificates.make(tmp_path)
    with Server(tls=certs.server()) as secure:
        extra = f"config.queues.cric.url = {secure.source}\nconfig.queues.cric.capath = "
        assert len(factory(extra + certs.ca_file).queues) == 13
        assert "TLS failed" in messages(factory(extra + certs.other_ca_file))


def run(*args, **kwargs):
    command = [sys.executable, "-m", "autopyfactory", "cric", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, **kwargs)


def test_command_dry_run_tells_of_every_record(factory, tmp_path, server):
    factory()
    conf = str(tmp_path / "autopyfactory.conf")
    done = run("--conf", conf, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "13 queues of 1 PanDA queue" in done.stdout
    assert "cloud is US" in done.stdout
    assert "CERN-ce503.cern.ch-share" in done.stdout
    told = json.loads(run("--conf", conf, "--dry-run", "--json", "--taken").stdout)["queues"]
    assert len(told) == 13
    assert told[0]["keys"]["wmsqueue"] == "CERN"
    server.stop()
    for copy in factory.state.glob("config-copies/*"):
        copy.unlink()
    done = run("--conf", conf, "--dry-run")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr


def test_command_writes_a_queues_conf_that_the_file_plugin_reads(factory, tmp_path):
    configured = factory()
    out = tmp_path / "queues.conf"
    done = run("--conf", str(tmp_path / "autopyfactory.conf"), "-o", str(out))
    assert done.returncode == 0, done.stderr
    again = factory(f"queueConf = {out}\n", plugin="File", sections="")
    assert again.queues.keys() == configured.queues.keys()
    for name, queue in configured.queues.items():
        assert again.queues[name].options == queue.options
        assert again.queues[name].batchsubmit == queue.batchsubmit
        assert again.queues[name].sched == queue.sched


def test_command_writes_for_the_owner_only_and_a_record_stays_one_queue(factory, tmp_path, server):
    server.records["CERN"]["status"] = "online\n[zz]\nenabled = True\nwmsstatusplugin = Command\n"
    factory()
    conf, out = str(tmp_path / "autopyfactory.conf"), tmp_path / "queues.conf"
    assert run("--conf", conf, "-o", str(out)).returncode == 1 and not out.exists()
    server.records["CERN"]["status"] = "online"
    done = run("--conf", conf, "--fresh", "-o", str(out))
    assert done.returncode == 0, done.stderr
    assert out.stat().st_mode & 0o777 == 0o600


WRITTEN = st.text(st.characters(codec="utf-8"), max_size=30) | st.text(
    alphabet="a;#[]=:%~\n\t '\"()", max_size=12
)


@given(
    st.dictionaries(st.text(alphabet="ab.+[];#= \n", min_size=1, max_size=6), WRITTEN, max_size=4), WRITTEN
)
def test_what_command_writes_reads_back_as_itself_or_is_not_written(texts, name):
    from autopyfactory.cli.cric import _text
    from autopyfactory.config.loader import parse_text
    from autopyfactory.options.section import Section

    try:
        written = _text([Section.from_texts(name, texts)])
    except ConfigError:
        return
    back = parse_text(written).sections
    assert {n: {k: s.values[k].text for k in s.values} for n, s in back.items()} == {name: texts}


def test_command_leaves_the_file_alone_when_there_is_nothing_to_write(factory, tmp_path, server):
    factory()
    server.stop()
    for copy in factory.state.glob("config-copies/*"):
        copy.unlink()
    out = tmp_path / "queues.conf"
    out.write_text("[Q]\n")
    done = run("--conf", str(tmp_path / "autopyfactory.conf"), "-o", str(out))
    assert done.returncode == 1
    assert "is left as it is" in done.stderr
    assert out.read_text() == "[Q]\n"


FULL = """
import re, sys, time
from pathlib import Path
def peak_kb():  # getrusage would still know the process that this one was forked from
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
from autopyfactory.options.common import FactoryOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.queueconfig.cric import CRIC, CRICOptions
imported = peak_kb()
plugin = CRIC(CRICOptions(), FactoryOptions(factory_id="f", base_log_dir="/x", state_dir=sys.argv[2]))
plugin.sections = {"CRIC all": Section.from_texts("CRIC all", {"file": sys.argv[1]})}
started = time.process_time()
config = plugin.load()
seconds = time.process_time() - started
peak = peak_kb()
print(len(config.sections), round(seconds, 2), imported // 1024, peak // 1024)
"""


def test_a_file_of_the_whole_grid_is_quick_and_small(tmp_path):
    """700 PanDA queues, 20 MB: under 3 s and under 200 MB for the whole process."""
    path = tmp_path / "grid.json"
    path.write_bytes(cric.whole_grid())
    assert 18_000_000 < path.stat().st_size < 30_000_000
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        check=True,
    )
    number, seconds, imported, peak = map(float, done.stdout.split())
    print(f"{number:.0f} queues in {seconds} s; {imported:.0f} MB before, {peak:.0f} MB at most")
    assert number == sum(1 + i % 8 for i in range(700))
    assert seconds < 3  # of the processor, so that neighbours do not count
    assert peak < 200


def test_nothing_selected_is_told_by_load_itself(tmp_path):
    from autopyfactory.plugins.queueconfig.cric import CRIC, CRICOptions
    from servers.context import factory_options

    with pytest.raises(ConfigError, match="no section"):
        CRIC(CRICOptions(), factory_options(state_dir=str(tmp_path))).load()
