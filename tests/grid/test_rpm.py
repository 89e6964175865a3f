"""The RPM: built by rpmbuild from the spec file, with all its libraries, installed into a root of its own.

Its scripts are not run: they are for a host with systemd. They are read.
"""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from autopyfactory.cli.main import COMMANDS

# As root: the libraries come from root's cache, where bin/setup has put them.
pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(1800)]

TOP = Path(__file__).parents[2]
SPEC = TOP / "misc/rpm/autopyfactory.spec"
VERSION = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
NAME = f"autopyfactory-{VERSION}"
LEFT = {".git", "__pycache__", "build"}


def ok(*command: str | Path, **env: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=1500, check=False, env={**os.environ, **env}
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def archive(target: Path) -> None:
    """What `git archive` would give, also where there is no git."""

    def wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = Path(member.name).name
        unwanted = name in LEFT or name.startswith(".venv") or name.endswith((".egg-info", "_cache"))
        return None if unwanted else member

    with tarfile.open(target, "w:gz") as tar:
        tar.add(TOP, NAME, filter=wanted)


@pytest.fixture(scope="module")
def package() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        archive(Path(folder, f"{NAME}.tar.gz"))
        defines = {
            "_sourcedir": folder, "_topdir": f"{folder}/top", "_binary_payload": "w0.gzdio",  # sooner done
            "_tmppath": folder, "python": "/usr/bin/python3",
        }  # fmt: skip
        words = [word for key, value in defines.items() for word in ("--define", f"{key} {value}")]
        ok("rpmbuild", "-bb", *words, SPEC)
        (made,) = Path(folder, "top/RPMS").rglob("*.rpm")
        yield made


def rpm(root: Path, *words: str | Path) -> str:
    """Run rpm on a root of its own; dependencies are the affair of the host that it is made for."""
    return ok("rpm", "--root", root, *words)


@pytest.fixture(scope="module")
def root(package: Path) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        rpm(Path(folder), "--initdb")
        rpm(Path(folder), "--install", "--nodeps", "--noscripts", "--nosignature", package)
        yield Path(folder)


def test_it_is_the_version_of_the_project() -> None:
    assert f"\nVersion:        {VERSION}\n" in SPEC.read_text()


def test_the_command_is_where_the_unit_looks_for_it(root: Path) -> None:
    assert str((root / "usr/bin/autopyfactory").readlink()) == "/opt/autopyfactory/bin/autopyfactory"
    assert (root / "opt/autopyfactory/bin/autopyfactory").read_text().startswith("#!/opt/autopyfactory/bin/")
    unit = (root / "usr/lib/systemd/system/autopyfactory.service").read_text()
    assert "\nExecStart=/usr/bin/autopyfactory " in unit


def test_it_runs_with_the_libraries_that_it_brings(root: Path) -> None:
    """Nothing of this checkout is on the path: the interpreter is that of the package."""
    program = (root / "opt/autopyfactory/bin/python3", "-I", "-m", "autopyfactory")
    assert ok(*program, "--version") == f"autopyfactory {VERSION}\n"
    conf = root / "etc/autopyfactory/autopyfactory.conf"
    assert "0 errors" in ok(*program, "check", "--no-files", "--conf", conf)


def test_what_belongs_to_a_service_is_in_it_and_edited_files_are_kept(package: Path, root: Path) -> None:
    listed = ok("rpm", "-qp", "--nosignature", "--list", package).split()
    for path in (
        "/usr/lib/sysusers.d/autopyfactory.conf", "/usr/lib/tmpfiles.d/autopyfactory.conf",
        "/etc/logrotate.d/autopyfactory", "/etc/sysconfig/autopyfactory",
    ):  # fmt: skip
        assert path in listed
    kept = set(ok("rpm", "-qp", "--nosignature", "--configfiles", package).split())
    names = ("autopyfactory", "queues", "auth", "monitor", "mappings")
    assert {f"/etc/autopyfactory/{name}.conf" for name in names} <= kept
    manual = [Path(path) for path in listed if path.startswith("/usr/share/man/man1/")]
    pages = {path.name.removesuffix(".gz") for path in manual}
    assert pages == {f"autopyfactory-{name}.1" for name in COMMANDS}


def test_nothing_names_the_folder_it_was_built_in(root: Path) -> None:
    said = subprocess.run(
        ["grep", "-rlI", "BUILDROOT", root / "opt"], capture_output=True, text=True, check=False
    )
    assert said.stdout == ""


def test_its_scripts_stop_what_goes_and_restart_what_comes(package: Path) -> None:
    scripts = ok("rpm", "-qp", "--nosignature", "--scripts", package)
    assert re.search(r"preuninstall.*?disable --now autopyfactory.service", scripts, re.DOTALL)
    assert re.search(r"postuninstall.*?try-restart autopyfactory.service", scripts, re.DOTALL)
    assert "systemd-sysusers autopyfactory.conf" in scripts


def test_an_upgrade_keeps_what_was_edited_and_a_removal_too(package: Path, root: Path) -> None:
    edited = root / "etc/autopyfactory/queues.conf"
    edited.write_text("# mine\n")
    rpm(root, "--upgrade", "--force", "--nodeps", "--noscripts", "--nosignature", package)
    assert edited.read_text() == "# mine\n"
    rpm(root, "--erase", "--noscripts", "autopyfactory")
    assert not (root / "opt/autopyfactory/bin/autopyfactory").exists()
    assert edited.with_name("queues.conf.rpmsave").read_text() == "# mine\n"
