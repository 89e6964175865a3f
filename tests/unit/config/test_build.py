"""From files to a factory: what is built, what is left out, and what is said about it."""

from __future__ import annotations

import pytest

from autopyfactory.options.problem import ConfigError, Unreadable
from configkit import DEFAULTS, FACTORY, Generated, Limit, Ready, Send, Tree, messages


def errors(tree: Tree, text: str) -> list[str]:
    found = tree.queue(text)
    assert "Q" in found.broken
    return messages(found.errors)


# --- queues ---------------------------------------------------------------------------------------


def test_a_queue_with_its_plugins(tree: Tree) -> None:
    queue = tree.queue("batchsubmit.parent.environ = A=1").queues["Q"]
    assert [c.cls for c in queue.sched] == [Ready, Limit]
    assert queue.batchsubmit.cls is Send
    assert queue.batchsubmit.options.environ == "A=1"  # type: ignore[attr-defined]
    assert queue.wmsstatus is not None
    assert queue.wmsstatus.name == "Work"
    assert queue.options.enabled
    assert queue.options.wmsqueue == "work"


def test_the_others_run_when_one_is_broken(tree: Tree) -> None:
    found = tree.queues(f"{DEFAULTS}[A]\n[B]\nschedplugin = Redy\n[C]\n")
    assert list(found.queues) == ["A", "C"]
    assert messages(found.broken["B"]) == ["error schedplugin: there is no sched plugin 'Redy'"]


def test_two_queues_never_share_a_folder(tree: Tree) -> None:
    found = tree.queues(f"{DEFAULTS}[a/b:c]\n[a_b_c]\n[d]\n")
    assert list(found.queues) == ["a/b:c", "d"]
    assert "same folder as those of a/b:c" in messages(found.broken["a_b_c"])[0]


def test_none_as_status_plugin(tree: Tree) -> None:
    queue = tree.queue("wmsstatusplugin = None\nbatchstatusplugin = None\nschedplugin = Limit").queues["Q"]
    assert (queue.wmsstatus, queue.batchstatus) == (None, None)


def test_a_chain_that_can_never_decide_is_an_error(tree: Tree) -> None:
    assert set(errors(tree, "wmsstatusplugin = None\nbatchstatusplugin = None")) == {
        "error wmsstatusplugin: not set, but Ready needs to know how much work there is",
        "error batchstatusplugin: not set, but Ready needs to know how many pilots there are",
    }


def test_every_error_of_a_queue_at_once(tree: Tree) -> None:
    text = (
        "schedplugin = Ready, Limt, Gone\nsched.ready.offset = x\nbatchsubmit.send.ce =\nsched.limt.max = 3"
    )
    assert {m.split(":")[0] for m in errors(tree, text)} == {
        "error schedplugin",
        "error sched.ready.offset",
        "error batchsubmit.send.ce",
        "error sched.limt.max",
    }


def test_a_line_that_cannot_be_read_breaks_its_queue_only(tree: Tree) -> None:
    found = tree.queues(f"{DEFAULTS}[A]\nsched.limit.maximum 3\n[B]\n")
    assert list(found.broken) == ["A"]
    assert list(found.queues) == ["B"]


def test_a_line_of_default_that_cannot_be_read_breaks_all_under_it(tree: Tree) -> None:
    factory = FACTORY.replace("queues.conf", "queues.conf, more.conf")
    tree.write(factory=factory, queues=f"{DEFAULTS}sched.limit.maximum 3\n[A]\n", more=f"{DEFAULTS}[B]\n")
    found = tree.load()
    assert list(found.broken) == ["A"]
    assert list(found.queues) == ["B"]


def test_a_misspelt_key_in_default_breaks_all_and_is_told_once(tree: Tree) -> None:
    found = tree.queues(f"{DEFAULTS}sched.limit.maximun = 3\n[A]\n[B]\n")
    assert list(found.broken) == ["A", "B"]
    (problem,) = found.errors
    assert (problem.section, problem.hint) == ("DEFAULT", "did you mean sched.limit.maximum?")


def test_mistakes_of_a_queue_that_is_not_enabled_are_warnings(tree: Tree) -> None:
    found = tree.queue("enabled = False\nschedplugin = Nix")
    assert found.errors == ()
    assert messages(found.warnings) == [
        "warning schedplugin: there is no sched plugin 'Nix' (the queue is not enabled)"
    ]
    assert list(found.broken) == ["Q"]


def test_enabled_left_out_is_told(tree: Tree) -> None:
    found = tree.queues(f"{DEFAULTS.replace('enabled = True', '')}[A]\n")
    assert messages(found.problems) == ["warning enabled: not set: the queue does not run"]
    assert not found.queues["A"].options.enabled


@pytest.mark.parametrize("name", ["CondorGT2", "CondorGT5", "CondorCREAM", "CondorDeltaCloud"])
def test_gone_technology_is_one_clear_error_naming_the_replacement(tree: Tree, name: str) -> None:
    text = f"batchsubmitplugin = {name}\nglobusrsl.gram5.queue = x\nsched.limit.maximum = x\nnonsense.key = 1"
    (problem,) = tree.queue(text).broken["Q"]
    assert problem.key == "batchsubmitplugin"
    assert "gone" in problem.message
    assert problem.hint is not None
    assert "CondorCE" in problem.hint or "CondorEC2" in problem.hint


def test_a_third_partys_broken_plugin_hurts_only_its_users(tree: Tree) -> None:
    found = tree.queues(f"{DEFAULTS}[A]\nschedplugin = Gone\n[B]\n")
    assert list(found.queues) == ["B"]
    assert "cannot be imported" in found.broken["A"][0].message


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("sched.limit.maximun", "sched.limit.maximum"),
        ("Enabled", "enabled"),
        ("apfqueue.slep", "apfqueue.sleep"),
        ("batchsubmit.send.envron", "batchsubmit.send.environ"),
        ("schedplugins", "schedplugin"),
        ("batchsubmit.send.atributes.+x", "batchsubmit.send.attributes"),
    ],
)
def test_unknown_keys_are_errors_with_a_suggestion(tree: Tree, key: str, meant: str) -> None:
    (problem,) = tree.queue(f"{key} = 1").errors
    assert (problem.key, problem.message) == (key, "unknown key")
    assert problem.hint == f"did you mean {meant}?"
    assert problem.where is not None
    assert problem.where.line > 0


def test_an_unknown_key_like_no_other(tree: Tree) -> None:
    (problem,) = tree.queue("sched.qwerty = 1").errors
    assert problem.hint == "nothing reads it and no other value refers to it"
    assert messages(tree.queue("contact = Joe").problems) == [
        "warning contact: nothing reads this key and no other value refers to it"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "my.site = BNL\nexecutable.arguments = -s %(my.site)s",
        "vo = ATLAS\ncloud = US\nreq = x\nhold = y",
        "batchsubmit.other.size = 3",
        "sched.floor.minimum = 1",
        "batchsubmit.send.attributes.+foo = bar",
        "wmsstatus.work.queryhost = h",
    ],
    ids=["helper", "usual helpers", "other plugin", "other rule", "family", "old name"],
)
def test_keys_that_are_fine(tree: Tree, text: str) -> None:
    assert tree.queue(text).problems == ()


def test_a_helper_in_default_may_be_used_by_one_queue(tree: Tree) -> None:
    found = tree.queues(f"{DEFAULTS}my.args = -x\n[A]\nexecutable.arguments = %(my.args)s\n[B]\n")
    assert found.problems == ()


@pytest.mark.parametrize(
    "key",
    [
        "sched.statustest.allowed",
        "sched.trivial.x",
        "batchsubmit.condorosgce.remote_condor_schedd",
        "batchsubmit.condorgt2.environ",
        "globusrsl.gram5.queue",
        "nordugridrsl.queue",
        "batchsubmit.send.submitargs",
        "batchsubmit.send.overlay.killorder",
        "factoryconf",
        "wmsstatus.condor.password_file",
        "batchsubmit",
    ],
)
def test_keys_of_2_4_that_do_nothing_are_warnings_that_say_what_to_use(tree: Tree, key: str) -> None:
    found = tree.queue(f"{key} = 1")
    (problem,) = found.problems
    assert (problem.severity, problem.key) == ("warning", key)
    assert problem.hint
    assert list(found.queues) == ["Q"]


def test_values_of_unknown_keys_are_not_shown(tree: Tree) -> None:
    """They may be secrets: who can tell what the key was meant to be?"""
    (problem,) = tree.queue("batchsubmit.send.passwrod = hunter2").errors
    assert problem.value is None


# --- [Factory] ------------------------------------------------------------------------------------


def test_without_a_factory_section_there_is_nothing(tree: Tree) -> None:
    tree.write(factory="[factory]\nfactoryId=x\n")
    with pytest.raises(Unreadable) as caught:
        tree.load()
    assert caught.value.problems[-1].hint == "did you mean [Factory] by [factory]?"
    tree.write(factory="[A]\nbatchsubmitplugin=Send\n")
    with pytest.raises(Unreadable, match="these look like queues"):
        tree.load()


def test_a_factory_that_cannot_be_used_tells_everything_queues_included(tree: Tree) -> None:
    factory = "[Factory]\nbaseLogDir=/l\nqueueConf=queues.conf\nfactory.sleep=x\nfactory.slep=3\n"
    tree.write(factory=factory, queues=f"{DEFAULTS}[A]\nsched.limit.maximum = x\n")
    with pytest.raises(ConfigError) as caught:
        tree.load()
    assert {p.key for p in caught.value.problems} == {
        "factoryId",
        "factory.sleep",
        "factory.slep",
        "sched.limit.maximum",
    }


def test_several_files_of_the_factory_and_the_command_line(tree: Tree) -> None:
    from autopyfactory.config import build

    tree.write(factory=FACTORY + "cycles = 5\n", queues="", more="[Factory]\ncycles = 7\n")
    sources = [tree.conf, str(tree.folder / "more.conf")]
    assert build.load(sources).factory.cycles == 7
    assert build.load(sources, overrides={"cycles": "9", "factoryUser": "50%"}).factory.cycles == 9
    with pytest.raises(ConfigError, match=r"<command line>: error:.*cycles"):
        build.load(sources, overrides={"cycles": "x"})


def test_legacy_keys_of_the_factory(tree: Tree) -> None:
    old = "authmanager.enabled=True\nlogserver.index=True\nbatchstatus.maxtime=9\nversionTag=1\nmonitor=x\n"
    found = tree.queues("", FACTORY + old)
    assert {p.key for p in found.warnings} == {line.split("=")[0] for line in old.split()}
    assert found.errors == ()


def test_options_of_plugins_and_parts_in_the_factory_section(tree: Tree) -> None:
    found = tree.queues(f"{DEFAULTS}[A]\n", FACTORY + "wmsstatus.work.sleep = 7\nweb.port = 80\n")
    assert found.problems == ()
    assert found.queues["A"].wmsstatus is not None
    assert found.queues["A"].wmsstatus.options.sleep == 7  # type: ignore[attr-defined]
    assert found.parts["Web"].port == 80  # type: ignore[attr-defined]
    found = tree.queues(f"{DEFAULTS}[A]\n", FACTORY + "wmsstatus.work.sleep = x\nweb.port = 0\nweb.prt = 1\n")
    assert {(p.section, p.key) for p in found.errors} == {
        ("Factory", "wmsstatus.work.sleep"),
        ("Factory", "web.port"),
        ("Factory", "web.prt"),
    }


def test_a_source_of_queues_that_is_missing_is_told(tree: Tree) -> None:
    tree.write(factory=FACTORY.replace("queues.conf", "nix.conf, queues.conf"), queues=f"{DEFAULTS}[A]\n")
    found = tree.load()
    assert list(found.queues) == ["A"]
    (problem,) = found.errors
    assert str(problem.where) == str(tree.folder / "nix.conf")
    place = next(n for n, line in enumerate(FACTORY.splitlines(), 1) if line.startswith("queueConf"))
    assert problem.hint == f"queueConf at {tree.folder / 'factory.conf'}:{place} names it"


def test_files_and_folder_are_read_the_folder_last(tree: Tree) -> None:
    (tree.folder / "d").mkdir()
    (tree.folder / "d" / "x.conf").write_text("[A]\nwmsqueue = folder\n")
    found = tree.queues(f"{DEFAULTS}[A]\nwmsqueue = file\n", FACTORY + "queueDirConf = d\n")
    assert found.queues["A"].options.wmsqueue == "folder"


def test_several_queue_plugins_are_merged_in_order(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Generated, "text", "[A]\nwmsqueue = made\n[G]\nenabled = False\n")
    found = tree.queues(
        f"{DEFAULTS}[A]\nexecutable.arguments = %(wmsqueue)s\n",
        FACTORY + "config.queues.plugin = File, Generated\n[Generated.one]\nx = 1\n",
    )
    assert found.queues["A"].options.arguments == "made"
    assert "G" in found.broken


@pytest.mark.parametrize("error", [RuntimeError("boom"), ConfigError([])])
def test_a_queue_plugin_that_fails_leaves_the_others(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(Generated, "error", error)
    factory = FACTORY + "config.queues.plugin = Generated, File, Fil\n"
    found = tree.queues(f"{DEFAULTS}[A]\n", factory)
    assert list(found.queues) == ["A"]
    assert "error config.queues.plugin: there is no queueconfig plugin 'Fil'" in messages(found.errors)


# --- monitors, credentials, mappings --------------------------------------------------------------


def test_monitors(tree: Tree) -> None:
    tree.write(monitor="[m1]\nmonitorplugin=Mon\nmonitorURL=http://m\n[m2]\nmonitorplugin=Mom\n[m3]\n")
    found = tree.queues(
        f"{DEFAULTS}[A]\nmonitorsection = m1, m2, m9\n", FACTORY + "monitorConf=monitor.conf\n"
    )
    (monitor,) = found.queues["A"].monitors
    assert monitor.section.name == "m1"
    assert {(p.section, p.key) for p in found.errors} == {
        ("m2", "monitorplugin"),
        ("m3", "monitorplugin"),
        ("A", "monitorsection"),
    }


def test_credentials(tree: Tree) -> None:
    text = "[p]\nplugin=X509\nx509.proxyfile=/p\nx509.remote_host=h\n"
    text += "[q]\nplugin=X509\nx509.proxyfle=/p\n[r]\nplugin=SSSH\n"
    tree.write(auth=text)
    found = tree.queues("", FACTORY + "proxyConf = auth.conf\n")
    assert set(found.auth) == {"p", "q", "r"}
    assert set(found.auth_choices) == {"p"}
    assert "warning x509.remote_host: a proxy was never sent to another host" in messages(found.warnings)
    assert {(p.section, p.key) for p in found.errors} == {
        ("q", "x509.proxyfile"),
        ("q", "x509.proxyfle"),
        ("r", "plugin"),
    }


def test_mappings(tree: Tree) -> None:
    tree.write(
        mappings="[DEFAULT]\nx=y\n[CONDORWMSSTATUS-JOBSTATUS2INFO]\n1=ready\n9=nonsense\n"
        "[NATIVECONDORBATCHSTATUS]\n1=idle\n[CONDORWMSSTATUS-JOBSTATUS2INF]\n1=ready\n"
    )
    found = tree.queues("", FACTORY + "mappingsConf = mappings.conf\n")
    assert found.mappings["CONDORWMSSTATUS-JOBSTATUS2INFO"] == {"1": "ready"}
    assert messages(found.problems)[:2] == [
        "warning None: nothing reads this section any more",
        "warning None: nothing reads this section",
    ]
    (problem,) = found.errors
    assert (str(problem.where), problem.key) == (f"{tree.folder}/mappings.conf:5", "9")


# --- size -----------------------------------------------------------------------------------------


def test_queues_with_equal_options_share_them(tree: Tree) -> None:
    found = tree.queues(DEFAULTS + "".join(f"[Q{i}]\n" for i in range(50)))
    assert len({id(q.batchsubmit.options) for q in found.queues.values()}) == 1
    assert len({id(q.options) for q in found.queues.values()}) == 1


def test_a_key_in_the_wrong_place_is_told_where_it_belongs(tree: Tree) -> None:
    found = tree.queues(f"{DEFAULTS}[A]\nwmsstatus.work.sleep = 3\n", FACTORY + "sched.limit.maximum = 3\n")
    assert messages(found.problems)[:2] == [
        "warning wmsstatus.work.sleep: has no effect here: it is read in [Factory]",
        "warning sched.limit.maximum: has no effect here: it is read in the sections of queues",
    ]
    assert set(found.queues) == {"A"}  # 2.4 read such files, and the queue runs as it did there


def test_enabled_that_is_no_boolean_is_an_error(tree: Tree) -> None:
    assert errors(tree, "enabled = Tru") == ["error enabled: is neither true nor false"]
    assert errors(tree, "enabled = %(nix)s")[0].startswith("error enabled: refers to %(nix)s")


def test_a_queue_in_the_wrong_file_is_told(tree: Tree) -> None:
    found = tree.queues("", FACTORY + "[Q]\nbatchsubmitplugin = Send\nschedplugin = Ready\n[other]\nx = 1\n")
    assert [(p.section, p.severity) for p in found.problems] == [("Q", "warning")]


@pytest.mark.parametrize(("key", "text"), [("apfqueue.sleep", "1e300"), ("cleanlogs.keepdays", "9" * 30)])
def test_times_beyond_what_clocks_can_do(tree: Tree, key: str, text: str) -> None:
    (error,) = errors(tree, f"{key} = {text}")
    assert error.endswith("too large") or error.endswith("too large a number")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("batchsubmitplugin", "is empty"),
        ("schedplugin", "is an empty list"),
    ],
)
def test_plugins_that_every_queue_needs_may_not_be_empty(tree: Tree, key: str, message: str) -> None:
    for text in ("", '""'):
        assert errors(tree, f"{key} = {text}") == [f"error {key}: {message}"]
    assert errors(tree, f"{key} = None") == [f"error {key}: required, but not set"]


@pytest.mark.parametrize("key", ["wmsstatusplugin", "batchstatusplugin"])
def test_an_empty_status_plugin_is_none(tree: Tree, key: str) -> None:
    assert tree.queue(f"{key} =\nschedplugin = Limit").problems == ()
