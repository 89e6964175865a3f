"""One queue with several CEs or schedds: bound once for each, complained about in the user's own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autopyfactory.config.build import load
from autopyfactory.config.diff import diff
from autopyfactory.config.model import Configuration
from autopyfactory.plugins.schedd import OneOfSeveral, several

QUEUE = """
[Q]
enabled = True
wmsqueue = W
wmsstatusplugin = File
wmsstatus.file.path = /work.json
batchstatusplugin = Condor
batchsubmitplugin = CondorCE
schedplugin = Ready
executable = /bin/true
"""


@pytest.fixture
def conf(tmp_path: Path) -> Any:
    def made(text: str, queue: str = QUEUE) -> Configuration:
        queues = tmp_path / "queues.conf"
        queues.write_text(queue + text)
        main = tmp_path / "factory.conf"
        main.write_text(f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nqueueConf = {queues}\n")
        return load([str(main)])

    return made


def errors(found: Configuration) -> list[str]:
    return [f"{p.where.line if p.where else ''} {p.key}: {p.message}" for p in found.errors]


def ways(found: Configuration) -> list[tuple[str, Any, Any, float]]:
    return [
        (
            r.batchsubmit.options.gridresource,
            r.batchsubmit.options.target(),
            r.batchstatus.options.target(),
            r.weight,
        )
        for r in found.queues["Q"].routes
    ]


def test_one_way_for_each_ce_and_schedd(conf: Any) -> None:
    found = conf(
        "batchsubmit.ces = a.org, b.org:9620\nbatchsubmit.condorce.gridresource = not-used.org\n"
        "batchstatus.condor.collector = cm.org\n"
        "batchstatus.condor.schedds = ap1@x.org weight=3, ap2 pool=other.org:9618\n"
    )
    assert errors(found) == []
    assert [(ce, str(to), str(of), w) for ce, to, of, w in ways(found)] == [
        ("a.org", "ap1@x.org@cm.org", "ap1@x.org@cm.org", 3.0),
        ("a.org", "ap2@other.org:9618", "ap2@other.org:9618", 1.0),
        ("b.org:9620", "ap1@x.org@cm.org", "ap1@x.org@cm.org", 3.0),
        ("b.org:9620", "ap2@other.org:9618", "ap2@other.org:9618", 1.0),
    ]
    assert found.queues["Q"].options.ces == ("a.org", "b.org:9620")


def test_the_key_that_the_user_wrote_is_named(conf: Any) -> None:
    assert errors(conf("batchsubmit.ces = a.org, b:c:d\n"))[0].startswith("11 batchsubmit.ces: ")
    assert errors(conf("batchsubmit.ces = a.org, A.org\n")) == ["11 batchsubmit.ces: names a CE twice"]
    assert errors(conf("batchsubmit.ces = a.org\nbatchstatus.condor.schedds = ap weight=0\n")) == [
        "12 batchstatus.condor.schedds: the weight of ap is no number above 0: '0'"
    ]
    exec_ = QUEUE.replace("CondorCE", "Exec").replace("= Condor\n", "= Exec\n")
    assert errors(conf("batchsubmit.ces = a.org, b.org\n", exec_)) == [
        "11 batchsubmit.ces: Exec sends to one place only"
    ]


def test_what_is_different_at_one_of_them(conf: Any) -> None:
    found = conf("batchsubmit.ces = a.org, b.org schedd=b@x.org tokenfile=/t\n")
    assert errors(found) == []
    first, second = (r.batchsubmit.options for r in found.queues["Q"].routes)
    assert (first.schedd_name, first.tokenfile) == (None, None)
    assert (second.schedd_name, second.tokenfile) == ("b@x.org", "/t")
    assert errors(conf("batchsubmit.ces = a.org, b.org speed=3 x\n")) == [
        "11 batchsubmit.ces: 'speed=3' is no OPTION=VALUE of CondorCE for the CE b.org",
        "11 batchsubmit.ces: 'x' is no OPTION=VALUE of CondorCE for the CE b.org",
    ]


def test_another_ce_is_another_queue(conf: Any) -> None:
    before = conf("batchsubmit.ces = a.org, b.org\n")
    after = conf("batchsubmit.ces = a.org, c.org\n")
    assert list(diff(before, after).changed) == ["Q"]
    assert diff(before, conf("batchsubmit.ces = a.org, b.org\n")).empty


@pytest.mark.parametrize(
    "text", ["ap pool", "ap speed=3", "=x", "ap, AP", "ap pool=a pool=b", "ap weight=inf", "ap pool=a:b:c"]
)
def test_schedds_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError):
        several(text)


def test_schedds() -> None:
    assert several("ap@h.org, b pool=c.org weight=.5 ,") == (
        OneOfSeveral("ap@h.org"),
        OneOfSeveral("b", "c.org", 0.5),
    )


CHILD = """
[{name}]
batchsubmitplugin = CondorCE
batchsubmit.condorce.gridresource = {ce}
batchsubmit.condorce.environ = A={name}
klass = SubmitQueue
"""
PARENT = """
[Q]
enabled = True
klass = LBQueue
childlist = north, south
wmsqueue = W
wmsstatusplugin = File
wmsstatus.file.path = /work.json
batchstatusplugin = Condor
schedplugin = Ready
executable = /bin/true
"""


def test_a_parent_of_24_sends_to_the_ces_of_its_children(conf: Any) -> None:
    children = CHILD.format(name="north", ce="n.org:9619") + CHILD.format(name="south", ce="s.org")
    found = conf(children, PARENT)
    assert errors(found) == []
    assert list(found.queues) == ["Q"]
    assert not found.broken
    assert [ce for ce, *_ in ways(found)] == ["n.org:9619", "s.org"]
    assert found.queues["Q"].batchsubmit.options.environ == "A=north"  # type: ignore[attr-defined]


def test_a_parent_whose_children_do_not_fit(conf: Any) -> None:
    assert errors(conf("", PARENT)) == [
        "5 childlist: is a parent of other queues, and there is no section north, south"
    ]
    north, south = (CHILD.format(name=n, ce=f"{n}.org") for n in ("north", "south"))
    other = south.replace("CondorCE", "CondorARC")
    assert "not all sent to in the same way" in errors(conf(north + other, PARENT))[0]
    nowhere = south.replace("batchsubmit.condorce.gridresource = south.org", "")
    assert errors(conf(north + nowhere, PARENT))[0].endswith("and south names no CE")
