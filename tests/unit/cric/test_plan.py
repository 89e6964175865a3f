import copy
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopyfactory.cric import records
from autopyfactory.cric.plan import plan, section_name
from autopyfactory.cric.selection import Selection, why_not
from servers import cric

ALL = Selection(names=("*",), resource_type=())
PLUGINS = ("CondorCE",)


def judge(raw, selection=ALL, defaults=None, plugins=PLUGINS):
    parsed = records.parse(json.dumps(raw).encode())
    return plan(parsed, {"s": selection}, {"s": defaults or {}}, plugins)


def taken(raw, **kwargs):
    return {v.section: v.keys for v in judge(raw, **kwargs) if v.section}


def reasons(raw, **kwargs):
    return [v.reason for v in judge(raw, **kwargs) if not v.section]


def test_a_real_record_becomes_a_queue_for_each_of_its_ces():
    found = taken({"CERN": cric.real()})
    assert len(found) == 13
    keys = found["CERN-ce503.cern.ch-share"]
    condor = "batchsubmit.condorce"
    assert keys["batchsubmitplugin"] == "CondorCE"
    assert keys[f"{condor}.gridresource"] == "ce503.cern.ch"
    assert keys[f"{condor}.port"] == "9619"
    attributes = {k.removeprefix(f"{condor}.condor_attributes."): v for k, v in keys.items() if "butes." in k}
    assert attributes == {
        "+maxMemory": "32000",  # MB, for all cores
        "+xcount": "8",
        "+voactivity": '"unified"',
        "+remote_queue": '"share"',
        "+maxWallTime": "4800",  # minutes, of 288000 s
        "periodic_remove": "JobStatus == 2 && (time() - EnteredCurrentStatus) > 604800",
    }
    assert keys["wmsqueue"] == keys["batchqueue"] == "CERN"
    assert keys["pilot.cores"] == "8"
    assert keys["pilot.memory"] == "32000"
    assert keys["enabled"] == "True"
    assert keys["schedplugin"].startswith("Ready, Share")
    assert "sched.scale.factor" not in keys


def test_a_record_of_today_lacks_fields_that_agis_had_and_is_taken():
    record = cric.queue("AGLT2")
    assert not {"maxmemory", "memory", "maxswap"} & record.keys()
    assert list(taken({"AGLT2": record})) == ["AGLT2-ce1.example.org"]


def test_a_record_with_the_least_that_is_possible():
    least = {"queues": [{"ce_endpoint": "https://ce.example.org/path", "ce_flavour": "htcondor-ce"}]}
    selection = Selection(names=("*",), resource_type=(), states=())
    keys = taken({"X": least}, selection=selection)["X-ce.example.org"]
    assert keys["wmsqueue"] == "X"
    assert keys["pilot.cores"] == "1"
    assert not any("axMemory" in k or "WallTime" in k or "remote_queue" in k for k in keys)


@pytest.mark.parametrize(
    ("given", "minutes"),
    [
        ({"maxtime": 0}, None),
        ({"maxtime": None}, None),
        ({"maxtime": 86400}, "1440"),
        ({"maxtime": 86400, "queues": [cric.ce("c", ce_queue_maxwctime=600)]}, "600"),
        ({"maxtime": 86400, "queues": [cric.ce("c", ce_queue_maxwctime=9000)]}, "1440"),
        ({"maxtime": 0, "queues": [cric.ce("c", ce_queue_maxwctime=9000)]}, "9000"),
        ({"special_par": "(maxWallTime=2880)(xcount=4)(queue=long)"}, "2880"),
    ],
)
def test_wall_time_is_told_in_minutes(given, minutes):
    (keys,) = taken({"X": cric.queue("X", **given)}).values()
    assert keys.get("batchsubmit.condorce.condor_attributes.+maxWallTime") == minutes


def test_special_par_wins():
    (keys,) = taken({"X": cric.queue("X", special_par="(queue=long)(maxWallTime=2880)(xcount=4)")}).values()
    assert keys["batchsubmit.condorce.condor_attributes.+remote_queue"] == '"long"'
    assert keys["batchsubmit.condorce.condor_attributes.+xcount"] == "4"
    assert keys["pilot.cores"] == "4"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"maxrss": "lots"}, "maxrss is 'lots'"),
        ({"maxrss": -1}, "maxrss is '-1'"),
        ({"corecount": 2.5}, "corecount is '2.5'"),
        ({"queues": None}, "it lacks the list of its CE queues"),
        ({"queues": []}, "it has no CE"),
        ({"type": 7}, "type is '7', not a text"),
        ({"panda_resource": "a]\n[b"}, "panda_resource is 'a]\\n[b': control characters"),
        ({"panda_resource": "a] [b"}, "its name cannot be used here"),
        ({"special_par": "(xcount=many)"}, "special_par: xcount is 'many'"),
    ],
)
def test_a_broken_record_costs_that_record_only(given, reason):
    verdicts = judge({"BAD": cric.queue("BAD", **given), "GOOD": cric.queue("GOOD")})
    assert [v.section for v in verdicts if v.section] == ["GOOD-ce1.example.org"]
    (bad,) = [v for v in verdicts if v.record == "BAD"]
    assert reason in bad.reason
    assert bad.broken


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (cric.ce("ce2", "CREAM-CE"), "ce_flavour is cream-ce: nothing speaks that any more"),
        (cric.ce("ce2", "ARC-CE"), "an ARC CE, not reachable until the plugin CondorARC is installed"),
        (cric.ce("ce2", "QUANTUM-CE"), "ce_flavour is unknown: 'quantum-ce'"),
        (cric.ce("ce2", ce_state="DISABLED"), "ce_state is disabled"),
        (cric.ce("ce2", ce_status="downtime"), "ce_status is downtime"),
        (cric.ce("ce2", ce_queue_status="Draining"), "ce_queue_status is draining"),
        (cric.ce(""), "it has no ce_endpoint"),
        (cric.ce("http://user:pw@ce2"), "a user in the URL"),
        (cric.ce("ce2:99999"), "ce_endpoint: '99999' is not a port"),
        (cric.ce("ce 2\nqueue 1000"), "ce_endpoint"),
        (cric.ce("ce2", ce_queue_name='x" 99'), "the name of its queue cannot be used"),
        ("ce2", "not a CE but 'ce2'"),
        (cric.ce("ce1.example.org:9619"), "listed twice"),
    ],
)
def test_a_ce_that_cannot_be_served_is_told_and_costs_itself_only(entry, reason):
    verdicts = judge({"X": cric.queue("X", queues=[cric.ce("ce1.example.org"), entry])})
    expected = ["X-ce1.example.org"]
    if reason == "listed twice":
        verdicts = judge({"X": cric.queue("X", queues=[cric.ce("ce1.example.org:9619"), entry])})
    assert [v.section for v in verdicts if v.section] == expected
    assert reason in verdicts[1].reason


def test_arc_once_its_plugin_is_there():
    record = cric.queue("X", queues=[cric.ce("arc.example.org:2811", "ARC-CE", ce_queue_name="grid")])
    (keys,) = taken({"X": record}, plugins=("CondorCE", "CondorARC")).values()
    assert keys["batchsubmitplugin"] == "CondorARC"
    assert keys["batchsubmit.condorarc.gridresource"] == "https://arc.example.org:443"
    assert (keys["pilot.cores"], keys["pilot.memory"]) == ("8", "32000")
    assert (keys["batchsubmit.walltime"], keys["batchsubmit.queue"]) == ("4800", "grid")
    assert keys["batchsubmit.condorarc.rte"] == "ENV/PROXY"


def test_names_cannot_collide():
    raw = {
        "X": cric.queue(
            "X",
            queues=[
                cric.ce("ce1", ce_queue_name="short"),
                cric.ce("ce1", ce_queue_name="long"),
                cric.ce("ce1:9620", ce_queue_name="long"),
                cric.ce("ce1:9619"),
                cric.ce("ce1-long"),
            ],
        ),
        "X-ce1": cric.queue("X-ce1", queues=[cric.ce("short")]),
        "Y": cric.queue("Y", panda_resource="X", queues=[cric.ce("ce1")]),
    }
    verdicts = judge(raw)
    names = [v.section for v in verdicts if v.section]
    assert len(names) == len(set(names)) == 7
    assert names[:4] == ["X-ce1-short", "X-ce1-long", "X-ce1-9620-long", "X-ce1"]
    assert names[4].startswith("X-ce1-long~")
    assert {v.record: v.keys["wmsqueue"] for v in verdicts}["Y"] == "X"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "A-ce", "A-ce-1", "B"]),
            st.sampled_from(["ce", "ce-1", "1", "ce.x", "x"]),
            st.sampled_from(["", "1", "x", "default"]),
            st.sampled_from(["", ":9619", ":1"]),
        ),
        max_size=30,
    )
)
def test_names_never_collide(entries):
    raw = {}
    for name, host, queue_name, port in entries:
        raw.setdefault(name, cric.queue(name, queues=[]))["queues"].append(
            cric.ce(host + port, ce_queue_name=queue_name)
        )
    if not raw:
        return
    verdicts = judge(raw)
    names = [v.section for v in verdicts if v.section]
    assert len(names) == len(set(names))
    distinct = {(n, h + p.replace(":9619", ""), q) for n, h, q, p in entries}
    assert len(names) == len(distinct)


@pytest.mark.parametrize(
    ("selection", "reason"),
    [
        ({}, None),
        ({"vo": ("ATLAS",)}, None),
        ({"vo": ("cms",)}, "vo is atlas"),
        ({"cloud": ("US", "cern")}, None),
        ({"cloud": ("US",)}, "cloud is CERN"),
        ({"type": ("production",)}, "type is unified"),
        ({"pilot_manager": ("harvester",)}, None),
        ({"pilot_manager": ("APF",)}, "pilot_manager is Harvester"),
        ({"resource_type": ("grid",)}, None),
        ({"resource_type": ("hpc",)}, "resource_type is GRID"),
        ({"states": ("INACTIVE",)}, "state is ACTIVE"),
        ({"regions": ("CERN",)}, None),
        ({"names": ("cern*",)}, None),
        ({"names": ("CERN*", "!CERN")}, "names leaves out CERN"),
        ({"names": ("DESY*",)}, "names does not have it"),
    ],
)
def test_selection(selection, reason):
    raw = records.parse(json.dumps({"CERN": cric.real()}).encode())
    assert why_not(records.record(raw, "CERN"), Selection(**selection)) == reason


def test_virtual_queues_and_inactive_sites_are_left():
    assert reasons({"X": cric.queue("X", is_virtual=True)}) == ["it is virtual"]
    assert reasons({"X": cric.queue("X", site_state="DISABLED")}) == ["site_state is DISABLED"]


def test_the_first_selection_takes_a_record_and_all_reasons_are_told():
    raw = records.parse(json.dumps({"CERN": cric.queue("CERN"), "X": cric.queue("X", cloud="US")}).encode())
    selections = {"one": Selection(cloud=("CERN",)), "two": Selection(vo=("atlas",), type=("unified",))}
    verdicts = plan(raw, selections, {}, PLUGINS)
    assert [(v.record, v.selection) for v in verdicts] == [("CERN", "one"), ("X", "two")]
    del selections["two"]
    selections["three"] = Selection(cloud=("DE",))
    (left,) = [v for v in plan(raw, selections, {}, PLUGINS) if v.record == "X"]
    assert left.reason == "one: cloud is US; three: cloud is US"


def test_duplicate_keys_cost_what_they_make_doubtful():
    good = json.dumps(cric.queue("G"))
    text = (
        f'{{"A": {good}, "B": {good}, "A": {good},'
        f' "C": {{"queues": [], "maxrss": 1, "maxrss": 2}}, "D": {good[:-1]},'
        ' "comment": {"x": 1, "x": 2}}}'
    )
    verdicts = plan(records.parse(text.encode()), {"s": ALL}, {}, PLUGINS)
    told = {v.record: v.reason for v in verdicts}
    assert told["A"] == "the file has two records of this name"
    assert told["C"] == "it says 'maxrss' twice"
    assert told["B"] == "taken"
    assert "'comment' twice" in told["D"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "not a single PanDA queue"),
        ("[]", "not an object"),
        ('{"error": "no such preset"}', "no record of a PanDA queue in it .keys: error"),
        ('{"A": {"B": 1}}', "no record of a PanDA queue"),
        ("<html>", "an HTML page"),
    ],
)
def test_a_file_of_something_else_is_refused(text, told):
    with pytest.raises(ValueError, match=told):
        records.parse(text.encode())


@pytest.mark.parametrize(
    ("selection", "defaults", "chain", "factor"),
    [
        ({}, {}, "Ready, Share, MaxPerCycle, StatusTest, StatusOffline, MaxPending", None),
        ({}, {"schedplugin": "Ready, Share, MaxPending"}, None, None),
        ({}, {"schedplugin": "Ready, MaxPending"}, "Ready, Share, MaxPending", None),
        # any rule that looks at the work; one that does not is no demand to divide
        ({}, {"schedplugin": "Adaptive, MaxPending"}, "Adaptive, Share, MaxPending", None),
        (
            {},
            {"schedplugin": "MinPerCycle, WeightedActivated"},
            "MinPerCycle, WeightedActivated, Share",
            None,
        ),
        ({}, {"schedplugin": "Fixed, MaxPending"}, None, None),
        ({}, {"schedplugin": "NotInstalled, MaxPending"}, None, None),
        ({"jobs_per_pilot": 1.5}, {"schedplugin": "Ready"}, "Ready, Share, Scale", "0.666667"),
        # the chain and the numbers of 2.4's agisdefaults.conf: 1/4/1.5, and Share instead of 1/CEs
        (
            {"jobs_per_pilot": 1.5, "factories": 4},
            {"schedplugin": "Ready, Scale, MaxPerCycle"},
            "Ready, Share, Scale, MaxPerCycle",
            "0.166667",
        ),
        ({}, {"schedplugin": "Fixed"}, None, None),
    ],
)
def test_demand_is_shared_over_ces_and_factories(selection, defaults, chain, factor):
    chosen = Selection(names=("*",), **selection)
    (keys,) = taken({"X": cric.queue("X")}, selection=chosen, defaults=defaults).values()
    assert keys.get("schedplugin") == chain
    assert keys.get("sched.scale.factor") == factor


def test_a_numbered_factory_takes_its_exact_part():
    chosen = Selection(names=("*",), factories=4, factory=2)
    (keys,) = taken({"X": cric.queue("X")}, selection=chosen).values()
    assert keys["sched.share.factories"] == "4"
    assert keys["sched.share.factory"] == "2"
    assert "sched.scale.factor" not in keys


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(records.RECORD_KEYS - {"queues"})), json_values), st.data())
def test_no_value_of_any_field_breaks_more_than_its_record(fields, data):
    entry = dict(cric.ce("ce1"))
    entry |= data.draw(st.dictionaries(st.sampled_from(sorted(records.CE_KEYS)), json_values, max_size=4))
    raw = {"X": cric.queue("X", **copy.deepcopy(fields), queues=[entry]), "GOOD": cric.queue("GOOD")}
    verdicts = judge(raw)
    assert "GOOD-ce1.example.org" in [v.section for v in verdicts]
    for verdict in verdicts:
        assert not any("\n" in k + v or "\r" in k + v for k, v in verdict.keys.items())


def test_section_name_tells_where_pilots_go():
    raw = records.parse(json.dumps({"X": cric.queue("X")}).encode())
    ce = records.ce(cric.ce("https://ce1.x.org:9700/p", ce_queue_name="a/b"))
    assert section_name(records.record(raw, "X"), ce) == "X-ce1.x.org-9700-a_b"


INJECTION = (
    "online\n[zz]\nenabled = True\nwmsstatusplugin = Command\nwmsstatus.command.command = /bin/sh -c id"
)
TEXTS = (
    *("vo_name", "cloud", "region", "state", "site_state", "status", "type", "resource_type"),
    *("pilot_manager", "special_par", "panda_resource"),
)
CE_TEXTS = ("ce_endpoint", "ce_flavour", "ce_queue_name", "ce_queue_status", "ce_state", "ce_status")


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize(
    "text", [INJECTION, "a\x1b[2Jb", "a\x85b", "a\u2028b", "a\u202eb", "a\x00b", "x" * 5000]
)
def test_control_characters_in_a_record_cost_that_record(field, text):
    verdicts = judge({"BAD": cric.queue("BAD", **{field: text}), "GOOD": cric.queue("GOOD")})
    assert [v.section for v in verdicts if v.section] == ["GOOD-ce1.example.org"]


@pytest.mark.parametrize("field", CE_TEXTS)
@pytest.mark.parametrize("text", [INJECTION, "a\x1b[2Jb", "a\x85b", "a\u2028b"])
def test_control_characters_at_a_ce_cost_that_ce(field, text):
    ces = [cric.ce("ce1.example.org"), cric.ce("ce2.example.org") | {field: text}]
    assert list(taken({"X": cric.queue("X", queues=ces)})) == ["X-ce1.example.org"]


@pytest.mark.parametrize(
    "name", ["a b", "a$(HOME)", "$ENV(X)", "a/b", "..\\x", "a'b", 'a"b', "a;b", "é", "a\nb", "a%(x)s"]
)
def test_names_of_panda_queues_are_plain(name):
    assert taken({name: cric.queue("X", panda_resource="X")}) == {}
    assert taken({"X": cric.queue("X", panda_resource=name)}) == {}


@pytest.mark.parametrize("queue", ["x)(y", "a<b>", "a\x1b", 'a"b', "a b"])
def test_a_queue_that_special_par_names_is_a_plain_name_too(queue):
    assert not any(
        "<b>" in str(k) for k in taken({"X": cric.queue("X", special_par=f"(queue={queue})")}).values()
    )


def test_keys_that_come_twice_are_found_in_time_that_grows_as_the_file():
    def seconds(n):
        text = '{"Q": {"queues": [], ' + ", ".join(f'"k{i}": 0, "k{i}": 1' for i in range(n)) + "}}"
        start = time.process_time()
        assert "twice" in plan(records.parse(text.encode()), {"s": ALL}, {"s": {}}, PLUGINS)[0].reason
        return time.process_time() - start

    seconds(100)
    assert seconds(80_000) < 10  # comparing all with all: minutes


VERSION = "wrapper.option.panda.version"
PILOTS = {
    "wrapper.payload": "panda",
    "wrapper.option.panda.url": "https://x/pilot3-{version}.tar.gz",
    "wrapper.option.panda.sha256": f"3.11.5.1:{'a' * 64} 3.12.0.3:{'b' * 64}",
}


def test_pilots_are_of_the_version_that_the_record_wants():
    real = cric.real()
    assert real["pilot_version"] == "3"
    found = taken({"CERN": real}, defaults=PILOTS)
    [version] = {keys[VERSION] for keys in found.values()}
    assert version == "3.12.0.3"
    older = cric.queue("Q") | {"pilot_version": "3.11.5.1"}
    assert taken({"Q": older}, defaults=PILOTS)["Q-ce1.example.org"][VERSION] == "3.11.5.1"
    assert VERSION not in taken({"CERN": real})["CERN-ce503.cern.ch-share"]


def test_a_version_without_a_digest_costs_that_queue_or_is_told():
    wants = {"Q": cric.queue("Q") | {"pilot_version": "4"}}
    assert not taken(wants, defaults=PILOTS)
    assert "of version 4, of which" in reasons(wants, defaults=PILOTS)[0]
    [verdict] = judge(wants, defaults=PILOTS | {VERSION: "3.11.5.1"})
    assert verdict.section and "they stay 3.11.5.1" in verdict.warning


def test_a_version_that_is_none_costs_its_record():
    assert "pilot_version" in reasons({"Q": cric.queue("Q") | {"pilot_version": "3; rm -rf /"}})[0]
    numbered = cric.queue("Q") | {"pilot_version": 3}
    assert taken({"Q": numbered}, defaults=PILOTS)["Q-ce1.example.org"][VERSION] == "3.12.0.3"
