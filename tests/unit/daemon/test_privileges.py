"""Becoming another user, for real: these need root."""

import grp
import os
import pwd
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from daemonkit.bench import Bench
from patience import PATIENCE, until

pytestmark = pytest.mark.root

USER = pwd.getpwnam("www-data")  # exists on every Debian, has a home, and is not who runs the tests


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that the other user can reach: pytest's own are root's alone."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return tmp_path


@pytest.fixture
def theirs(bench: Bench, place: Path) -> Bench:
    """A bench whose state folder belongs to the user."""
    bench.state.mkdir()
    os.chown(bench.state, USER.pw_uid, USER.pw_gid)
    return bench


def owner(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid


def test_everything_of_root_is_given_up(theirs: Bench) -> None:
    process = theirs.up("--runas", USER.pw_name, "--pidfile", str(theirs.pidfile))
    facts = theirs.facts()
    assert facts["ids"][0] == [USER.pw_uid] * 3
    assert facts["ids"][1] == [USER.pw_gid] * 3
    assert facts["ids"][2] == sorted(os.getgrouplist(USER.pw_name, USER.pw_gid))
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert f"Uid:\t{USER.pw_uid}\t{USER.pw_uid}\t{USER.pw_uid}\t{USER.pw_uid}" in status
    assert "CapEff:\t0000000000000000" in status
    assert "CapPrm:\t0000000000000000" in status


def test_the_environment_is_the_users(theirs: Bench) -> None:
    theirs.env.update(MAIL="/var/mail/root", SUDO_USER="somebody")
    theirs.up("--runas", USER.pw_name)
    env = theirs.facts()["env"]
    assert (env["HOME"], env["USER"], env["LOGNAME"]) == (USER.pw_dir, USER.pw_name, USER.pw_name)
    assert not {"MAIL", "SUDO_USER"} & env.keys()
    assert theirs.facts()["cwd"] == (USER.pw_dir if Path(USER.pw_dir).is_dir() else "/")


def test_supplementary_groups_come_along(theirs: Bench) -> None:
    group = grp.getgrnam("adm")
    script = textwrap.dedent(
        f"""
        import os, grp
        from autopyfactory.daemon import privileges
        account = privileges.Account.named({USER.pw_name!r})
        real = os.initgroups
        # What the user's membership in /etc/group would do, without editing the machine's files.
        os.initgroups = lambda name, gid: os.setgroups([gid, {group.gr_gid}])
        privileges.take_groups(account)
        privileges.become(account)
        assert sorted(os.getgroups()) == sorted([{USER.pw_gid}, {group.gr_gid}]), os.getgroups()
        """
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=PATIENCE)


def test_files_are_the_users_before_root_is_given_up(theirs: Bench) -> None:
    process = theirs.up("--runas", USER.pw_name, "--pidfile", str(theirs.pidfile))
    ids = (USER.pw_uid, USER.pw_gid)
    assert owner(theirs.log) == owner(theirs.log.parent) == owner(theirs.pidfile) == ids
    queue = theirs.log.parent / "queues" / "Q1.log"
    until(queue.exists)
    assert owner(queue) == ids
    process.terminate()
    assert process.wait(PATIENCE) == 0
    assert theirs.pidfile.read_text() == "", "its folder is root's: the file can only be emptied"


def test_an_old_log_of_root_is_handed_over(theirs: Bench) -> None:
    theirs.log.parent.mkdir()
    theirs.log.write_text("old\n")
    theirs.up("--runas", USER.pw_name)
    assert owner(theirs.log)[0] == USER.pw_uid
    assert theirs.text().startswith("old\n")
    assert "no logs for each queue, theirs go here" in theirs.text(), "the folder is still root's"
    until(lambda: "[Q1] cycle 1" in theirs.text())


@pytest.mark.parametrize("kind", ["symlink", "hard link", "fifo"])
def test_root_gives_away_nothing_but_plain_files(theirs: Bench, tmp_path: Path, kind: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("root's own\n")
    theirs.log.parent.mkdir()
    if kind == "symlink":
        theirs.log.symlink_to(precious)
    elif kind == "hard link":
        theirs.log.hardlink_to(precious)
    else:
        os.mkfifo(theirs.log, 0o600)
    done = theirs.run("--oneshot", "--runas", USER.pw_name, "--log", str(theirs.log))
    assert done.returncode == 5
    assert owner(precious)[0] == 0
    assert precious.read_text() == "root's own\n"


def test_root_does_not_follow_the_user_anywhere(theirs: Bench, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir(0o700)
    trap = tmp_path / "trap"
    trap.mkdir()
    os.chown(trap, USER.pw_uid, USER.pw_gid)
    (trap / "logs").symlink_to(secret)
    done = theirs.run("--oneshot", "--runas", USER.pw_name, "--log", str(trap / "logs" / "x.log"))
    assert done.returncode == 5
    assert list(secret.iterdir()) == []


def test_root_is_not_kept_by_mistake(bench: Bench) -> None:
    command = [a for a in bench.command("--oneshot") if a not in ("--runas", "root")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 4
    assert "--runas" in done.stderr
    assert not bench.state.exists()


def test_root_on_purpose_is_said_in_the_log(bench: Bench) -> None:
    bench.up("--runas", "root")
    assert "runs as root, as it was told to" in bench.text()


def test_another_user_cannot_be_taken_without_root(theirs: Bench) -> None:
    command = theirs.command("--oneshot", "--runas", "daemon")
    done = subprocess.run(
        ["setpriv", f"--reuid={USER.pw_uid}", f"--regid={USER.pw_gid}", "--clear-groups", *command],
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 4
    assert "only root can run the factory as daemon" in done.stderr


def test_a_way_back_to_root_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    script = textwrap.dedent(
        f"""
        import os
        from autopyfactory.daemon import privileges, exits
        account = privileges.Account.named({USER.pw_name!r})
        privileges.take_groups(account)
        os.setresuid = lambda real, effective, saved: os.seteuid(effective)  # forgets to give up the rest
        try:
            privileges.become(account)
        except exits.StartError as err:
            raise SystemExit(err.code)
        """
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=PATIENCE).returncode == 4


def test_detached_as_another_user(theirs: Bench) -> None:
    done = theirs.run(
        "--daemon",
        "--info",
        "--log",
        str(theirs.log),
        "--pidfile",
        str(theirs.pidfile),
        "--runas",
        USER.pw_name,
    )
    assert done.returncode == 0, done.stderr
    pid = int(theirs.pidfile.read_text())
    assert Path(f"/proc/{pid}").stat().st_uid == USER.pw_uid
    until(lambda: "round 3" in theirs.text())
