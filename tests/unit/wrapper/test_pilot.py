"""A pilot from start to end, in every shell: outcome, exit code, signals, and nothing that stays behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import pilotkit
from patience import PATIENCE, until
from pilotkit import Pilot, built

Fly = Callable[..., Pilot]


def test_a_pilot_in_every_shell(fly: Fly, sh: str, tmp_path: Path) -> None:
    script = tmp_path / "work.sh"
    script.write_text(
        '#!/bin/sh\necho "worked with $1 and $2 in $PWD"; pwd >"$APF_SCRATCH/file with blanks"\n'
    )
    wrapper = built(
        "command",
        checks=(
            "os",
            "cores",
            "memory",
            "disk",
            "wall",
            "ulimit",
            "load",
            "tools",
            "tmp",
            "gpu",
            "blacklist",
            "site",
        ),
        files=(str(script),),
        options={"command.command": "work.sh", "command.arguments": "'a  b'"},
    )
    ended = fly(wrapper, "c d", shell=sh, APFFID="f", APFCID="1.0", FACTORYQUEUE="Q").end()
    assert ended.code == 0, ended.errors
    assert f"worked with a  b and c d in {tmp_path}/node0/pilot\n" in ended.output
    assert set(ended.results().values()) <= {"ok", "limited"}, ended.output
    summary = ended.summary
    assert summary["payload"] == {
        "name": "command",
        "exit": 0,
        "wall": summary["payload"]["wall"],
        "total": 1,
        "ok": 1,
    }
    wanted = {
        "schema": 1,
        "outcome": "ok",
        "reason": "done",
        "factory": "f",
        "queue": "Q",
        "pilot": "1.0",
        "hold": 0,
    }
    assert {key: summary[key] for key in wanted} == wanted
    assert ended.facts["cores"] == 1 and ended.facts["cores_from"] in ("asked", "affinity", "cgroup")
    assert ended.errors == ""


@pytest.mark.parametrize(
    ("script", "options", "code", "outcome", "reason"),
    [
        ("exit 0", {}, 0, "ok", "done"),
        ("exit 7", {}, 20, "failed", "exit-code-7"),
        ("exit 7", {"empty": "7"}, 0, "empty", "empty"),
        ("kill -9 $$", {}, 20, "failed", "exit-code-137"),
        ("sleep 60", {"lifetime": "1", "grace": "1"}, 21, "cut", "lifetime"),
        (
            "trap '' TERM; sleep 60 & sleep 60; sleep 60",
            {"lifetime": "1", "grace": "1"},
            21,
            "cut",
            "lifetime",
        ),
        ("head -c 30000000 /dev/zero | tr '\\0' x", {}, 0, "ok", "done"),
    ],
)
def test_how_a_command_ends(
    fly: Fly, tmp_path: Path, script: str, options: dict[str, str], code: int, outcome: str, reason: str
) -> None:
    path = tmp_path / "work"
    path.write_text(f"#!/bin/sh\n{script}\n")
    options = {f"command.{k}": v for k, v in {"command": "work", **options}.items()}
    ended = fly(built("command", files=(str(path),), options=options)).end()
    assert (ended.code, ended.summary["outcome"], ended.summary["reason"]) == (code, outcome, reason)


def test_an_empty_pilot_can_be_made_visible(fly: Fly) -> None:
    options = {"command.command": "false", "command.empty": "1"}
    ended = fly(built("command", options=options, settings={"APF_EMPTY_EXIT": "22"})).end()
    assert (ended.code, ended.summary["outcome"]) == (22, "empty")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGXCPU, 143)]
)
def test_a_signal_reaches_the_payload_which_is_waited_for(
    fly: Fly, sh: str, tmp_path: Path, number: int, code: int
) -> None:
    path = tmp_path / "work"
    path.write_text(
        f"#!/bin/sh\ntrap 'echo last words; sleep 1; echo later words; exit 0' TERM\ntouch {tmp_path}/up\n"
        "while true; do sleep 0.1; done\n"
    )
    pilot = fly(built("command", files=(str(path),), options={"command.command": "work"}), shell=sh)
    until((tmp_path / "up").exists, "the payload is up")
    pilot.process.send_signal(number)
    ended = pilot.end()
    assert ended.code == code, ended.output
    assert "last words\nlater words\n" in ended.output
    assert ended.summary["outcome"] == "cut"


def test_a_payload_that_ignores_term_is_killed_with_all_it_started(fly: Fly, sh: str, tmp_path: Path) -> None:
    path = tmp_path / "work"
    path.write_text(
        f"#!/bin/sh\ntrap '' TERM\nsetsid sleep 4716 &\n(trap '' TERM; sleep 4717) &\ntouch {tmp_path}/up\n"
        "while true; do sleep 0.1; done\n"
    )
    options = {"command.command": "work", "command.grace": "1"}
    pilot = fly(built("command", files=(str(path),), options=options), shell=sh)
    until((tmp_path / "up").exists, "the payload is up")
    pilot.process.terminate()
    pilot.process.terminate()
    assert pilot.end().code == 143


def test_usr1_goes_to_the_payload_and_ends_nothing(fly: Fly, sh: str, tmp_path: Path) -> None:
    path = tmp_path / "work"
    path.write_text(
        f"#!/bin/sh\ntrap 'echo got it; exit 0' USR1\ntouch {tmp_path}/up\nwhile true; do sleep 0.1; done\n"
    )
    pilot = fly(built("command", files=(str(path),), options={"command.command": "work"}), shell=sh)
    until((tmp_path / "up").exists, "the payload is up")
    pilot.process.send_signal(signal.SIGCONT)
    pilot.process.send_signal(signal.SIGUSR1)
    ended = pilot.end()
    assert (ended.code, ended.summary["outcome"]) == (0, "ok") and "got it\n" in ended.output


def test_a_signal_during_the_checks(fly: Fly, sh: str, tmp_path: Path) -> None:
    check = tmp_path / "slow.sh"
    check.write_text(f"# deadline: 300\ntouch {tmp_path}/up\nsleep 290\n")
    pilot = fly(built("command", checks=(str(check),), options={"command.command": "true"}), shell=sh)
    until((tmp_path / "up").exists, "the check runs")
    pilot.process.terminate()
    ended = pilot.end()
    assert (ended.code, ended.summary["reason"], ended.summary["payload"]) == (143, "TERM", {})


# --- what arrives on the node -----------------------------------------------------------------------------


def test_what_is_not_what_was_sent_does_not_run(fly: Fly, sh: str) -> None:
    wrapper = built("command", options={"command.command": "true"})
    ended = fly(wrapper, shell=sh, APF_WRAPPER_SHA256=wrapper.sha256).end()
    assert ended.code == 0
    ended = fly(wrapper, shell=sh, APF_WRAPPER_SHA256="0" * 64).end()
    assert (ended.code, ended.summary["reason"]) == (17, "not-what-was-sent")


@pytest.mark.parametrize("tools", ["sha256sum", "openssl", "cksum"])
@pytest.mark.parametrize("lost", [1, 5000])
def test_a_truncated_wrapper_does_not_run(fly: Fly, tmp_path: Path, tools: str, lost: int) -> None:
    whole = built("command", options={"command.command": "true"})
    cut = type(whole)(whole.data[:-lost], whole.sha256, whole.contents)
    path = only(tmp_path, tools, "sed", "base64", "gzip", "tar", "rm", "rmdir", "mkdir", "dirname")
    ended = fly(cut, path=path).end()
    assert (ended.code, ended.summary["reason"]) == (17, "archive-damaged")


def only(folder: Path, *programs: str) -> str:
    """Return a PATH with nothing but these programs."""
    place = folder / "only"
    place.mkdir()
    for name in programs:
        program = shutil.which(name)
        assert program, name
        (place / name).symlink_to(program)
    return str(place)


def test_a_wrapper_that_nobody_can_read_again(fly: Fly, tmp_path: Path) -> None:
    wrapper = built("command")
    done = __import__("subprocess").run(
        ["sh"], input=wrapper.data, capture_output=True, cwd=tmp_path, timeout=PATIENCE
    )
    assert done.returncode == 17 and b'"reason":"no-file"' in done.stdout


# --- environment and banner --------------------------------------------------------------------------------


def test_the_environment_is_shown_without_secrets(fly: Fly, sh: str) -> None:
    secrets = {
        "MY_TOKEN": "hunter2", "PASSWORD": "hunter2", "AWS_SECRET_ACCESS_KEY": "hunter2", "KEY": "hunter2",
        "URL": "https://joe:hunter2@example.org/x", "HEADER": "Authorization: Bearer hunter2",
        "JWT": "eyJhbGciOiJIUzI1NiJ9.hunter2.hunter2", "PEM": "x\n-----BEGIN PRIVATE KEY-----\nhunter2\n",
        "MULTI_TOKEN": "a\nhunter2=hunter2",
    }  # fmt: skip
    plain = {"BEARER_TOKEN_FILE": "/tmp/x", "GTAG": "http://logs/1.out", "COLOUR": "blue"}
    ended = fly(built("command", options={"command.command": "true"}), shell=sh, **secrets, **plain).end()
    assert "hunter2" not in ended.output + ended.errors
    for name, value in plain.items():
        assert f"  {name}={value}\n" in ended.output
    assert re.search(r"^  MY_TOKEN=\*\*\*$", ended.output, re.MULTILINE)


def test_the_sites_settings_for_interpreters_are_the_payloads_only(fly: Fly, sh: str) -> None:
    wrapper = built("command", checks=("python",), options={"command.command": "printenv"})
    ended = fly(wrapper, "PYTHONHOME", shell=sh, PYTHONHOME="/nonexistent").end()
    assert ended.code == 0 and "\n/nonexistent\n" in ended.output
    assert ended.results()["python"] == "ok"


def test_no_home_no_name(fly: Fly, sh: str) -> None:
    wrapper = built(
        "command", options={"command.command": "sh", "command.arguments": "-c 'cd && test -w . && pwd'"}
    )
    ended = fly(wrapper, shell=sh, HOME="/", before=["env", "-u", "LOGNAME", "-u", "USER"]).end()
    assert ended.code == 0, ended.output


# --- choosing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "chosen"),
    [
        ("", "one"),
        ("cores >= 1 -> two; one", "two"),
        ("cores > 5000 -> two; one", "one"),
        ("arch == nothing -> two; arch ~ . -> one", "one"),
        ("arch != nothing and cores < 5000 -> two; one", "two"),
        ("100% -> two; one", "two"),
        ("isa_level >= 99 -> two; one", "one"),
    ],
)
def test_rules_over_facts(fly: Fly, sh: str, rules: str, chosen: str) -> None:
    options = {"one.command": "true", "two.command": "true"}
    ended = fly(
        built("one=command", "two=command", checks=("os", "cores"), rules=rules, options=options), shell=sh
    ).end()
    assert (ended.code, ended.summary["payload"]["name"]) == (0, chosen)


def test_no_rule_holds(fly: Fly) -> None:
    ended = fly(built("command", checks=("cores",), rules="cores > 5000 -> command")).end()
    assert (ended.code, ended.summary["reason"], ended.summary["owner"]) == (18, "no-payload-fits", "vo")


def test_a_share_of_the_pilots(tmp_path: Path) -> None:
    """The share itself: a hundred draws of the wrapper's own function, not of a hundred pilots."""
    lib = Path(pilotkit.__file__).parents[2] / "autopyfactory/wrapper/lib/choose.sh"
    script = f". {lib}; n=0; while [ $n -lt 400 ]; do random_percent; n=$((n + 1)); done"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=PATIENCE)
    draws = [int(line) for line in done.stdout.split()]
    assert len(draws) == 400 and set(draws) <= set(range(100)) and len(set(draws)) > 60


def test_a_payload_whose_needs_fail_is_passed_over(fly: Fly, sh: str) -> None:
    options = {"first.needs": "token", "first.command": "true", "second.command": "true"}
    ended = fly(built("first=command", "second=command", options=options), shell=sh).end()
    assert (ended.code, ended.summary["payload"]["name"]) == (0, "second")
    assert ended.results()["token"] == "fatal"


def test_a_container_holds_the_payload(fly: Fly, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    fake = tools / "apptainer"
    fake.write_text(
        '#!/bin/sh\ncase $1 in --version) echo "apptainer version 1.3"; exit ;; esac\n'
        'echo "fake apptainer: $*" >&2\nwhile [ "$1" != /image.sif ]; do shift; done; shift; exec "$@"\n'
    )
    fake.chmod(0o755)
    options = {"command.command": "echo", "command.arguments": "inside", "command.container": "/image.sif"}
    ended = fly(built("command", options=options), path=f"{tools}:{os.environ['PATH']}").end()
    assert ended.code == 0 and "inside\n" in ended.output and "fake apptainer: exec --bind" in ended.errors
    assert ended.results()["container"] == "ok"
    ended = fly(built("command", options=options, settings={"APF_HOLD": "0"})).end()
    assert (ended.code, ended.summary["reason"]) == (18, "container")


# --- the summary ------------------------------------------------------------------------------------------


ODD = r"""# class: info
printf 'said=a"b%s | d\t\303\244\n' '\\c'
printf 'BAD=1\nrm -rf=2\nlong=%s\n' "$(head -c 900 /dev/zero | tr '\0' y)"
echo 'a "reason" with | and \ in it' >&2
exit 41
"""


def test_the_summary_is_one_line_of_json_whatever_a_check_says(fly: Fly, sh: str, tmp_path: Path) -> None:
    check = tmp_path / "odd.sh"
    check.write_text(ODD)
    ended = fly(built("command", checks=(str(check),), options={"command.command": "true"}), shell=sh).end()
    facts = ended.facts
    assert facts["said"] == 'a"b\\\\c | d???' and "BAD" not in facts and len(facts["long"]) == 200
    assert ended.results()["odd"] == "limited"
    assert ended.reason("odd") == 'a "reason" with / and \\ in it'
    assert json.dumps(ended.summary).isascii()
