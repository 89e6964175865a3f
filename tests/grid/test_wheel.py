"""The wheel: nothing of the package is missing in it, and it works where nothing else of the project is.

Built and installed with all libraries, as a user does, into an environment of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.cli.main import COMMANDS

# As root: the libraries come from root's cache, where bin/setup has put them.
pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(1200)]

TOP = Path(__file__).parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())
NOT_SHIPPED = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", "*.egg-info", "build")


def ok(*command: str | Path, cwd: Path, **env: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "AUTOPYFACTORY_CONF")}
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=900, check=False, env={**clean, **env}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    source = folder / "source"  # setuptools writes beside what it builds
    shutil.copytree(TOP, source, ignore=NOT_SHIPPED, symlinks=True)
    ok(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source, cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, folder: Path) -> Iterator[Path]:
    """An environment that has the wheel and its libraries, and knows nothing of this checkout."""
    venv = folder / "venv"
    ok(sys.executable, "-m", "venv", venv, cwd=folder)
    ok(venv / "bin/python", "-m", "pip", "install", "-q", wheel, cwd=folder)
    yield venv
    shutil.rmtree(venv)


def test_every_file_of_the_package_is_in_it(names: set[str]) -> None:
    """Also what is not Python: templates, static files, shell of wrappers, starters of configurations."""
    here = [p for p in (TOP / "autopyfactory").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert {str(p.relative_to(TOP)) for p in here} - names == set()
    assert not {name for name in names if name.startswith(("tests/", "misc/"))}


def test_manuals_and_what_a_service_needs_are_in_it(names: set[str]) -> None:
    version = PROJECT["project"]["version"]
    data = f"autopyfactory-{version}.data/data/share"
    pages = {f"{data}/man/man{p.suffix[1:]}/{p.name}" for p in (TOP / "docs/man").iterdir()}
    around = {
        f"{data}/autopyfactory/{name}"
        for name in (
            "systemd/autopyfactory.service", "sysusers/autopyfactory.conf", "tmpfiles/autopyfactory.conf",
            "logrotate/autopyfactory", "sysconfig/autopyfactory",
        )
    }  # fmt: skip
    files = {f"{data}/autopyfactory/etc/{p.name}" for p in (TOP / "etc").glob("*.conf")}
    assert len(pages) > len(COMMANDS) and len(files) == 5
    assert pages | around | files <= names


def test_installed_it_says_its_version_and_checks_the_files_to_begin_with(
    installed: Path, folder: Path
) -> None:
    program, share = installed / "bin/autopyfactory", installed / "share/autopyfactory"
    version = PROJECT["project"]["version"]
    assert ok(program, "--version", cwd=folder) == f"autopyfactory {version}\n"
    where = ok(installed / "bin/python", "-c", "import autopyfactory as a; print(a.__file__)", cwd=folder)
    assert where.startswith(str(installed))
    said = ok(program, "check", "--no-files", "--conf", share / "etc/autopyfactory.conf", cwd=folder)
    assert "0 errors" in said


def test_installed_all_its_plugins_are_found_and_no_library_is_missing(installed: Path, folder: Path) -> None:
    """Every module is imported: nothing of it lives from what the tests alone have installed."""
    ok(installed / "bin/python", "-m", "pip", "check", cwd=folder)
    script = """
import importlib, pkgutil, autopyfactory
from autopyfactory.config.registry import KINDS, installed
for module in pkgutil.walk_packages(autopyfactory.__path__, "autopyfactory."):
    if not module.name.endswith("__main__") and "plots" not in module.name:
        importlib.import_module(module.name)
print(sum(1 for kind in KINDS for found in installed().all_of(kind) if found.cls))
"""
    here = sum(len(v) for v in PROJECT["project"]["entry-points"].values())
    assert int(ok(installed / "bin/python", "-c", script, cwd=folder)) == here


def test_installed_it_completes_and_has_its_manual_wrappers_and_pages(installed: Path, folder: Path) -> None:
    program = installed / "bin/autopyfactory"
    script = ok(program, cwd=folder, _AUTOPYFACTORY_COMPLETE="bash_source")
    assert "complete" in script and "_AUTOPYFACTORY_COMPLETE=bash_complete" in script
    pages = {p.name for p in (installed / "share/man/man1").iterdir()}
    assert pages == {f"autopyfactory-{name}.1" for name in COMMANDS}
    assert "glidein" in ok(program, "wrapper", "modules", cwd=folder)
    (static,) = installed.glob("lib/python*/site-packages/autopyfactory/web/static")
    assert list(static.glob("*.js")) and list(static.with_name("templates").glob("*.html"))
