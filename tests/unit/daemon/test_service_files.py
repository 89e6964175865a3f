"""The files of a host around the daemon, used for real: init script, logrotate, systemd's."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonkit.bench import PROGRAM, alive
from patience import PATIENCE, SOON, until

MISC = Path(__file__).resolve().parents[3] / "misc"


class Home:
    """An installation below one folder, served by the init script."""

    def __init__(self, head: Path):
        self.head = head
        for name in ("bin", "etc/sysconfig", "etc/init.d"):
            (head / name).mkdir(parents=True)
        shutil.copy(MISC / "init" / "autopyfactory", head / "etc/init.d" / "autopyfactory")
        program = head / "bin" / "autopyfactory"
        program.write_text(
            f"#!{sys.executable}\nimport runpy\nrunpy.run_path({str(PROGRAM)!r}, run_name='__main__')\n"
        )
        program.chmod(0o755)
        self.conf = head / "etc" / "autopyfactory.conf"
        self.configure()
        self.pidfile = head / "var/run/autopyfactory.pid"
        self.log = head / "var/log/autopyfactory/autopyfactory.log"

    def configure(self, **settings: object) -> None:
        self.conf.write_text(json.dumps({"state_dir": str(self.head / "state"), **settings}))

    def options(self, text: str) -> None:
        (self.head / "etc/sysconfig/autopyfactory").write_text(text)

    def do(self, action: str) -> tuple[int, str]:
        """Run the init script; nothing it starts may hold our pipe open."""
        done = subprocess.run(
            [str(self.head / "etc/init.d/autopyfactory"), action],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
        )  # fmt: skip
        return done.returncode, done.stdout

    @property
    def pid(self) -> int:
        return int(self.pidfile.read_text())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    if os.geteuid() == 0:
        pytest.fail("run these as an ordinary user (bin/as-user)")
    made = Home(tmp_path / "apf")
    yield made
    made.do("stop")


def test_start_status_stop(home: Home) -> None:
    assert home.do("status") == (3, "autopyfactory is not running\n")
    assert home.do("start") == (0, f"autopyfactory is up (process {home.pid})\n")
    pid = home.pid
    assert home.do("status") == (0, f"autopyfactory is running (process {pid})\n")
    assert home.do("start") == (0, f"autopyfactory is already running (process {pid})\n")
    assert home.pid == pid
    assert "INFO  the factory is up" in home.log.read_text()
    assert home.do("stop") == (0, "autopyfactory is stopped\n")
    assert not alive(pid)
    assert not home.pidfile.exists()
    assert home.do("stop") == (0, "autopyfactory is not running\n")


def test_a_failed_start_gives_the_factorys_exit_code_and_reason(home: Home) -> None:
    home.configure(broken="no factoryId")
    code, text = home.do("start")
    assert code == 1
    assert "no factoryId" in text
    assert "could not be started (exit code 1)" in text


@pytest.mark.parametrize("content", ["{other}", "999999", "", "rubbish", "-1"])
def test_a_stale_pid_file_stands_in_nobodys_way(home: Home, content: str) -> None:
    sleeper = subprocess.Popen(["sleep", "60"])  # another program that got the number
    try:
        home.pidfile.parent.mkdir(parents=True)
        home.pidfile.write_text(content.format(other=sleeper.pid))
        code, text = home.do("status")
        assert (code, "dead" in text) == ((1, True) if content else (3, False))
        assert home.do("start")[0] == 0
        assert home.do("status")[0] == 0
        assert home.do("stop")[0] == 0
        assert sleeper.poll() is None, "it was not ours to stop"
    finally:
        sleeper.kill()
        sleeper.wait()


def test_killed_it_is_dead_and_starts_again(home: Home) -> None:
    home.do("start")
    pid = home.pid
    os.kill(pid, 9)
    until(lambda: not alive(pid))
    assert home.do("status")[0] == 1
    assert home.do("start")[0] == 0
    assert home.pid != pid


def test_restart_and_condrestart(home: Home) -> None:
    assert home.do("condrestart")[0] == 0
    assert not home.pidfile.exists(), "it did not run, and shall not now"
    home.do("start")
    first = home.pid
    assert home.do("restart")[0] == 0
    second = home.pid
    assert home.do("condrestart")[0] == 0
    assert len({first, second, home.pid}) == 3
    assert not alive(first)
    assert not alive(second)


def test_reload(home: Home) -> None:
    assert home.do("reload")[0] == 7
    home.do("start")
    pid = home.pid
    assert home.do("reload") == (0, "")
    until(lambda: "reloaded" in home.log.read_text())
    assert home.pid == pid


def test_debugrestart_puts_the_log_aside_and_tells_everything(home: Home) -> None:
    home.do("start")
    assert home.do("debugrestart")[0] == 0
    old = [f for f in home.log.parent.iterdir() if re.fullmatch(r"autopyfactory\.log-\d{8}\.\d{6}", f.name)]
    assert len(old) == 1
    assert "SIGTERM received" in old[0].read_text()
    assert json.loads((home.head / "state/facts.json").read_text())["options"]["level"] == "DEBUG"


def test_settings_of_the_host(home: Home, tmp_path: Path) -> None:
    log, console = tmp_path / "elsewhere.log", tmp_path / "console.log"
    (tmp_path / "grid.sh").write_text("export FROM_GRIDSETUP=yes\n")
    home.options(
        f"OPTIONS='--debug --sleep=60 --console --log {log}'\nCONSOLE_LOG={console}\n"
        f"GRIDSETUP={tmp_path}/grid.sh\nexport FROM_SYSCONFIG=yes\n"
    )
    assert home.do("start")[0] == 0
    until(lambda: "round 1" in log.read_text() and "round 1" in console.read_text())
    facts = json.loads((home.head / "state/facts.json").read_text())
    assert facts["options"] == {"cycles": None, "sleep": 60.0, "level": "DEBUG"}
    assert (facts["env"]["FROM_GRIDSETUP"], facts["env"]["FROM_SYSCONFIG"]) == ("yes", "yes")


def test_options_without_a_log_get_the_usual_one(home: Home) -> None:
    home.options("OPTIONS=--quiet\n")
    assert home.do("start")[0] == 0
    until(lambda: "round 1" in home.log.read_text())


def test_usage(home: Home) -> None:
    code, text = home.do("dance")
    assert code == 2
    assert text.startswith("usage: ")


def test_a_hanging_factory_is_stopped_too(home: Home) -> None:
    home.configure(do=["hang run"])
    home.do("start")
    began = time.monotonic()
    assert home.do("stop")[0] == 0
    assert time.monotonic() - began < SOON


# --- rotation -----------------------------------------------------------------------------------


def test_logrotate_loses_no_line_and_restarts_nothing(home: Home, tmp_path: Path) -> None:
    home.configure(period=0.001)
    home.do("start")
    pid = home.pid
    shipped = (MISC / "logrotate" / "autopyfactory").read_text()
    mine = (
        shipped.replace("/var/log/autopyfactory", str(home.log.parent))
        .replace("/var/lib/autopyfactory", str(home.head / "state"))
        .replace("    su autopyfactory autopyfactory\n", "")
    )
    assert mine.count(str(tmp_path)) == 3
    (tmp_path / "rotate.conf").write_text(mine)
    for turn in range(3):
        count = len(lines(home.log, "round"))
        until(lambda count=count: len(lines(home.log, "round")) > count + 50)
        subprocess.run(
            ["/usr/sbin/logrotate", "-f", "-s", str(tmp_path / "state"), str(tmp_path / "rotate.conf")],
            check=True, timeout=PATIENCE,
        )  # fmt: skip
        until(lambda turn=turn: "reopened" in "".join(texts(home.log)) and home.log.exists())
        assert home.pid == pid, turn
    assert home.do("stop")[0] == 0
    names = sorted(f.name for f in home.log.parent.iterdir() if f.is_file())
    assert names == [f"autopyfactory.log{n}" for n in ("", ".1", ".2.gz", ".3.gz")]
    for log, word in ((home.log, "round"), (home.log.parent / "queues" / "Q1.log", "cycle")):
        numbers = lines(log, word)
        assert len(numbers) > 150
        assert numbers == list(range(1, len(numbers) + 1)), "each line once, in order, over all files"


def texts(log: Path) -> list[str]:
    """Return what is in a log and its rotated forms, oldest first."""
    found = []
    for suffix in (".4.gz", ".3.gz", ".2.gz", ".1", ""):
        path = log.with_name(log.name + suffix)
        if path.exists():
            found.append(
                gzip.decompress(path.read_bytes()).decode() if suffix.endswith("gz") else path.read_text()
            )
    return found


def lines(log: Path, word: str) -> list[int]:
    return [int(n) for n in re.findall(rf"{word} (\d+)", "".join(texts(log)))]


# --- other files --------------------------------------------------------------------------------


def test_the_unit_is_understood() -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(MISC / "systemd" / "autopyfactory.service")],
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    complaints = [c for c in done.stderr.splitlines() if "/usr/bin/autopyfactory is not executable" not in c]
    assert complaints == []


def test_the_unit_and_the_daemon_agree() -> None:
    from autopyfactory.daemon.ending import ALL
    from autopyfactory.daemon.exits import ExitCode

    unit = (MISC / "systemd" / "autopyfactory.service").read_text()
    setting = dict(re.findall(r"^(\w+)=(.*)$", unit, re.M))
    assert setting["Type"] == "notify"
    assert int(setting["TimeoutStopSec"]) > ALL + 5
    assert {int(c) for c in setting["RestartPreventExitStatus"].split()} == {
        ExitCode.CONFIG, ExitCode.USAGE, ExitCode.RUNNING, ExitCode.USER
    }  # fmt: skip


@pytest.mark.root
def test_user_and_folders_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for tool in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
        kind = tool[0].removeprefix("systemd-")
        subprocess.run(
            [*tool, f"--root={tmp_path}", str(MISC / kind / "autopyfactory.conf")],
            check=True,
            timeout=PATIENCE,
        )
    entry = next(
        e for e in (tmp_path / "etc/passwd").read_text().splitlines() if e.startswith("autopyfactory:")
    )
    uid = int(entry.split(":")[2])
    for folder, mode in (
        ("run/autopyfactory", 0o755),
        ("var/lib/autopyfactory", 0o700),
        ("var/log/autopyfactory", 0o755),
        ("var/log/autopyfactory/queues", 0o755),
    ):
        found = (tmp_path / folder).stat()
        assert (found.st_uid, found.st_mode & 0o777) == (uid, mode)


def test_the_init_script_is_plain_sh() -> None:
    subprocess.run(["sh", "-n", str(MISC / "init" / "autopyfactory")], check=True)


def test_manual_and_daemon_agree() -> None:
    from autopyfactory.cli.main import cli
    from autopyfactory.daemon.exits import ExitCode

    codes = {str(int(c)) for c in ExitCode}
    manual = (MISC.parent / "docs/man/autopyfactory.8").read_text()
    operations = (MISC.parent / "docs/operations.md").read_text()
    assert set(re.findall(r"^(\d+)\|", manual, re.M)) == codes
    assert set(re.findall(r"^\| (\d+) \|", operations, re.M)) == codes
    shown = {o for p in cli.params if not getattr(p, "hidden", False) for o in p.opts} | {"--help"}
    assert {o for o in shown if o.startswith("--")} == set(
        re.findall(r"--[a-z-]+", manual.replace("\\-", "-"))
    )


@pytest.fixture
def as_root(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """The init script as root uses it, for the user nobody: the script, and a folder of that user's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "theirs").mkdir()
        shutil.chown(folder / "theirs", "nobody")
        program = folder / "autopyfactory"
        program.write_text(
            f"#!{sys.executable}\nimport runpy\nrunpy.run_path({str(PROGRAM)!r}, run_name='__main__')\n"
        )
        program.chmod(0o755)
        (folder / "fake.conf").write_text(json.dumps({"state_dir": str(folder / "theirs" / "state")}))
        (folder / "settings").write_text(
            f"PROGRAM={program}\nPIDFILE={folder}/theirs/autopyfactory.pid\nCONFFILE={folder}/fake.conf\n"
            f"OPTIONS='--info --runas nobody --log {folder}/theirs/factory.log --console'\n"
            f"CONSOLE_LOG={folder}/theirs/console.log\n"
        )
        script = folder / "init"
        text = (MISC / "init" / "autopyfactory").read_text()
        usual = 'settings="/etc/sysconfig/$name /etc/default/$name"'
        assert usual in text
        script.write_text(text.replace(usual, f"settings={folder}/settings"))
        script.chmod(0o755)
        yield script, folder / "theirs"


@pytest.mark.root
def test_root_writes_through_no_link_of_the_factorys_user(as_root: tuple[Path, Path], tmp_path: Path) -> None:
    script, theirs = as_root
    roots, console = tmp_path / "roots", theirs / "console.log"
    roots.write_text("root's own")
    roots.chmod(0o600)
    console.symlink_to(roots)
    done = subprocess.run([str(script), "start"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 5, done.stdout + done.stderr
    assert roots.read_text() == "root's own"
    assert f"cannot write the console log {console}: Permission denied" in done.stderr
    console.unlink()
    try:
        assert subprocess.run([str(script), "start"], timeout=PATIENCE).returncode == 0
        until(lambda: "round 1" in console.read_text(), "what the detached factory prints")
        assert (console.owner(), console.stat().st_mode & 0o777) == ("nobody", 0o600)
    finally:
        subprocess.run([str(script), "stop"], timeout=PATIENCE, check=True)


@pytest.mark.root
def test_root_ends_no_process_of_others_that_the_factorys_user_names(as_root: tuple[Path, Path]) -> None:
    script, theirs = as_root
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "autopyfactory"])
    try:
        (theirs / "autopyfactory.pid").write_text(f"{victim.pid}\n")
        for action in ("status", "stop", "reload"):
            subprocess.run([str(script), action], capture_output=True, text=True, timeout=PATIENCE)
            assert victim.poll() is None, action
    finally:
        victim.kill()
        victim.wait()
