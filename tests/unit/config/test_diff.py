"""What a reload would change: by what queues do, not by how it is written."""

from __future__ import annotations

from autopyfactory.config.diff import Diff, diff
from autopyfactory.config.difftext import Effect, render
from configkit import DEFAULTS, FACTORY, Tree


def between(tree: Tree, old: str, new: str, *, before: str = FACTORY, after: str = FACTORY) -> Diff:
    return diff(tree.queues(old, before), tree.queues(new, after))


QUEUES = f"{DEFAULTS}[A]\n[B]\n[C]\n"


def test_nothing_changed(tree: Tree) -> None:
    d = between(tree, QUEUES, QUEUES)
    assert d.empty
    assert d.equal == ("A", "B", "C")
    assert (d.starts, d.stops, d.restarts) == (frozenset(), frozenset(), frozenset())
    assert render(d) == "No change (3 queues).\n"


def test_what_is_written_differently_but_means_the_same_is_equal(tree: Tree) -> None:
    new = QUEUES.replace("enabled = True", "enabled = yes ; really").replace(
        "maximum = 5", "maximum = %(five)s\nfive = 5"
    )
    assert between(tree, QUEUES, f"# moved\n\n{new}").empty


def test_added_removed_changed_equal(tree: Tree) -> None:
    d = between(tree, QUEUES, f"{DEFAULTS}[D]\n[A]\nsched.limit.maximum = 9\n[C]\n")
    assert (d.added, d.removed, d.equal) == (("D",), ("B",), ("C",))
    assert d.changed == {"A": {"sched.limit.maximum": ("5", "9")}}
    assert (d.starts, d.stops, d.restarts) == ({"D"}, {"B"}, {"A"})
    assert d.summary() == "1 added (D), 1 removed (B), 1 changed (A), 1 unchanged"


def test_a_change_of_default_touches_those_that_do_not_say_otherwise(tree: Tree) -> None:
    text = f"{DEFAULTS}[A]\n[B]\nsched.limit.maximum = 1\n"
    d = between(tree, text, text.replace("maximum = 5", "maximum = 6"))
    assert d.changed == {"A": {"sched.limit.maximum": ("5", "6")}}


def test_enabling_and_disabling(tree: Tree) -> None:
    d = between(tree, QUEUES, QUEUES.replace("[B]", "[B]\nenabled = False"))
    assert d.changed == {"B": {"enabled": ("True", "False")}}
    assert (d.starts, d.stops, d.restarts) == (set(), {"B"}, set())


def test_the_master_switch(tree: Tree) -> None:
    d = between(tree, QUEUES, QUEUES, after=FACTORY + "enablequeues = no\n")
    assert d.stops == {"A", "B", "C"}
    assert d.factory == {"enablequeues": ("True", "no")}


def test_other_plugins_and_their_options(tree: Tree) -> None:
    d = between(
        tree, QUEUES, QUEUES.replace("[A]", "[A]\nschedplugin = Ready, Floor\nsched.floor.minimum = 2")
    )
    assert d.changed == {
        "A": {
            "schedplugin": ("Ready, Limit", "Ready, Floor"),
            "sched.limit.maximum": ("5", None),
            "sched.floor.minimum": (None, "2"),
        }
    }


def test_options_of_the_factory_that_a_queues_plugin_reads(tree: Tree) -> None:
    d = between(tree, QUEUES, QUEUES, after=FACTORY + "wmsstatus.work.sleep = 9\n")
    assert d.changed["A"] == {"wmsstatus.work.sleep": ("60", "9")}
    d = between(tree, QUEUES, QUEUES, after=FACTORY + "web.port = 1\n")
    assert d.factory == {"web.port": ("8080", "1")}
    assert d.changed == {}


def test_members_of_a_family(tree: Tree) -> None:
    old, new = (QUEUES.replace("[A]", f"[A]\nbatchsubmit.send.attributes.{x}") for x in ("a = 1", "a = 2"))
    assert between(tree, old, new).changed == {"A": {"batchsubmit.send.attributes.a": ("1", "2")}}


def test_another_name_for_the_same_option_is_equal(tree: Tree) -> None:
    old, new = (QUEUES.replace("[A]", f"[A]\nwmsstatus.work.{k} = h") for k in ("queryhost", "host"))
    assert between(tree, old, new).empty


def test_secrets_that_changed_are_told_but_not_shown(tree: Tree) -> None:
    old, new = (
        QUEUES.replace("[A]", f"[A]\nbatchsubmit.send.passphrase = {x}") for x in ("hunter2", "s3cret")
    )
    d = between(tree, old, new)
    assert d.changed == {"A": {"batchsubmit.send.passphrase": ("*** (old)", "*** (new)")}}
    assert "hunter2" not in repr(d) + render(d)


def test_a_queue_that_breaks_is_neither_removed_nor_changed(tree: Tree) -> None:
    d = between(tree, QUEUES, QUEUES.replace("[B]", "[B]\nsched.limit.maximum = x"))
    assert (d.removed, list(d.broken), d.stops) == ((), ["B"], {"B"})
    assert "! B  cannot run:" in render(d)


def test_monitors_credentials_and_mappings(tree: Tree) -> None:
    factory = FACTORY + "monitorConf=m.conf\nauthConf=a.conf\nmappingsConf=s.conf\n"
    text = QUEUES.replace("[A]", "[A]\nmonitorsection = m")
    tree.write(m="[m]\nmonitorplugin=Mon\nmonitorURL=http://1\n")
    tree.write(a="[p]\nplugin=X509\nx509.proxyfile=/1\nx509.passphrase=aaaa\n")
    tree.write(s="[CONDORWMSSTATUS-JOBSTATUS2INFO]\n1=ready\n")
    old = tree.queues(text, factory)
    tree.write(m="[m]\nmonitorplugin=Mon\nmonitorURL=http://2\n")
    tree.write(a="[p]\nplugin=X509\nx509.proxyfile=/2\nx509.passphrase=bbbb\n")
    tree.write(s="[CONDORWMSSTATUS-JOBSTATUS2INFO]\n1=notready\n")
    d = diff(old, tree.queues(text, factory))
    assert d.monitors == {"m": {"monitorURL": ("http://1", "http://2")}}
    assert d.changed == {"A": {"monitorURL": ("http://1", "http://2")}}
    assert d.auth["p"]["x509.proxyfile"] == ("/1", "/2")
    assert d.auth["p"]["x509.passphrase"] == ("*** (old)", "*** (new)")
    assert d.mappings == ("CONDORWMSSTATUS-JOBSTATUS2INFO",)


def test_what_a_new_profile_leaves_open_is_not_listed(tree: Tree) -> None:
    factory = FACTORY + "authConf=a.conf\n"
    tree.write(a="")
    old = tree.queues(QUEUES, factory)
    tree.write(a="[p]\nplugin=X509\nx509.proxyfile=/1\n")
    text = render(diff(old, tree.queues(QUEUES, factory)))
    assert "~ credential p\n    x509.proxyfile: not set -> /1" in text
    assert "not set -> not set" not in text


def test_a_plan_for_people(tree: Tree) -> None:
    d = between(tree, QUEUES, f"{DEFAULTS}[D]\n[A]\nsched.limit.maximum = 9\n[C]\n[E]\nenabled = no\n")
    effects = {
        "A": Effect(3, 4, 5, "12 jobs ready, 3 pending; MaxPending bit"),
        "B": Effect(10, 20),
        "D": Effect(reason="no answer from the WMS yet"),
    }
    assert render(d, effects) == (
        "Queues: 2 added, 1 removed, 1 changed, 1 unchanged\n"
        "Threads: 1 start, 1 stop, 1 restart\n"
        "+ D\n"
        "    next cycle: no answer from the WMS yet\n"
        "+ E  (not enabled)\n"
        "- B\n"
        "    pilots now: 10 pending, 20 running; they are left to drain\n"
        "~ A\n"
        "    sched.limit.maximum: 5 -> 9\n"
        "    pilots now: 3 pending, 4 running\n"
        "    next cycle would send 5: 12 jobs ready, 3 pending; MaxPending bit\n"
    )


def test_a_long_plan_is_cut(tree: Tree) -> None:
    d = between(tree, "", DEFAULTS + "".join(f"[Q{i}]\n" for i in range(30)))
    assert "  ... and 10 more added\n" in render(d)
    assert "Q29" in render(d, everything=True)


def test_the_same_name_for_another_file_is_shown_in_full(tree: Tree) -> None:
    old = tree.queues(QUEUES)
    other = tree.folder / "other"
    other.mkdir()
    d = diff(old, Tree(other).queues(QUEUES))
    assert d.factory == {"queueConf": (f"{tree.folder}/queues.conf", f"{other}/queues.conf")}
