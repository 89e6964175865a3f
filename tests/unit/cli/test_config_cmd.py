"""`autopyfactory config`: dump, reference, init, migrate."""

from __future__ import annotations

import json
import subprocess
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autopyfactory.check import semantics
from autopyfactory.cli.config_cmd import command
from autopyfactory.cli.main import cli
from autopyfactory.config import build
from autopyfactory.config.reference import chapters
from autopyfactory.config.referencepages import FORMATS
from autopyfactory.config.registry import installed
from autopyfactory.config.starter import CE, Answers, render
from configkit import DEFAULTS, FACTORY, REGISTRY, Tree
from patience import PATIENCE

ROOT = Path(__file__).parents[3]


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=text)


@pytest.fixture
def own_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopyfactory.config.build.installed", lambda: REGISTRY)


# --- dump ------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tree: Tree, own_plugins: None) -> Tree:
    tree.write(
        factory=FACTORY + "authConf = auth.conf\nmonitorConf = mon.conf\nmappingsConf = map.conf\n",
        auth="[p]\nplugin=X509\nx509.proxyfile=/p\nx509.passphrase=hunter2\n[q]\nplugin=None\nssh.privkeypass=hunter2\n",
        mon="[m]\nmonitorplugin=Mon\nmonitorURL=http://me:hunter2@host/api\n",
        map="[CONDORWMSSTATUS-JOBSTATUS2INFO]\n1=ready\n",
        queues=f"{DEFAULTS}mypassword = hunter2\n[A]\nsched.limit.maximum = 9\n"
        "batchsubmit.send.passphrase = hunter2\n"
        "batchsubmit.send.environ = PW=%(mypassword)s 50%%\n[B]\nschedplugin = Nix\n",
    )
    return tree


def test_values_in_effect_and_where_they_come_from(world: Tree) -> None:
    done = run("dump", "A", "--conf", world.conf)
    place = world.folder / "queues.conf"
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert done.exit_code == 0
    assert lines[0] == "[A]"
    assert f"enabled = True ; {place}:2" in lines
    assert f"sched.limit.maximum = 9 ; {place}:12" in lines
    assert "apfqueue.sleep = 60 ; default" in lines
    assert f"batchsubmit.send.environ = PW=*** 50%% ; {place}:14" in lines
    assert "# executable is not set" not in lines
    assert "# executable is not set" in run("dump", "A", "--conf", world.conf, "--all").output


def test_secrets_are_nowhere(world: Tree) -> None:
    for options in ([], ["--json"], ["--all"]):
        done = run("dump", "--conf", world.conf, *options)
        assert done.exit_code == 0
        assert "hunter2" not in done.output
        assert "http://me:***@host/api" in done.output


def test_everything_is_there(world: Tree) -> None:
    data = json.loads(run("dump", "--conf", world.conf, "--json").output)
    assert [(b["kind"], b["name"]) for b in data["blocks"]] == [
        ("Factory", "Factory"),
        ("monitor", "m"),
        ("auth", "p"),
        ("auth", "q"),
        ("mapping", "CONDORWMSSTATUS-JOBSTATUS2INFO"),
        ("queue", "A"),
        ("queue", "B"),
    ]
    assert data["blocks"][0]["options"]["web.port"] == {"value": "8080", "origin": "default", "part": "Web"}
    assert data["blocks"][-1]["note"].startswith("cannot run: ")


def test_a_queue_that_does_not_exist(world: Tree) -> None:
    done = run("dump", "a", "--conf", world.conf)
    assert done.exit_code == 1
    assert "there is no queue 'a'; did you mean A?" in done.output
    assert run("dump", "--conf", "/nonexistent").exit_code == 2


def test_the_dump_reads_back_as_it_was(world: Tree) -> None:
    before = world.load().queues["A"]
    text = run("dump", "A", "--conf", world.conf).output.replace("***", "hunter2")
    after = world.queues(text).queues["A"]
    assert after.options == before.options
    assert [c.options for c in after.sched] == [c.options for c in before.sched]


def test_conf_may_stand_before_the_command(world: Tree) -> None:
    done = CliRunner().invoke(cli, ["--conf", world.conf, "config", "dump", "A"])
    assert done.output.startswith("[A]\n")


# --- reference --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "path"), [("markdown", "docs/reference.md"), ("man", "docs/man/autopyfactory.conf.5")]
)
def test_what_is_in_docs_is_what_is_declared(form: str, path: str) -> None:
    made = run("reference", "--format", form).output
    assert (ROOT / path).read_text() == made, (
        f"{path} is stale: autopyfactory config reference --format {form} > {path}"
    )


@pytest.mark.parametrize("form", list(FORMATS))
def test_all_options_of_all_plugins_are_there(form: str) -> None:
    text = FORMATS[form](chapters(REGISTRY)).replace("\\", "")
    for words in (
        "factoryId",
        "apfqueue.sleep",
        "sched.limit.maximum",
        "wmsstatus.work.queryhost",
        "batchsubmit.send.attributes.",
        "maxall.maximum",
        "web.port",
        "x509.passphrase",
        "whole number, at least 0, in pilots",
        "cannot be imported",
    ):
        assert words in text


def test_other_names_and_prefixes() -> None:
    text = FORMATS["markdown"](chapters(REGISTRY))
    assert "`batchsubmit.send`, `batchsubmit.parent`" in text
    assert "2.4: `wmsstatus.work.queryhost`." in text
    assert "Secret. Never shown." in text


def test_the_man_page_is_sound() -> None:
    text = FORMATS["man"](chapters(installed()))
    assert all(
        line.startswith((".TH", ".SH", ".SS", ".TP", ".PP", ".br"))
        for line in text.splitlines()
        if line[:1] == "."
    )
    command = ["groff", "-man", "-ww", "-z"]
    done = subprocess.run(command, input=text, text=True, capture_output=True, timeout=PATIENCE, check=True)
    assert done.stderr == ""


# --- init --------------------------------------------------------------------------------------------------


def test_the_files_we_ship_are_the_starter() -> None:
    for name, text in render(Answers()).items():
        assert (ROOT / "etc" / name).read_text() == text, f"etc/{name}: autopyfactory config init made it"


@pytest.mark.parametrize("wms", ["Condor", "Panda"])
def test_a_starter_from_flags_checks_clean(tmp_path: Path, wms: str) -> None:
    folder = tmp_path / "etc"
    flags = ["--wms", wms, "--ce", "ce1.example.org", "--ce", "ce2.example.org:9620", "--wmsqueue", "50%ana"]
    done = run("init", "--dir", str(folder), *flags, "--factory-id", "F", "--executable", "/bin/sh", "--yes")
    assert done.exit_code == 0, done.output
    found = build.load([str(folder / "autopyfactory.conf")])
    assert [str(p) for p in found.problems] == []
    assert [str(p) for p in semantics.inspect(found)] == []
    assert list(found.queues) == ["50_ana-ce1", "50_ana-ce2"]
    queue = found.queues["50_ana-ce2"]
    assert queue.options.enabled
    assert queue.options.wmsqueue == "50%ana"
    assert queue.wmsstatus is not None
    assert queue.wmsstatus.name == wms
    assert found.factory.factory_id == "F"


def test_a_starter_from_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopyfactory.cli.config_cmd._terminal", lambda: True)
    answers = [
        "MyFactory", "me@example.org", "Condor", "ana", "", "pool.example.org", "", "pool.token",
        "/opt/condor", "ap", "ap.example.org", "ce1.example.org, ce2.example.org", "",
    ]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    done = run("init", "--dir", str(tmp_path), text="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    assert "Name of this factory" in done.output
    found = build.load([str(tmp_path / "autopyfactory.conf")])
    assert list(found.queues) == ["ana-ce1", "ana-ce2"]
    assert found.factory.admin_email == ("me@example.org",)
    text = (tmp_path / "queues.conf").read_text()
    for line in (
        "wmsstatus.condor.collector = pool.example.org",
        "batchstatus.condor.schedd = ap",
        "batchstatus.condor.collector = ap.example.org",
        f"batchsubmit.condorce.condor_attributes.transfer_input_files = {tmp_path}/pool.token",
    ):
        assert f"\n{line}\n" in text, "what is needed is no comment"
    assert "--pool pool.example.org --label %(wmsqueue)s --token pool.token --condor /opt/condor\n" in text


@pytest.mark.parametrize("given", [(), ("--collector", "p"), ("--pool-token", "t")])
def test_what_pilots_need_to_join_the_pool_has_to_be_given(tmp_path: Path, given: tuple[str, ...]) -> None:
    done = run("init", str(tmp_path / "etc"), "-y", "--ce", "ce1", *given)
    assert done.exit_code == 2
    for option in {"--collector", "--pool-token"} - set(given):
        assert option in done.output
    assert not (tmp_path / "etc").exists()


def test_pilots_of_ones_own_and_those_of_panda_need_no_pool(tmp_path: Path) -> None:
    for number, words in enumerate((("--executable", "/bin/sh"), ("--wms", "Panda"))):
        assert run("init", str(tmp_path / str(number)), "-y", *words).exit_code == 0


def test_a_starter_of_an_ordinary_user_needs_no_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.chdir(tmp_path)
    pool = ["--collector", "pool.example.org:9618", "--pool-token", "pool.token"]
    done = run("init", "my", "--ce", "ce1.example.org", "--pilot-schedd", "ap", *pool, "-y")
    assert done.exit_code == 0, done.output
    found = build.load([str(tmp_path / "my/autopyfactory.conf")])
    assert [str(p) for p in found.problems] == []
    assert Path(found.factory.state_dir) == tmp_path / "my/state"
    assert Path(found.factory.base_log_dir) == tmp_path / "my/pilots"
    text = (tmp_path / "my/queues.conf").read_text()
    assert f"\nbatchsubmit.condorce.condor_attributes.transfer_input_files = {tmp_path}/pool.token\n" in text
    assert "\nbatchstatus.condor.schedd = ap\n" in text
    assert "--pool pool.example.org:9618 --label %(wmsqueue)s --token pool.token" in text


def test_a_token_that_has_expired_is_warned_of(tmp_path: Path) -> None:
    token = tmp_path / "old.token"
    token.write_text("e30.eyJleHAiOiAxfQ.c2ln")  # {"exp": 1}
    token.chmod(0o600)
    flags = ["--ce", "ce1.example.org", "--executable", "/bin/sh", "--token", str(token), "-y"]
    assert run("init", str(tmp_path / "etc"), *flags).exit_code == 0
    found = build.load([str(tmp_path / "etc/autopyfactory.conf")])
    (told,) = semantics.inspect(found)
    assert (told.severity, told.section) == ("warning", "my-label-ce1")
    assert told.message.startswith(f"the token {token} expired at 1970-01-01 00:00Z")
    assert semantics.inspect(found, files=False) == []


CHOICES = (
    (["--wms", "Condor"], ["--wms", "Panda"]),
    ([], ["--ce", "ce1.example.org"]),
    ([], ["--executable", "/bin/sh"], ["--executable", "/no/such/wrapper"]),
    ([], ["--token", "ce.token", "--pilot-schedd", "ap", "--log-url", "https://me.example.org/logs"]),
)
POOL = ["--collector", "pool.example.org:9618", "--pool-token", "pool.token"]  # wanted with our glidein


@pytest.mark.parametrize("chosen", [*product(*CHOICES)], ids=str)
def test_whatever_is_chosen_check_finds_no_error_but_what_init_says_is_to_be_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: tuple[list[str], ...]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.chdir(tmp_path)
    flags = [word for words in chosen for word in words]
    done = run("init", "my", *flags, *POOL, "--smtp-server", "mail", "-y")
    assert done.exit_code == 0, done.output
    found = build.load(["my/autopyfactory.conf"])
    errors = [p for p in (*found.problems, *semantics.inspect(found)) if p.severity == "error"]
    assert [str(p) for p in errors if f"  {p.key}: " not in done.output] == []
    told = [line.split(":")[0].strip() for line in done.output.splitlines() if line.startswith("  ")]
    needless = set(told) - {p.key for p in errors} - {"batchsubmit.condorce.gridresource"}
    assert not needless or not any(q.options.enabled for q in found.queues.values()), "nothing without need"
    assert all(key in (tmp_path / "my/queues.conf").read_text() for key in told)


def test_a_starter_for_panda_is_whole_once_it_is_filled_in(tmp_path: Path) -> None:
    done = run("init", str(tmp_path), "--wms", "Panda", "--ce", "ce1.example.org", "-y")
    assert "wrapper.option.panda.sha256: its digest" in done.output
    queues = tmp_path / "queues.conf"
    text = queues.read_text()
    assert "/usr/libexec" not in text.replace("#executable = /usr/libexec/wrapper.sh", "")
    filled = text.replace("#wrapper.option.panda.url", "wrapper.option.panda.url")
    queues.write_text(filled.replace("#wrapper.option.panda.sha256 =", "wrapper.option.panda.sha256 = 0f1e"))
    found = build.load([str(tmp_path / "autopyfactory.conf")])
    assert [str(p) for p in (*found.problems, *semantics.inspect(found))] == []


def test_the_wms_is_asked_for_until_it_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopyfactory.cli.config_cmd._terminal", lambda: True)
    answers = ["F", "me@example.org", "Slurm", "panda", "SITE", "", "ce1.example.org", ""]
    done = run("init", str(tmp_path), text="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    assert "'Slurm' is not one of" in done.output
    assert "\nwmsstatusplugin = Panda\n" in (tmp_path / "queues.conf").read_text()


def test_a_ce_may_have_a_schedd_and_a_token_of_its_own() -> None:
    ces = (CE("127.0.0.1:1", "ce1@grid.test", "/s/ce1.token"), CE("ce2.example.org"))
    text = render(Answers(ces=ces, period=5))["queues.conf"]
    sections = text.partition("[my-label-ce1]")[2]
    assert sections.count("batchsubmit.condorce.schedd = ce1@grid.test\n") == 1
    assert sections.count("batchsubmit.condorce.tokenfile = /s/ce1.token\n") == 1
    assert "[my-label-ce2]" in sections
    assert "\napfqueue.sleep = 5\n" in text


def test_init_overwrites_only_when_told(tmp_path: Path) -> None:
    (tmp_path / "queues.conf").write_text("mine")
    mine = ("--executable", "/bin/sh", "-y")
    done = run("init", "--dir", str(tmp_path), *mine)
    assert done.exit_code == 1
    assert (tmp_path / "queues.conf").read_text() == "mine"
    assert not (tmp_path / "auth.conf").exists()
    assert run("init", "--dir", str(tmp_path), *mine, "--force").exit_code == 0


# --- migrate -----------------------------------------------------------------------------------------------


def test_migrating_says_what_was_done_and_what_is_left(tmp_path: Path) -> None:
    data = Path(__file__).parents[1] / "config/data" / "tree-2.4"
    done = run("migrate", str(data), str(tmp_path / "new"))
    assert done.exit_code == 0  # the queues for GT2 and CREAM are not enabled
    assert f"{data}/queues.conf -> {tmp_path}/new/queues.conf" in done.output
    assert "What check says about the result:" in done.output
    assert done.output.splitlines()[-1].startswith("0 errors") or "cannot run" in done.output
    assert run("migrate", str(data), str(tmp_path / "new")).exit_code == 2
    assert run("migrate", str(tmp_path / "nix"), str(tmp_path / "new2")).exit_code == 2


def test_init_refuses_a_ce_that_is_no_host(tmp_path: Path) -> None:
    words = ("-y", "--executable", "/bin/sh", "--ce", "ce.example.org/jobmanager-pbs")
    result = run("init", str(tmp_path / "etc"), *words)
    assert (result.exit_code, "a gatekeeper's batch system" in result.output) == (1, True)
    assert not list((tmp_path / "etc").glob("*"))


def test_why_a_queue_cannot_run_is_its_errors_not_its_warnings(tree: Tree, own_plugins: None) -> None:
    """Two of the three things that are wrong here stop nothing: no warning stands under `# cannot run:`."""
    wrong = "contact = Joe\nworkqueue.x = 1\nsched.limit.maximum = many\n"
    tree.write(factory=FACTORY, queues=f"{DEFAULTS}[A]\n{wrong}")
    note = json.loads(run("dump", "--conf", tree.conf, "--json").output)["blocks"][-1]["note"]
    assert "sched.limit.maximum" in note
    assert "contact" not in note and "workqueue" not in note
    text = run("dump", "--conf", tree.conf).output
    told = text[text.index("# cannot run:") :].splitlines()[0]
    assert "sched.limit.maximum" in told and "contact" not in told and "workqueue" not in told
