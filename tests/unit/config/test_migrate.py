"""A factory's configuration of 2.4, written to its documentation, loads as it is; and can be migrated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autopyfactory.config import build, migrate
from autopyfactory.config.model import Configuration
from autopyfactory.config.profiles import profiles
from autopyfactory.config.registry import installed
from autopyfactory.options.problem import ConfigError

DATA = Path(__file__).parent / "data" / "tree-2.4"


PROFILE = "batchsubmit.condorosgce.proxy = atlas-production"
AS_FILE = "batchsubmit.condorosgce.proxyfile = /tmp/prodProxy"


def installed_tree(folder: Path) -> Path:
    """Copy the tree as if it had been installed: its sources are named with their full paths.

    Its credential is a file: no plugin that makes one from a profile is installed.
    """
    shutil.copytree(DATA, folder)
    conf = folder / "autopyfactory.conf"
    conf.write_text(conf.read_text().replace("/etc/autopyfactory", str(folder)))
    queues = folder / "queues.conf"
    assert PROFILE in queues.read_text()
    queues.write_text(queues.read_text().replace(PROFILE, AS_FILE))
    return conf


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", "/home/apf")
    return installed_tree(tmp_path / "etc")


@pytest.fixture
def loaded(conf: Path) -> Configuration:
    return build.load([str(conf)])


def test_the_factory(loaded: Configuration) -> None:
    f = loaded.factory
    assert f.factory_id == "EXAMPLE-gridui07-ops"
    assert f.admin_email == ("ops@example.org", "apf@example.org")
    assert f.cycles is None
    assert f.base_log_dir == "/home/apf/factory/logs"
    assert f.queue_plugins == ("File",)
    assert f.min_email_repeat == 43200
    assert f.keep_days == 14


def test_every_key_works_or_is_told_what_replaced_it(loaded: Configuration) -> None:
    """Errors are only about technologies that are gone, and about plugins that are not installed."""
    errors = [p for p in loaded.errors if "plugin" not in (p.key or "")]
    assert [str(p) for p in errors] == []
    assert all(p.hint for p in loaded.warnings if p.key and "already set" not in p.message)


def test_which_queues_run(loaded: Configuration) -> None:
    enabled = {n for n, q in loaded.queues.items() if q.options.enabled}
    assert enabled == {"BNL_PROD-gw1", "LOCAL", "VC3_analysis", "CERN-PROD-ce503.example.org"}
    assert set(loaded.broken) == {"OLD_GT2", "OLD_CREAM"}
    (gt2,) = loaded.broken["OLD_GT2"]
    assert (gt2.severity, gt2.value) == ("error", "CondorGT2")
    assert [p.severity for p in loaded.broken["OLD_CREAM"]] == ["warning"]


def test_the_osg_queue(loaded: Configuration) -> None:
    queue = loaded.queues["BNL_PROD-gw1"]
    submit = queue.batchsubmit.options.model_dump()
    assert [c.name for c in queue.sched] == ["Ready", "MinPerCycle", "MaxPerCycle", "MaxPending"]
    assert queue.options.batchqueue == "BNL_PROD-condor"
    assert queue.options.arguments == (
        "-s BNL_PROD -h BNL_PROD-condor -p 25443 -w https://pandaserver.example.org -F 100%"
    )
    assert submit["gridresource"] == "gw1.example.org"
    assert submit["port"] == 9619
    assert submit["environ"] == "APP=/cvmfs/app DATA=/data"
    assert submit["condor_attributes"].startswith("periodic_remove=(JobStatus == 5")
    assert submit["extra"] == {"+voactivity": '"production"', "+remote_queue": r'"prod\, long"'}
    assert queue.options.sleep == 360


def test_empty_text_none_and_duplicates(loaded: Configuration) -> None:
    local, twice = loaded.queues["LOCAL"], loaded.queues["TWICE"]
    assert local.options.arguments == ""
    assert local.options.monitors == ()
    assert not twice.options.enabled


def test_the_vc3_queue_with_tabs_crlf_and_no_final_newline(loaded: Configuration) -> None:
    queue = loaded.queues["VC3_analysis"]
    assert [c.name for c in queue.sched] == ["KeepNRunning", "MaxToRun"]
    assert queue.wmsstatus is not None
    wms = queue.wmsstatus.options.model_dump()
    assert (wms["queueskey"], wms["schedd"], wms["collector"]) == (
        "ANY",
        "login.vc3.example.org",
        "head.vc3.example.org",
    )
    assert queue.batchsubmit.options.model_dump()["environ"] == "VC3=1 MORE=2"


def test_the_queue_that_agis_wrote(loaded: Configuration) -> None:
    queue = loaded.queues["CERN-PROD-ce503.example.org"]
    attributes = queue.batchsubmit.options.model_dump()["condor_attributes"]
    assert attributes.startswith("requirements=JobRunCount == 0,periodic_hold=(JobStatus == 1 &&")
    assert len(queue.sched) == 7


def test_mappings(loaded: Configuration) -> None:
    assert loaded.mappings["CONDORBATCHSTATUS-JOBSTATUS2INFO"]["5"] == "suspended"
    assert "NATIVECONDORBATCHSTATUS" not in loaded.mappings


# --- migration ---------------------------------------------------------------------------------------------


def lines(path: Path) -> list[str]:
    return [x for x in path.read_text().splitlines() if x and not x.startswith("#")]


def test_migration_gives_the_same_factory_without_legacy(conf: Path, tmp_path: Path) -> None:
    done = migrate.migrate(conf.parent, tmp_path / "new", installed())
    old, new = build.load([str(conf)]), build.load([str(tmp_path / "new" / "autopyfactory.conf")])
    assert {n: q.options for n, q in new.queues.items()} == {n: q.options for n, q in old.queues.items()}
    assert {n: q.batchsubmit for n, q in new.queues.items()} == {
        n: q.batchsubmit for n, q in old.queues.items()
    }
    assert set(new.broken) == set(old.broken)
    assert [str(p) for p in new.errors if "authplugin" not in str(p) and p.key != "plugin"] == []
    remaining = {p.key for p in new.warnings} - {"batchsubmitplugin", None}
    assert remaining == set(), migrate.report(done)


def test_migration_mends_line_by_line_and_keeps_comments(conf: Path, tmp_path: Path) -> None:
    done = migrate.migrate(conf, tmp_path / "new", installed())
    new = tmp_path / "new"
    factory, queues = lines(new / "autopyfactory.conf"), (new / "queues.conf").read_text()
    assert "queueConf = queues.conf" in factory
    assert "queueDirConf = queues.d" in factory
    assert not any(x.startswith(("authmanager", "logserver", "versionTag")) for x in factory)
    assert queues.startswith("# Queues of the OSG style, and one of each technology of the time.\n")
    assert "# (set again below) enabled = True" in queues
    assert "[OLD_GT2]\n# switched off: Globus GRAM is gone" in queues
    vc3 = (new / "queues.d" / "vc3.conf").read_bytes()
    assert b"\r" not in vc3
    assert b"\twmsstatus.condor.schedd = login.vc3" in vc3
    assert "Genève" in (new / "monitor.conf").read_text()
    text = migrate.report(done)
    assert "line 12: [Factory] authmanager.enabled: removed: credentials are looked after" in text
    assert (
        "line 14: [VC3_analysis] wmsstatus.condor.scheddhost: is called wmsstatus.condor.schedd now" in text
    )


def test_credentials_of_2_4_1_get_their_new_names(conf: Path, tmp_path: Path) -> None:
    from configkit import REGISTRY

    text = conf.read_text().replace("authConf = ", "#authConf = ")
    conf.write_text(text + f"proxyConf = {conf.parent}/proxy.conf\n")
    migrate.migrate(conf, tmp_path / "new", REGISTRY)
    assert "authConf = auth.conf" in lines(tmp_path / "new" / "autopyfactory.conf")
    auth = lines(tmp_path / "new" / "auth.conf")
    assert auth[:2] == ["[osg-analysis]", "plugin = X509"]
    assert "x509.proxyfile = /tmp/anaProxy" in auth


def test_migration_never_overwrites(conf: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").write_text("")
    with pytest.raises(ConfigError, match="not empty"):
        migrate.migrate(conf, tmp_path / "new", installed())


def test_a_source_that_is_not_there_is_told_and_kept(conf: Path, tmp_path: Path) -> None:
    (conf.parent / "queues.conf").unlink()
    done = migrate.migrate(conf, tmp_path / "new", installed())
    assert done.missing == [f"queueConf: file://{conf.parent}/queues.conf"]


def test_a_tree_that_was_copied_elsewhere_is_found(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "copy")
    done = migrate.migrate(tmp_path / "copy", tmp_path / "new", installed())
    assert done.missing == []
    assert (tmp_path / "new" / "queues.conf").exists()


def test_a_queue_with_a_credential_profile_goes_on_using_it(conf: Path, tmp_path: Path) -> None:
    edit(conf.parent / "queues.conf", AS_FILE, PROFILE)
    assert build.load([str(conf)]).queues["BNL_PROD-gw1"].batchsubmit.options.auth == ("atlas-production",)
    migrate.migrate(conf, tmp_path / "new", installed())
    new = build.load([str(tmp_path / "new" / "autopyfactory.conf")])
    assert new.queues["BNL_PROD-gw1"].batchsubmit.options.auth == ("atlas-production",)


def test_a_profile_in_default_concerns_only_queues_of_that_plugin(conf: Path) -> None:
    edit(conf.parent / "queues.conf", "[DEFAULT]", "[DEFAULT]\nbatchsubmit.condorec2.proxy = nobodys")
    assert "BNL_PROD-gw1" in build.load([str(conf)]).queues


PROXY_CONF = "[osg-analysis]\nproxyfile = /tmp/anaProxy\nvorole = osg:/osg\n"


def both_credentials(conf: Path, proxy: str) -> None:
    """Name an auth.conf and a proxy.conf, as the stock layout does."""
    (conf.parent / "proxy.conf").write_text(proxy)
    conf.write_text(conf.read_text() + f"proxyConf = file://{conf.parent}/proxy.conf\n")


def test_profiles_of_auth_conf_and_of_proxy_conf_are_all_there(conf: Path, tmp_path: Path) -> None:
    from configkit import REGISTRY

    old = {n for n, _ in profiles(conf.parent / "auth.conf")}
    both_credentials(conf, PROXY_CONF)
    done = migrate.migrate(conf, tmp_path / "new", REGISTRY)
    factory = lines(tmp_path / "new" / "autopyfactory.conf")
    assert "authConf = proxy.conf, auth.conf" in factory
    assert not any(x.startswith("proxyConf") for x in factory)
    assert set(done.origins.values()) >= {conf.parent / "proxy.conf", conf.parent / "auth.conf"}
    found = build.load([str(tmp_path / "new" / "autopyfactory.conf")], registry=REGISTRY)
    assert set(found.auth) == old | {"osg-analysis"}
    assert found.auth["osg-analysis"].text("x509.proxyfile") == "/tmp/anaProxy"


def test_profiles_that_contradict_each_other_are_an_error(conf: Path, tmp_path: Path) -> None:
    name = next(n for n, _ in profiles(conf.parent / "auth.conf"))
    both_credentials(conf, f"[{name}]\nproxyfile = /another\n")
    with pytest.raises(ConfigError, match=rf"\[{name}\] x509.proxyfile.*auth.conf:\d+") as error:
        migrate.migrate(conf, tmp_path / "new", installed())
    assert "proxy.conf:2" in str(error.value)


def test_profiles_that_are_in_both_files_alike_are_no_clash(conf: Path, tmp_path: Path) -> None:
    name, own = next(profiles(conf.parent / "auth.conf"))
    both_credentials(conf, f"[{name}]\nproxyfile = {own['x509.proxyfile'].text}\n")
    migrate.migrate(conf, tmp_path / "new", installed())


def test_files_of_one_name_in_two_folders_are_both_kept(conf: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    (second / "queues.conf").write_text("[SECOND]\nenabled = False\n")
    first = f"file://{conf.parent}/queues.conf"
    edit(conf, f"queueConf = {first}", f"queueConf = {first}, {second}/queues.conf, {first}")
    migrate.migrate(conf, tmp_path / "new", installed())
    assert "queueConf = queues.conf, queues-2.conf, queues.conf" in lines(tmp_path / "new/autopyfactory.conf")
    assert "[SECOND]" in (tmp_path / "new" / "queues-2.conf").read_text()


def test_every_input_file_ends_in_the_output_or_in_the_report(conf: Path, tmp_path: Path) -> None:
    folder = next(p for p in conf.parent.iterdir() if p.is_dir())
    (folder / "old.conf.rpmsave").write_text("[X]\n")
    (conf.parent / "stray.conf").write_text("[Y]\n")
    done = migrate.migrate(conf, tmp_path / "new", installed())
    inputs = {p for p in conf.parent.rglob("*") if p.is_file()}
    assert inputs == {*done.origins.values(), *done.left}
    report = migrate.report(done)
    assert f"{conf.parent}/stray.conf: no key names it, not taken over" in report
    assert all(str(path) in report for path in inputs)


REAL = """
batchstatus.condor.sleep = 150
minpending = 10
workqueue.maximum = 5
klass = OSG
"""


def test_keys_of_another_level_or_of_nobody_do_not_switch_queues_off(conf: Path, tmp_path: Path) -> None:
    """As real files have them: 2.4 passed over them. Migrated files say them no more."""
    edit(conf.parent / "queues.conf", AS_FILE, AS_FILE + REAL)
    edit(conf.parent / "queues.conf", "[DEFAULT]", "[DEFAULT]\nmaxpercycle = 20")
    edit(conf, "[Factory]", "[Factory]\nsched.maxpending.maximum = 3")
    found = build.load([str(conf)])
    assert "BNL_PROD-gw1" in found.queues
    keys = {"batchstatus.condor.sleep", "minpending", "workqueue.maximum", "klass", "maxpercycle"}
    told = {p.key: p.severity for p in found.problems if p.key in keys}
    assert told == dict.fromkeys(keys, "warning")
    migrate.migrate(conf, tmp_path / "new", installed())
    text = "\n".join(lines(tmp_path / "new" / "queues.conf"))
    assert not any(f"\n{key} =" in text for key in keys)
    assert not any(x.startswith("sched.") for x in lines(tmp_path / "new" / "autopyfactory.conf"))


def test_keys_that_values_refer_to_stay(conf: Path, tmp_path: Path) -> None:
    edit(conf.parent / "queues.conf", AS_FILE, AS_FILE + "\nmaxpercycle = 20\nnote = %(maxpercycle)s")
    migrate.migrate(conf, tmp_path / "new", installed())
    assert "maxpercycle = 20" in lines(tmp_path / "new" / "queues.conf")


GATEKEEPER = "queue = gw.example.org:2119/jobmanager-condor\n"


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        (f"nickname = BNL-x\n{GATEKEEPER}", "AutoPyFactory 1.x", "migration.md"),
        (GATEKEEPER, "AutoPyFactory 1.x", "migration.md"),
        ("klass = X\nchildlist = A, B\n", "parent of other queues", "Share"),
    ],
)
def test_a_file_of_another_format_is_recognised(conf: Path, text: str, what: str, hint: str) -> None:
    path = conf.parent / "queues.conf"
    path.write_text(path.read_text() + f"\n[ANCIENT]\nenabled = True\n{text}")
    (problem,) = [p for p in build.load([str(conf)]).broken["ANCIENT"] if p.severity == "error"]
    assert what in problem.message
    assert problem.hint is not None and hint in problem.hint
