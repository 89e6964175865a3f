"""A factory's configuration of 2.4, written to its documentation, loads as it is; and can be migrated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autopyfactory.config import build, migrate
from autopyfactory.config.model import Configuration
from autopyfactory.config.registry import installed
from autopyfactory.options.problem import ConfigError

DATA = Path(__file__).parent / "data" / "tree-2.4"


def installed_tree(folder: Path) -> Path:
    """Copy the tree as if it had been installed: its sources are named with their full paths."""
    shutil.copytree(DATA, folder)
    conf = folder / "autopyfactory.conf"
    conf.write_text(conf.read_text().replace("/etc/autopyfactory", str(folder)))
    return conf


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
