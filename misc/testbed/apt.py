"""Fetch Debian packages and all they depend on, without root and beside the host's own apt state."""

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from testbed.commands import run
from testbed.errors import TestbedError, Unavailable

ATTEMPTS = 3
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def mirror() -> str:
    """The Debian mirror this host is set up with, or the one AUTOPYFACTORY_DEBIAN names."""
    chosen = os.environ.get("AUTOPYFACTORY_DEBIAN")
    if chosen:
        return chosen
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Unavailable("no apt-get and dpkg-deb here: use a Debian host, or set AUTOPYFACTORY_CONDOR=/usr "
                          "(where bin/condor_q is) if HTCondor is installed")
    listing = ["apt-get", "indextargets", "--format", "$(SITE)"]
    sites = run([*listing, "Label: Debian"], timeout=60).stdout.split()
    if not sites:
        # No index was ever downloaded, so there are no labels yet; the source list itself still tells.
        every = run([*listing, "--no-release-info"], timeout=60).stdout.split()
        sites = [site for site in every if urlsplit(site).path.rstrip("/").endswith("/debian")]
    if not sites:
        raise Unavailable("apt knows no Debian mirror here: set AUTOPYFACTORY_DEBIAN to the address of one")
    return sorted(set(sites))[0]


def download(packages: Sequence[str], suite: str, work: Path) -> list[Path]:
    """Put `packages` of `suite` and everything they depend on into `work`; return the .deb files.

    apt resolves against an empty system, so the answer does not depend on what the host has installed.
    Raises Unavailable when they cannot be had.
    """
    site = mirror()
    for name in ("state/lists/partial", "cache/archives/partial"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    arch = run(["dpkg", "--print-architecture"], timeout=20).stdout.strip()
    signed = f" signed-by={KEYRING}" if KEYRING.exists() else ""
    (work / "sources.list").write_text(f"deb [arch={arch}{signed}] {site} {suite} main\n")
    apt = ["apt-get", "-q", "-y"]
    for option, value in _options(work).items():
        apt += ["-o", f"{option}={value}"]
    env = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            run([*apt, "update"], timeout=180, env=env)
            run([*apt, "--download-only", "install", *packages], timeout=600, env=env)
            break
        except TestbedError as error:
            if attempt == ATTEMPTS:
                raise Unavailable(f"cannot fetch {', '.join(packages)} of Debian {suite}: {error}") from error
            time.sleep(attempt)  # a mirror in the middle of an update, or a moment without name service
    return sorted((work / "cache/archives").glob("*.deb"))


def _options(work: Path) -> dict[str, str | Path]:
    """Apt settings that keep all state under `work`; proxies and the like still come from the host."""
    return {
        "Dir::State": work / "state",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Dir::Cache::archives": "archives/",
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Install-Recommends": "false",
        "APT::Keep-Downloaded-Packages": "true",
        "APT::Sandbox::User": "root",  # the private directories are closed to the sandbox user
        "APT::Update::Post-Invoke": "",
        "APT::Update::Error-Mode": "any",  # else a mirror that does not answer is only a warning
        "Acquire::Languages": "none",
        "Acquire::Retries": "1",  # of single files; ATTEMPTS is for the whole
        "Acquire::http::Timeout": "30",
    }
