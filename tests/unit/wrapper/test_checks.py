"""Checks on nodes as they are and as they should not be.

Fake cgroup trees, small, read-only and noexec file systems, hung mounts, missing tools, wrong clocks, tokens.
"""

from __future__ import annotations

import base64
import http.server
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import pytest

import pilotkit
from autopyfactory.wrapper.modules import FOLDERS, HERE, find
from otherday import SAME_DAY
from patience import PATIENCE, until
from pilotkit import Pilot, built, shell_folder

Fly = Callable[..., Pilot]
OK, LIMITED, FATAL, BROKEN = 0, 41, 42, 43


@dataclass(frozen=True)
class Said:
    """What a check ended with, told as facts, and said to people."""

    code: int
    facts: Mapping[str, str]
    reason: str


Ask = Callable[..., Said]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """``ask(check, shell=, before=, path=, cwd=, **environment)``: run one check as the wrapper would."""

    def ask(
        name: str,
        *,
        shell: str = "dash",
        before: tuple[str, ...] = (),
        path: str | None = None,
        cwd: Path | None = None,
        **environment: str,
    ) -> Said:
        home = tmp_path / "home"
        (home / "state").mkdir(parents=True, exist_ok=True)
        (home / "facts").mkdir(exist_ok=True)
        (home / "files").mkdir(exist_ok=True)
        shells = shell_folder(tmp_path, shell)
        env = {
            "PATH": f"{shells}:{path or os.environ['PATH']}", "APF_HOME": str(home),
            "APF_LIB": str(HERE / "lib"), "APF_FACTS": str(home / "facts"), "APF_FILES": str(home / "files"),
            "APF_ROOT": "", "APF_MODULE": name, "LC_ALL": "C", **SAME_DAY, **environment,
        }  # fmt: skip
        done = subprocess.run(
            [*before, str(shells / "sh"), str(FOLDERS["check"] / f"{name}.sh"), str(home / "facts")],
            env=env, cwd=cwd or tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        lines = [line.partition("=") for line in done.stdout.splitlines()]
        reason = done.stderr.splitlines()[-1] if done.stderr else ""
        return Said(done.returncode, {key: value for key, _, value in lines}, reason)

    return ask


# --- limits: the least of all who may limit ----------------------------------------------------------------


class Node:
    """A tree that stands before /proc and /sys."""

    def __init__(self, root: Path, *, cores: int = 64, memory_mb: int = 256_000, allowed: str | None = None):
        self.root = root
        self.write("proc/cpuinfo", "".join(f"processor\t: {n}\nmodel name\t: X\n" for n in range(cores)))
        self.write("proc/meminfo", f"MemTotal: {memory_mb * 1024} kB\nMemAvailable: {memory_mb * 1024} kB\n")
        self.write("proc/self/status", f"Cpus_allowed_list:\t{allowed or f'0-{cores - 1}'}\n")
        self.mounts: list[str] = ["20 1 8:1 / / rw - ext4 /dev/sda rw"]
        self.groups: list[str] = []

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def v2(self, path: str, files: Mapping[str, Mapping[str, str]], root: str = "/") -> Node:
        """Mount a version 2 hierarchy of which we are in `path`; `files` by directory."""
        self.mounts.append(f"30 20 0:26 {root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw")
        self.groups.append(f"0::{path}")
        for folder, values in files.items():
            for name, text in values.items():
                self.write(f"sys/fs/cgroup{folder}/{name}", text + "\n")
        return self

    def v1(self, controller: str, path: str, files: Mapping[str, Mapping[str, str]]) -> Node:
        """Mount one controller of version 1."""
        number = len(self.mounts) + 30
        names = {"cpu": "cpu,cpuacct"}.get(controller, controller)
        self.mounts.append(f"{number} 20 0:{number} / /sys/fs/cgroup/{names} rw - cgroup cgroup rw,{names}")
        self.groups.append(f"{number}:{names}:{path}")
        for folder, values in files.items():
            for name, text in values.items():
                self.write(f"sys/fs/cgroup/{names}{folder}/{name}", text + "\n")
        return self

    def done(self) -> str:
        self.write("proc/self/mountinfo", "\n".join(self.mounts) + "\n")
        self.write("proc/self/cgroup", "\n".join(self.groups) + "\n")
        return str(self.root)


NO_LIMIT = "9223372036854771712"
CORES = [
    ("nothing limits", lambda n: n, {}, "64", "affinity"),
    ("affinity", lambda n: Node(n.root, allowed="0-3,8,10-11"), {}, "7", "affinity"),
    ("quota", lambda n: n.v2("/a", {"/a": {"cpu.max": "400000 100000"}}), {}, "4", "cgroup"),
    ("half a core", lambda n: n.v2("/a", {"/a": {"cpu.max": "50000 100000"}}), {}, "1", "cgroup"),
    (
        "an ancestor's quota",
        lambda n: n.v2("/a/b/c", {"/a": {"cpu.max": "200000 100000"}, "/a/b/c": {"cpu.max": "max 100000"}}),
        {}, "2", "cgroup",
    ),
    ("the set above", lambda n: n.v2("/a/b", {"/a": {"cpuset.cpus.effective": "0-5"}}), {}, "6", "cpuset"),
    ("a namespace's top", lambda n: n.v2("/../..", {"": {"cpu.max": "300000 100000"}}), {}, "3", "cgroup"),
    (
        "a container's part",
        lambda n: n.v2("/kube/pod/c", {"": {"cpu.max": "250000 100000"}}, root="/kube/pod/c"),
        {}, "2", "cgroup",
    ),
    (
        "version 1",
        lambda n: n.v1("cpu", "/j", {"/j": {"cpu.cfs_quota_us": "150000", "cpu.cfs_period_us": "50000"}}),
        {}, "3", "cgroup",
    ),
    (
        "version 1, none here, one above",
        lambda n: n.v1(
            "cpu", "/s/j",
            {"/s": {"cpu.cfs_quota_us": "500000", "cpu.cfs_period_us": "100000"},
             "/s/j": {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}},
        ),
        {}, "5", "cgroup",
    ),
    ("Slurm", lambda n: n, {"SLURM_CPUS_ON_NODE": "16", "SLURM_CPUS_PER_TASK": "4"}, "4", "slurm"),
    ("PBS", lambda n: n, {"PBS_NUM_PPN": "6"}, "6", "pbs"),
    ("LSF", lambda n: n, {"LSB_DJOB_NUMPROC": "5"}, "5", "lsf"),
    ("SGE", lambda n: n, {"NSLOTS": "3"}, "3", "sge"),
    ("nonsense", lambda n: n, {"NSLOTS": "-3", "PBS_NP": "a[0]", "NCPUS": "9" * 30}, "64", "affinity"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("node", "env", "cores", "source"), [c[1:] for c in CORES], ids=[c[0] for c in CORES]
)
def test_cores(
    ask: Ask,
    sh: str,
    tmp_path: Path,
    node: Callable[[Node], Node],
    env: dict[str, str],
    cores: str,
    source: str,
) -> None:
    root = node(Node(tmp_path / "root")).done()
    said = ask("cores", shell=sh, APF_ROOT=root, **env)
    assert (said.code, said.facts["cores"], said.facts["cores_from"]) == (OK, cores, source), said


def test_fewer_cores_than_asked(ask: Ask, tmp_path: Path) -> None:
    root = Node(tmp_path / "root", cores=8).done()
    assert ask("cores", APF_ROOT=root, APF_ASKED_CORES="8").facts["cores"] == "8"
    assert ask("cores", APF_ROOT=root, APF_ASKED_CORES="4").facts == {
        "cores": "4", "cores_from": "asked", "cores_node": "8"
    }  # fmt: skip
    assert ask("cores", APF_ROOT=root, APF_ASKED_CORES="12").code == LIMITED
    assert ask("cores", APF_ROOT=root, APF_ASKED_CORES="17").code == FATAL
    half = Node(tmp_path / "half").v2("/", {"": {"cpu.max": "40000 100000"}}).done()
    said = ask("cores", APF_ROOT=half, APF_ASKED_CORES="1")
    assert said.code == FATAL and "40 hundredths of a core" in said.reason


MEMORY = [
    ("the machine's", lambda n: n, {}, "255800", "machine"),
    ("limit", lambda n: n.v2("/a", {"/a": {"memory.max": str(4000 << 20)}}), {}, "3800", "cgroup"),
    (
        "high",
        lambda n: n.v2("/a", {"/a": {"memory.max": "max", "memory.high": str(3000 << 20)}}),
        {}, "2800", "cgroup",
    ),
    (
        "an ancestor's",
        lambda n: n.v2(
            "/a/b", {"/a": {"memory.max": str(2000 << 20)}, "/a/b": {"memory.max": str(9000 << 20)}}
        ),
        {}, "1800", "cgroup",
    ),
    (
        "version 1",
        lambda n: n.v1("memory", "/a/b", {"/a": {"memory.limit_in_bytes": str(1000 << 20)},
                                          "/a/b": {"memory.limit_in_bytes": NO_LIMIT}}),
        {}, "800", "cgroup",
    ),
    ("Slurm", lambda n: n, {"SLURM_MEM_PER_NODE": "5000"}, "4800", "slurm"),
    ("per core", lambda n: n, {"SLURM_MEM_PER_CPU": "1000", "SLURM_CPUS_ON_NODE": "3"}, "2800", "slurm"),
    ("asked", lambda n: n, {"APF_ASKED_MEMORY": "2000"}, "2000", "asked"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("node", "env", "memory", "source"), [c[1:] for c in MEMORY], ids=[c[0] for c in MEMORY]
)
def test_memory(
    ask: Ask,
    sh: str,
    tmp_path: Path,
    node: Callable[[Node], Node],
    env: dict[str, str],
    memory: str,
    source: str,
) -> None:
    root = node(Node(tmp_path / "root")).done()
    said = ask("memory", shell=sh, APF_ROOT=root, **env)
    assert (said.code, said.facts["memory_mb"], said.facts["memory_from"]) == (OK, memory, source), said


def test_less_memory_than_asked(ask: Ask, tmp_path: Path) -> None:
    root = Node(tmp_path / "root").v2("/", {"": {"memory.max": str(3000 << 20)}}).done()
    assert ask("memory", APF_ROOT=root, APF_ASKED_MEMORY="3000").code == OK
    assert ask("memory", APF_ROOT=root, APF_ASKED_MEMORY="4000").code == LIMITED
    assert ask("memory", APF_ROOT=root, APF_ASKED_MEMORY="7000").code == FATAL


def test_wall_time_is_the_least_of_all(ask: Ask, sh: str, tmp_path: Path) -> None:
    now = int(time.time())
    job, machine = tmp_path / "job", tmp_path / "machine"
    job.mkdir()
    machine.mkdir()
    assert "wall_s" not in ask("wall", shell=sh).facts  # nobody limits it
    assert ask("wall", shell=sh, APF_LIFETIME="7200").facts["wall_s"] == "7128"
    (job / "wall_limit_secs").write_text("5000\n")
    (job / "jobstart_secs").write_text(f"{now - 1000}\n")
    said = ask("wall", shell=sh, APF_LIFETIME="7200", JOBFEATURES=str(job))
    assert said.facts["wall_from"] == "jobfeatures" and 3900 <= int(said.facts["wall_s"]) <= 3940
    (machine / "shutdowntime").write_text(f"{now + 600}\n")
    said = ask("wall", shell=sh, JOBFEATURES=str(job), MACHINEFEATURES=str(machine))
    assert said.facts["wall_from"] == "shutdown" and 480 <= int(said.facts["wall_s"]) <= 540
    ad = tmp_path / "job.ad"
    ad.write_text(f"AllowedJobDuration = 2000\nJobCurrentStartDate = {now - 500}\nMaxRuntime = 9000\n")
    said = ask("wall", shell=sh, _CONDOR_JOB_AD=str(ad))
    assert said.facts["wall_from"] == "condor" and 1380 <= int(said.facts["wall_s"]) <= 1440
    said = ask("wall", shell=sh, SLURM_JOB_END_TIME=str(now + 300), APF_WRAPPER_MINIMUM="1000")
    assert said.code == FATAL and "1000 needed" in said.reason


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10:00", "600"), ("1:00:00", "3600"), ("2-00:00:30", "172830"), ("UNLIMITED", ""), ("", "")],
)
def test_how_batch_systems_write_times(sh: str, tmp_path: Path, text: str, seconds: str) -> None:
    program = shell_folder(tmp_path, sh) / "sh"
    script = f'. {HERE}/lib/limits.sh; clock_seconds "{text}"'
    done = subprocess.run(
        [str(program), "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stdout.strip() == seconds


# --- file systems ------------------------------------------------------------------------------------------


def mounted(options: str, place: Path) -> tuple[str, ...]:
    """Return what runs a command with a tmpfs at `place`, in namespaces of its own."""
    return ("unshare", "-Urm", "sh", "-c", f'mount -t tmpfs -o {options} none {place} && exec "$@"', "-")


def test_a_full_scratch_is_passed_over(ask: Ask, sh: str, tmp_path: Path) -> None:
    small, good = tmp_path / "small", tmp_path / "good"
    small.mkdir()
    good.mkdir()
    said = ask(
        "scratch",
        shell=sh,
        before=mounted("size=512k", small),
        _CONDOR_SCRATCH_DIR=str(small),
        TMPDIR=str(good),
    )
    assert (said.code, said.facts["scratch"]) == (OK, str(good))
    assert said.reason == f"{small} does not keep what is written"


def test_no_scratch_at_all(ask: Ask, sh: str) -> None:
    said = ask("scratch", shell=sh, cwd=Path("/proc"))
    assert said.code == FATAL and said.reason == "/proc cannot be written to"


def test_a_read_only_scratch(ask: Ask, tmp_path: Path) -> None:
    place = tmp_path / "ro"
    place.mkdir()
    said = ask("scratch", before=mounted("ro", place), cwd=Path("/"), TMPDIR=str(place))
    assert said.code == FATAL


def test_tmp_where_nothing_starts(ask: Ask, sh: str, tmp_path: Path) -> None:
    place = tmp_path / "noexec"
    place.mkdir()
    said = ask("tmp", shell=sh, before=mounted("size=1m,noexec", place), TMPDIR=str(place))
    assert (said.code, said.facts["tmp"]) == (LIMITED, "bad") and "do not start" in said.reason
    assert ask("tmp", shell=sh, TMPDIR=str(tmp_path)).facts == {"tmp": "ok"}
    assert ask("tmp", shell=sh, TMPDIR="/nonexistent/x").code == LIMITED


def test_a_pilot_on_a_noexec_node_moves_tmpdir(fly: Fly, tmp_path: Path) -> None:
    place = tmp_path / "noexec"
    place.mkdir()
    options = {"command.command": "sh", "command.arguments": "-c 'echo TMPDIR is $TMPDIR; test -w $TMPDIR'"}
    wrapper = built("command", checks=("tmp",), options=options)
    ended = fly(wrapper, before=mounted("size=20m,noexec", place), TMPDIR=str(place)).end()
    assert ended.code == 0 and ended.results()["tmp"] == "limited"
    assert (
        f"TMPDIR is {tmp_path}/node0/pilot/" in ended.output or f"TMPDIR is {place}/apf-work" in ended.output
    )


def test_nowhere_to_unpack(fly: Fly, sh: str, tmp_path: Path) -> None:
    """Every place refuses: the command that makes directories fails, as it does where all is read-only."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "mkdir").write_text("#!/bin/sh\nexit 1\n")
    (tools / "mkdir").chmod(0o755)
    ended = fly(built("command"), shell=sh, path=f"{tools}:{os.environ['PATH']}").end()
    assert (ended.code, ended.summary["reason"]) == (16, "no-scratch")


def test_a_place_for_directories_but_not_for_files(fly: Fly, sh: str, tmp_path: Path) -> None:
    place = tmp_path / "inodes"
    place.mkdir()
    wrapper = built("command", options={"command.command": "true"})
    ended = fly(wrapper, shell=sh, before=mounted("nr_inodes=2", place), _CONDOR_SCRATCH_DIR=str(place)).end()
    assert ended.code == 0, ended.errors


def test_a_payload_that_fills_the_disk_does_not_cost_the_summary(fly: Fly, sh: str, tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    fill = "-c 'cat /dev/zero >$APF_SCRATCH/all; df -Pk $APF_SCRATCH | tail -n 1; exit 3'"
    wrapper = built(
        "command", options={"command.command": "sh", "command.arguments": fill, "scratch.minimum": "1"}
    )
    ended = fly(wrapper, shell=sh, before=mounted("size=5m", place), _CONDOR_SCRATCH_DIR=str(place)).end()
    assert "100%" in ended.output, ended.output
    assert (ended.code, ended.summary["reason"]) == (20, "exit-code-3")
    assert ended.summary["payload"]["failed"] == 1 and ended.results()["scratch"] == "ok"


def test_places_with_blanks(fly: Fly, sh: str, tmp_path: Path) -> None:
    place = tmp_path / "a place with blanks"
    place.mkdir()
    wrapper = built("command", checks=("tmp", "disk"), options={"command.command": "pwd"})
    nobody = {"APFMON": "http://127.0.0.1:9/api", "APFFID": "f", "APFCID": "1.0"}
    ended = fly(wrapper, shell=sh, TMPDIR=str(place), _CONDOR_SCRATCH_DIR=str(place), **nobody).end()
    assert ended.code == 0 and list(place.iterdir()) == []
    assert ended.facts["scratch"] == str(place)


# --- what hangs --------------------------------------------------------------------------------------------


def test_a_hung_mount_hangs_nobody(fly: Fly, sh: str, tmp_path: Path) -> None:
    """A FIFO without a writer stands for it: opening it waits for ever, as a dead mount does."""
    mount = tmp_path / "cvmfs"
    for name in ("good.cern.ch", "hung.cern.ch"):
        (mount / name).mkdir(parents=True)
        (mount / name / "data").write_text("x")
    os.mkfifo(mount / "hung.cern.ch/.cvmfsdirtab")
    check = tmp_path / "cvmfs.sh"
    text = (FOLDERS["check"] / "cvmfs.sh").read_text()
    check.write_text(text.replace("# deadline: 25", "# deadline: 9").replace("tick + 2000", "tick + 200"))
    options = {
        "cvmfs.repositories": "good.cern.ch,hung.cern.ch", "cvmfs.mount": str(mount),
        "command.command": "true", "needy.needs": "cvmfs", "needy.command": "false",
    }  # fmt: skip
    began = time.monotonic()
    ended = fly(
        built("needy=command", "command", checks=(f"cvmfs={check}",), options=options), shell=sh
    ).end()
    assert time.monotonic() - began < PATIENCE
    assert (ended.code, ended.summary["payload"]["name"]) == (0, "command")
    assert ended.results()["cvmfs"] == "fatal" and "hung.cern.ch hangs" in ended.reason("cvmfs")
    assert (ended.facts["cvmfs_good_cern_ch"], ended.facts["cvmfs_hung_cern_ch"]) == ("ok", "hung")


def test_a_check_that_never_ends_is_left_behind(fly: Fly, sh: str, tmp_path: Path) -> None:
    check = tmp_path / "endless.sh"
    check.write_text("# deadline: 1\n# class: fatal\n# owner: site\ntrap '' TERM\nexec 3<fifo\n")
    os.mkfifo(tmp_path / "fifo")
    text = check.read_text().replace("exec 3<fifo", f"exec 3<{tmp_path}/fifo")
    check.write_text(text)
    ended = fly(built("command", checks=(str(check),), options={"command.command": "true"}), shell=sh).end()
    assert (ended.code, ended.summary["reason"], ended.summary["owner"]) == (18, "endless", "site")
    assert ended.results()["endless"] == "hung" and ended.reason("endless") == "no end after 1 s"


@pytest.mark.parametrize(
    "script", ["exit 1", "exit 2", "((", "syntax (error", "kill -9 $$", "nosuchcommand", "exit 43"]
)
def test_a_broken_check_closes_no_node(fly: Fly, tmp_path: Path, script: str) -> None:
    check = tmp_path / "mine.sh"
    check.write_text(f"# class: fatal\n# deadline: 5\n{script}\n")
    options = {"command.needs": "mine", "command.command": "true"}
    ended = fly(built("command", checks=(str(check),), options=options)).end()
    assert (ended.code, ended.results()["mine"]) == (0, "broken")


# --- holding the slot of a faulty node ---------------------------------------------------------------------


def fault(tmp_path: Path, **header: str) -> str:
    check = tmp_path / "fault.sh"
    lines = {"class": "fatal", "owner": "site", "hold": "yes", **header}
    check.write_text("".join(f"# {k}: {v}\n" for k, v in lines.items()) + "echo no good >&2\nexit 42\n")
    return str(check)


def test_a_faulty_node_is_held_and_tells_so_before(fly: Fly, sh: str, tmp_path: Path) -> None:
    wrapper = built("command", checks=(fault(tmp_path),), settings={"APF_HOLD": "4"})
    began = time.monotonic()
    ended = fly(wrapper, shell=sh).end()
    assert time.monotonic() - began > 4
    assert (ended.code, ended.summary["reason"], ended.summary["hold"], ended.summary["owner"]) == (
        18,
        "fault",
        4,
        "site",
    )
    assert "its slot is held for 4 s" in ended.output


def test_a_signal_ends_the_hold(fly: Fly, sh: str, tmp_path: Path) -> None:
    pilot = fly(built("command", checks=(fault(tmp_path),), settings={"APF_HOLD": "300"}), shell=sh)
    until(lambda: "APF-SUMMARY" in pilot.output, "the hold")
    time.sleep(0.2)
    pilot.process.terminate()
    assert pilot.end().code == 18


@pytest.mark.parametrize(
    ("header", "settings", "hold"),
    [
        ({"hold": "no"}, {}, 0),
        ({"owner": "vo", "hold": "no", "exit": "11"}, {}, 0),
        ({}, {"APF_HOLD": "0"}, 0),
        ({}, {"APF_LIFETIME": "100"}, 0),  # what is left is shorter than the margin
    ],
)
def test_what_is_not_the_nodes_fault_is_not_held(
    fly: Fly, tmp_path: Path, header: dict[str, str], settings: dict[str, str], hold: int
) -> None:
    wrapper = built(
        "command", checks=(fault(tmp_path, **header), "wall"), settings={"APF_HOLD": "600", **settings}
    )
    ended = fly(wrapper).end(30)
    assert (ended.code, ended.summary["hold"]) == (int(header.get("exit", 18)), hold)


# --- lists, tools, scripts of others -----------------------------------------------------------------------


def test_blacklist(fly: Fly, sh: str, tmp_path: Path) -> None:
    node = os.uname().nodename
    for text, code in (
        (f"# comment\nother*\n{node[0]}* 2999-01-01 bad disk\n", 19),
        (f"{node} 2001-01-01 long ago\n", 0),
        ("nobody.example.org\n", 0),
    ):
        (tmp_path / "blacklist").write_text(text)
        wrapper = built(
            "command",
            checks=("blacklist",),
            files=(str(tmp_path / "blacklist"),),
            options={"command.command": "true"},
        )
        ended = fly(wrapper, shell=sh).end()
        assert ended.code == code
        if code:
            assert (
                ended.reason("blacklist").endswith("is on the list: bad disk") and ended.summary["hold"] == 0
            )


def test_a_missing_command(ask: Ask, sh: str) -> None:
    said = ask("tools", shell=sh, APF_WRAPPER_COMMANDS="sed,nosuch,other-one")
    assert (said.code, said.reason) == (FATAL, "not here: nosuch other-one")


NO_MORE = ("unshare", "-Ur", "sh", "-c", 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', "-")


def test_user_namespaces_that_are_refused(ask: Ask, sh: str, tmp_path: Path) -> None:
    """A program that needs them does not run the image, which is told by what did not come out."""
    tools = tmp_path / "tools"
    tools.mkdir()
    fake = tools / "apptainer"
    fake.write_text(
        '#!/bin/sh\ncase $1 in --version) echo "apptainer version 1.3"; exit ;; esac\n'
        'shift 2; unshare -Ur "$@" || exit 0\n'
    )
    fake.chmod(0o755)
    given = {"path": f"{tools}:{os.environ['PATH']}", "APF_WRAPPER_IMAGE": "/image"}
    said = ask("container", shell=sh, **given)
    assert (said.code, said.facts["userns"], said.facts["container"]) == (OK, "yes", "yes")
    said = ask("container", shell=sh, before=NO_MORE, **given)
    assert (said.code, said.facts["userns"], said.facts["container"]) == (FATAL, "no", "no")
    assert said.reason.endswith("apptainer cannot run /image")


def test_a_site_has_its_own_check(ask: Ask, sh: str, tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.write_text("echo room=12\necho too hot >&2\nexit 41\n")
    assert ask("site", shell=sh).code == OK
    said = ask("site", shell=sh, APF_SITE_CHECK=str(hook))
    assert (said.code, said.facts["room"], said.reason) == (LIMITED, "12", "too hot")


GWMS = """#!/bin/bash
glidein_config=$1
add_config_line_source=$(grep '^ADD_CONFIG_LINE_SOURCE ' "$glidein_config" | cut -d ' ' -f 2-)
error_gen=$(grep '^ERROR_GEN_PATH ' "$glidein_config" | cut -d ' ' -f 2-)
source "$add_config_line_source"
if [[ $(gconfig_get APF_mode "$glidein_config") == bad ]]; then
    "$error_gen" -error test.sh WN_Resource "the disk is bad" disk sda
    exit 1
fi
add_config_line HAS_THING "yes indeed"
"$error_gen" -ok test.sh
exit 0
"""


def test_scripts_written_for_glideinwms(ask: Ask, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "files").mkdir(parents=True)
    (home / "facts").mkdir()
    (home / "files/validate.sh").write_text(GWMS)
    said = ask("gwms", APF_WRAPPER_SCRIPT="validate.sh")
    assert (said.code, said.facts) == (OK, {"gwms_has_thing": "yes indeed"}), said
    (home / "facts/mode").write_text("bad\n")
    said = ask("gwms", APF_WRAPPER_SCRIPT="validate.sh")
    assert said.code == FATAL and said.reason == "validate.sh ended with 1: WN_Resource: the disk is bad"
    assert ask("gwms", APF_WRAPPER_SCRIPT="absent.sh").code == BROKEN


# --- credentials, clock, network ---------------------------------------------------------------------------


def token(tmp_path: Path, **claims: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    path = tmp_path / "token"
    path.write_text(f"{part({'alg': 'none'})}.{part({'iss': 'https://x', **claims})}.sig\n")
    path.chmod(0o600)
    return str(path)


def test_tokens(ask: Ask, sh: str, tmp_path: Path) -> None:
    now = int(time.time())
    good = ask("token", shell=sh, APF_WRAPPER_FILE=token(tmp_path, exp=now + 4000, sub="ä" * 3))
    assert good.code == OK and 3900 < int(good.facts["token_left_s"]) <= 4000
    late = ask("token", shell=sh, APF_WRAPPER_FILE=token(tmp_path, exp=now - 10))
    assert (late.code, late.facts["exit"]) == (FATAL, "12") and "expired" in late.reason
    early = ask("token", shell=sh, APF_WRAPPER_FILE=token(tmp_path, exp=now + 999, nbf=now + 500))
    assert early.code == FATAL and "not valid before" in early.reason
    short = ask("token", APF_WRAPPER_FILE=token(tmp_path, exp=now + 100), APF_WRAPPER_LIFETIME="9999")
    assert (short.code, short.facts["exit"]) == (FATAL, "12")
    path = token(tmp_path, exp=now + 999, aud=["a", "b"])
    assert ask("token", shell=sh, APF_WRAPPER_FILE=path, APF_WRAPPER_AUDIENCE="b").code == OK
    assert ask("token", shell=sh, APF_WRAPPER_FILE=path, APF_WRAPPER_AUDIENCE="c").code == FATAL
    os.chmod(path, 0o644)
    assert ask("token", shell=sh, APF_WRAPPER_FILE=path).code == LIMITED
    assert ask("token", shell=sh).code == FATAL
    assert ask("token", shell=sh, APF_WRAPPER_FILE="/dev/null").code == FATAL


class Clock(http.server.BaseHTTPRequestHandler):
    ahead = 0

    def do_HEAD(self) -> None:
        self.send_response_only(204)
        self.send_header("Date", formatdate(time.time() + self.ahead, usegmt=True))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def clock() -> Iterator[tuple[str, type[Clock]]]:
    handler = type("Ahead", (Clock,), {})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", handler
    server.shutdown()
    server.server_close()


def test_the_clock(ask: Ask, sh: str, clock: tuple[str, type[Clock]]) -> None:
    url, server = clock
    for ahead, code in ((0, OK), (60, LIMITED), (-3000, FATAL), (86400 * 200, FATAL)):
        server.ahead = ahead
        said = ask("clock", shell=sh, APF_WRAPPER_URL=url)
        assert said.code == code, said
        assert abs(int(said.facts["clock_skew_s"]) + ahead) < 5
    assert ask("clock", shell=sh, APF_WRAPPER_URL="http://127.0.0.1:9/").code == BROKEN


def test_the_network(ask: Ask, clock: tuple[str, type[Clock]]) -> None:
    url, _ = clock
    place = url.removeprefix("http://").rstrip("/")
    assert ask("net", APF_WRAPPER_ENDPOINTS=f"{url},{place}").facts == {"net": "ok"}
    ours = ask("net", APF_WRAPPER_ENDPOINTS="127.0.0.1:9", APF_WRAPPER_OTHERS=place)
    assert (ours.code, ours.facts) == (FATAL, {"net": "bad"})  # our own service: no node is to blame
    node = ask("net", APF_WRAPPER_ENDPOINTS="127.0.0.1:9", APF_WRAPPER_OTHERS="127.0.0.1:10")
    assert (node.code, node.facts["hold"], node.facts["owner"]) == (FATAL, "yes", "site")


# --- bare nodes --------------------------------------------------------------------------------------------


def test_a_node_with_busybox_alone(fly: Fly, tmp_path: Path) -> None:
    """No coreutils, no curl, wget, openssl or python: only busybox's own applets, whatever they can do."""
    place = tmp_path / "applets"
    place.mkdir()
    listed = subprocess.run(
        ["busybox", "--list"], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    for name in listed.stdout.split():
        if "/" not in name:
            (place / name).symlink_to("/usr/bin/busybox")
    checks = [
        name for name in sorted(p.stem for p in FOLDERS["check"].glob("*.sh")) if name not in ("gwms", "db12")
    ]
    wrapper = built("command", checks=checks, options={"command.command": "true"})
    # /usr/bin and the like are added by the wrapper itself: an empty root would be needed to hide them
    ended = fly(wrapper, shell="busybox", path=str(place)).end()
    assert ended.code == 0, ended.output
    assert "broken" not in {r for n, r in ended.results().items() if n not in ("clock", "proxy", "ca", "net")}


def test_every_check_alone_in_every_shell(ask: Ask, sh: str) -> None:
    for path in sorted(FOLDERS["check"].glob("*.sh")):
        if path.stem == "db12":
            continue
        said = ask(path.stem, shell=sh)
        assert said.code in (OK, LIMITED, FATAL, BROKEN), (path.stem, said)


def test_the_benchmark_is_a_fact_and_never_a_reason(ask: Ask) -> None:
    said = ask("db12")
    assert said.code == OK and float(said.facts["db12_cpu"]) > 0 and float(said.facts["db12_wall"]) > 0
    assert find("check", "db12").kind == "info"


# --- litter ------------------------------------------------------------------------------------------------


def test_what_dead_pilots_left_is_removed_and_nothing_else(fly: Fly, tmp_path: Path) -> None:
    place = tmp_path / "node0/pilot"
    place.mkdir(parents=True)
    namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    here = f"{os.uname().nodename} {namespace}@{boot}"
    owners = {
        "dead": f"{here} 999999999 5", "alive": f"{here} {os.getpid()} {stat[19]}",
        "reused": f"{here} {os.getpid()} 1", "elsewhere": f"othernode {namespace}@{boot} 999999999 5",
        "container": f"{os.uname().nodename} 1@{boot} 99 5",
    }  # fmt: skip
    for name, owner in owners.items():
        (place / f"apf-work.{name}").mkdir()
        (place / f"apf-work.{name}/.owner").write_text(owner + "\n")
    (place / "apf-work.nobody").mkdir()
    place.parent.chmod(0o755)
    script = "sleep 2"
    wrapper = built("command", options={"command.command": "sh", "command.arguments": f"-c '{script}'"})
    pilot = Pilot(tmp_path / "node0", wrapper)
    assert pilot.end(clean=False).code == 0
    left = {p.name.removeprefix("apf-work.") for p in place.glob("apf-work.*")}
    assert left == {"alive", "elsewhere", "container", "nobody"}


def test_two_pilots_in_one_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    wrapper = built("command", options={"command.command": "sleep", "command.arguments": "1"})
    pilots = [Pilot(tmp_path / "a", wrapper) for _ in range(2)]
    assert [p.process.wait(PATIENCE) for p in pilots] == [0, 0]
    assert list((tmp_path / "a/pilot").iterdir()) == []


def test_kinds_of_shells_are_those_that_bin_test_installs() -> None:
    text = (Path(__file__).parents[3] / "bin/test").read_text()
    assert all(f" {name} " in text for name in pilotkit.SHELLS if name != "bash")
