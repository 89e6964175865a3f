"""Configurations that are well formed and still not meant."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from autopyfactory.check.semantics import inspect
from autopyfactory.config.build import load
from autopyfactory.config.model import Configuration
from autopyfactory.options.common import QueueOptions
from autopyfactory.options.declare import specs
from autopyfactory.options.problem import Problem
from configkit import DEFAULTS, FACTORY, Limit, Tree, messages

NO_CAP = "no cap: work that is told wrongly, or grows without end, is answered with ever more pilots"


@pytest.fixture
def wrapper(tmp_path: Path) -> Path:
    path = tmp_path / "wrapper.sh"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def said(tree: Tree, text: str, wrapper: Path | None = None, factory: str = FACTORY) -> list[str]:
    executable = f"executable = {wrapper}\n" if wrapper else ""
    found = tree.queues(f"{DEFAULTS}{executable}[Q]\n{text}\n", factory)
    assert found.broken == {}, messages(found.problems)
    return messages(inspect(found))


def test_an_executable_beside_a_composed_wrapper(tree: Tree, wrapper: Path) -> None:
    """The hint is one that helps: what `[DEFAULT]` says to all queues is not to be dropped for one."""
    own = f"executable = {wrapper}\n"
    for default, section, hint in ((own, "", "set executable = None in this"), ("", own, "drop one of")):
        found = inspect(tree.queues(f"{DEFAULTS}{default}[Q]\nwrapper.payload = glidein\n{section}"))
        (problem,) = [p for p in found if p.key == "executable"]
        assert problem.hint is not None and problem.hint.startswith(hint)
    text = "executable = None\nwrapper.payload = glidein"
    assert "not used: wrapper.payload" not in str(said(tree, text, wrapper))


def test_folders_that_are_closed_to_this_user(tree: Tree, wrapper: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    told = ["warning baseLogDir: cannot be written to by this user"]
    for base, words in ((closed, told), (closed / "new", [])):
        factory = "\n".join(x for x in FACTORY.splitlines() if not x.startswith("baseLogDir"))
        assert said(tree, "", wrapper, f"{factory}\nbaseLogDir = {base}\n") == words


def test_a_usual_queue_is_fine(tree: Tree, wrapper: Path) -> None:
    assert said(tree, "", wrapper) == []


def test_queues_that_are_not_enabled_are_left_alone(tree: Tree) -> None:
    assert said(tree, "enabled = False\nschedplugin = Ready") == []


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ("Ready, StatusOffline, Floor, Limit", ["Floor behind StatusOffline sends 3 pilots"]),
        ("Ready, Floor, StatusOffline, Limit", []),
        ("Ready, StatusOffline, Limit", []),
    ],
)
def test_rules_that_revive_offline_sites(tree: Tree, wrapper: Path, chain: str, words: list[str]) -> None:
    found = said(tree, f"schedplugin = {chain}\nsched.floor.minimum = 3", wrapper)
    assert [w in m for w, m in zip(words, found, strict=True)] == [True] * len(words)


def test_a_floor_of_zero_revives_nothing(tree: Tree, wrapper: Path) -> None:
    chain = "schedplugin = Ready, StatusOffline, Floor, Limit\nsched.floor.minimum = 0"
    assert said(tree, chain, wrapper) == []


def test_a_chain_without_any_cap(tree: Tree, wrapper: Path) -> None:
    assert said(tree, "schedplugin = Ready", wrapper) == [
        "warning schedplugin: nothing limits the number of pilots"
    ]


def test_a_cap_of_the_whole_factory_is_a_cap(tree: Tree, wrapper: Path) -> None:
    assert said(tree, "schedplugin = Ready, Capped", wrapper) == []


def test_a_rule_without_its_number_does_nothing(tree: Tree, wrapper: Path) -> None:
    found = said(tree, "sched.limit.maximum = None", wrapper)
    assert found == [
        "warning schedplugin: Limit does nothing",
        "warning schedplugin: nothing limits the number of pilots",
    ]


def test_the_real_rules(tree: Tree, tmp_path: Path, wrapper: Path) -> None:
    """The installed plugins, on the traps that their documentation warns of."""
    from autopyfactory.config.registry import installed

    queue = (
        "[{name}]\nenabled = True\nwmsqueue = {name}\nwmsstatusplugin = Condor\nbatchstatusplugin = Condor\n"
        "batchsubmitplugin = CondorLocal\nexecutable = {wrapper}\nschedplugin = {chain}\n"
        "sched.minpercycle.minimum = 2\nsched.minpending.minimum = 1\nsched.maxpending.maximum = 50\n"
        "sched.maxpercycle.maximum = 20\nsched.maxtorun.maximum = 90\n"
    )
    chains = {
        "fine": "Ready, Scale, MaxPerCycle, MinPerCycle, StatusTest, StatusOffline, MaxPending, MaxToRun",
        "percycle": "Ready, MaxPerCycle, StatusOffline, MinPerCycle, MaxToRun",
        "pending": "Ready, MaxPerCycle, StatusTest, MinPending, MaxToRun",
        "first": "Ready, MaxPending",
        "free": "Ready, Scale",
        "slow": "Ready, MaxPerCycle",
        "growth": "Ready, MaxGrowth, MaxPending, MaxPerCycle",
    }
    text = "".join(queue.format(name=n, chain=c, wrapper=wrapper) for n, c in chains.items())
    found = tree.write(factory=FACTORY, queues=text).load(installed())
    assert set(found.queues) == set(chains), messages(found.problems)
    assert [(p.section, p.message) for p in inspect(found)] == [
        ("percycle", "MinPerCycle after StatusOffline sends pilots that this holds back"),
        ("pending", "MinPending after StatusTest sends pilots that this holds back"),
        ("first", "nothing limits the number of pilots while none is pending"),
        ("free", "nothing limits the number of pilots"),
        *((name, NO_CAP) for name in ("slow", "growth")),
    ]


@pytest.mark.parametrize(
    ("text", "severity", "words"),
    [
        ("executable = None", "error", "not set: pilots have nothing to run"),
        ("executable = /nonexistent/w.sh", "error", "there is no such file on this machine"),
        ("executable = {plain}", "warning", "is not executable"),
        ("executable = /site/$(Cluster)/w.sh", "", ""),
    ],
)
def test_executables(tree: Tree, wrapper: Path, text: str, severity: str, words: str) -> None:
    plain = wrapper.parent / "plain"
    plain.write_text("")
    found = said(tree, text.format(plain=plain), wrapper)
    assert found == ([f"{severity} executable: {words}"] if severity else [])


def test_executables_are_not_looked_for_on_other_machines(tree: Tree) -> None:
    found = tree.queue("executable = /nonexistent/w.sh")
    assert inspect(found, files=False) == []


def test_two_queues_for_the_same_work_at_the_same_ce(tree: Tree, wrapper: Path) -> None:
    text = f"{DEFAULTS}executable = {wrapper}\n[A]\n[B]\n[C]\nwmsqueue = other\n[D]\nbatchqueue = long\n"
    (problem,) = inspect(tree.queues(text))
    assert problem.section == "B"
    assert "same work and same CE (ce.example.org) as queue A" in problem.message


def test_a_queue_without_a_wmsqueue(tree: Tree, wrapper: Path) -> None:
    assert said(tree, "wmsqueue = None", wrapper)[0].startswith("warning wmsqueue: not set")


def test_a_profile_that_does_not_exist(tree: Tree, wrapper: Path) -> None:
    tree.write(auth="[p]\nplugin=X509\nx509.proxyfile=/p\n")
    factory = FACTORY + "authConf = auth.conf\n"
    assert said(tree, "batchsubmit.send.proxy = p", wrapper, factory) == []
    (found,) = said(tree, "batchsubmit.send.proxy = p, q", wrapper, factory)
    assert found == "error batchsubmit.send.proxy: there is no profile [q] in authConf"


def test_a_pilot_that_cannot_be_described(tree: Tree, wrapper: Path) -> None:
    (found,) = said(tree, "batchsubmit.send.environ = bad", wrapper)
    assert found == "error batchsubmitplugin: Send cannot describe a pilot: quotes do not match"


def test_a_plugin_that_refuses_its_options(
    tree: Tree, wrapper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(Limit, "__init__", refuse)
    (found,) = said(tree, "", wrapper)
    assert found == "error schedplugin: Limit does not take these options: no"


def test_plugins_have_a_say_about_the_whole(
    tree: Tree, wrapper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(configuration: Configuration) -> Iterable[Problem]:
        yield Problem("warning", f"{len(configuration.queues)} seen")

    monkeypatch.setattr(Limit, "check", check, raising=False)
    assert said(tree, "", wrapper) == ["warning None: 1 seen"]


def test_the_factory(tree: Tree) -> None:
    found = tree.queues("", FACTORY + "baseLogDirUrl = http://h/\n")
    assert messages(inspect(found)) == [
        "warning baseLogDirUrl: must not end in a slash",
        "warning queueConf: there is no queue",
    ]


@pytest.mark.parametrize("there", [True, False])
def test_files_with_which_the_wms_is_asked(tmp_path: Path, wrapper: Path, there: bool) -> None:
    proxy = tmp_path / "proxy.pem"
    if there:
        proxy.write_text("x")
    (tmp_path / "autopyfactory.conf").write_text(
        f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nqueueConf = {tmp_path}/queues.conf\n"
    )
    (tmp_path / "queues.conf").write_text(
        "[Q]\nenabled = True\nwmsqueue = q\nschedplugin = Ready, MaxToRun\nsched.maxtorun.maximum = 5\n"
        f"batchsubmitplugin = Exec\nwmsstatusplugin = Panda\nexecutable = {wrapper}\n"
        f"batchstatusplugin = Exec\nwmsstatus.panda.certfile = {proxy}\n"
    )
    found = messages(inspect(load([str(tmp_path / "autopyfactory.conf")])))
    absent = "error wmsstatus.panda.certfile: there is no such file"
    assert found == ([] if there else [absent])


def test_pilots_that_are_counted_elsewhere_than_they_are_sent_are_an_error(tree: Tree, wrapper: Path) -> None:
    """Each cycle would send them again."""
    from autopyfactory.config.registry import installed

    head = f"[Q]\nenabled = True\nwmsqueue = W\nwmsstatusplugin = Condor\nexecutable = {wrapper}\n"
    chain = "schedplugin = Ready, MaxPerCycle\nsched.maxpercycle.maximum = 1\n"
    for batchstatus, batchsubmit, wrong in (
        ("Exec", "CondorLocal", True),
        ("Condor", "Exec", True),
        ("Exec", "Exec", False),
        ("Condor", "CondorLocal", False),
    ):
        plugins = f"batchstatusplugin = {batchstatus}\nbatchsubmitplugin = {batchsubmit}\n"
        tree.write(factory=FACTORY, queues=head + chain + plugins)
        found = [p for p in inspect(tree.load(installed()), files=False) if p.key == "batchstatusplugin"]
        assert [p.severity for p in found] == (["error"] if wrong else [])


WRAPPER_ONLY = {
    "wrapper.report": "http://127.0.0.1:1/",
    "wrapper.udp": "127.0.0.1:1",
    "wrapper.checks": "tmp",
    "wrapper.files": "/vo/setup.sh",
    "wrapper.lifetime": "60",
    "wrapper.grace": "60",
    "wrapper.hold": "60",
    "wrapper.tellempty": "True",
    "wrapper.payload.rules": "command",
    "wrapper.option.command.program": "/bin/true",
}


def test_what_only_a_composed_wrapper_reads_is_told_where_there_is_none(tree: Tree, wrapper: Path) -> None:
    declared = {s.keys[0] for s in specs(QueueOptions) if s.keys[0].startswith("wrapper.")}
    assert {k.replace("command.program", "*") for k in WRAPPER_ONLY} == declared - {"wrapper.payload"}
    for key, value in WRAPPER_ONLY.items():
        (told,) = said(tree, f"{key} = {value}", wrapper)
        assert told.startswith(f"warning {key}: not used: pilots run a file of their own")
    found = tree.queues(f"{DEFAULTS}executable = {wrapper}\nwrapper.hold = 60\n[Q]\n")
    assert messages(inspect(found)) == [], "in [DEFAULT] it is for those that have one"
