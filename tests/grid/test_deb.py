"""The Debian package: built, installed into a root of its own, upgraded over itself, and removed again.

Built without the libraries, which take minutes to fetch: those of this environment serve the program here.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from autopyfactory.cli.main import COMMANDS

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(1200)]

TOP = Path(__file__).parents[2]
VERSION = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
# Dependencies are this machine's affair, not that root's; scripts run outside of it, with DPKG_ROOT set.
FORCED = ("--force-depends", "--force-script-chrootless")


def ok(*command: str | Path, **env: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=900, check=False, env={**os.environ, **env}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Host:
    """A root folder with nothing but dpkg's own state."""

    def __init__(self, root: Path):
        self.root = root
        (root / "var/lib/dpkg/updates").mkdir(parents=True)
        (root / "var/lib/dpkg/info").mkdir()
        (root / "var/lib/dpkg/status").touch()

    def dpkg(self, *words: str | Path) -> str:
        return ok("dpkg", f"--root={self.root}", *FORCED, *words)

    def factory(self, *words: str) -> str:
        """The program as it is installed; its first line names a place that is not on this machine."""
        program = (self.root / "opt/autopyfactory/bin/python3", "-m", "autopyfactory")
        return ok(*program, *words, PYTHONPATH=sysconfig.get_path("purelib"))


@pytest.fixture(scope="module")
def package() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield Path(ok(TOP / "misc/deb/build", folder, PIP_NO_DEPS="1", COMPRESSION="none").splitlines()[-1])


@pytest.fixture(scope="module")
def host(package: Path) -> Iterator[Host]:
    with TemporaryDirectory() as folder:
        made = Host(Path(folder))
        made.dpkg("--install", package)
        yield made


def test_the_command_is_where_the_unit_looks_for_it(host: Host) -> None:
    link = host.root / "usr/bin/autopyfactory"
    assert str(link.readlink()) == "/opt/autopyfactory/bin/autopyfactory"
    program = (host.root / "opt/autopyfactory/bin/autopyfactory").read_text()
    assert program.startswith("#!/opt/autopyfactory/bin/")
    assert host.factory("--version") == f"autopyfactory {VERSION}\n"
    unit = (host.root / "lib/systemd/system/autopyfactory.service").read_text()
    assert "\nExecStart=/usr/bin/autopyfactory " in unit


def test_nothing_names_the_folder_it_was_built_in(host: Host) -> None:
    command = ["grep", "-rlI", "/root/opt/autopyfactory", host.root / "opt"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == ""


def test_the_configuration_is_there_private_and_good(host: Host) -> None:
    folder = host.root / "etc/autopyfactory"
    for name in ("autopyfactory", "queues", "auth", "monitor", "mappings"):
        assert stat.S_IMODE((folder / f"{name}.conf").stat().st_mode) == 0o640
    said = host.factory("check", "--no-files", "--conf", str(folder / "autopyfactory.conf"))
    assert "0 errors" in said


def test_the_user_and_the_manual_are_there(host: Host) -> None:
    assert "\nautopyfactory:" in "\n" + (host.root / "etc/passwd").read_text()
    pages = {path.name for path in (host.root / "usr/share/man/man1").iterdir()}
    assert pages == {f"autopyfactory-{name}.1.gz" for name in COMMANDS}


def test_an_upgrade_keeps_what_was_edited_and_a_removal_too(host: Host, package: Path) -> None:
    edited = host.root / "etc/autopyfactory/queues.conf"
    edited.write_text("# mine\n")
    state = host.root / "var/lib/autopyfactory"
    state.mkdir(parents=True, exist_ok=True)
    (state / "ledger.db").write_text("pilots")
    host.factory("--version")  # leaves compiled files behind, as life does
    host.dpkg("--install", "--force-confold", package)
    assert edited.read_text() == "# mine\n"
    host.dpkg("--remove", "autopyfactory")
    assert edited.read_text() == "# mine\n"
    assert not (host.root / "opt/autopyfactory").exists()
    host.dpkg("--purge", "autopyfactory")
    assert not edited.exists()
    assert (state / "ledger.db").read_text() == "pilots", "whoever installs it again finds the pilots"
