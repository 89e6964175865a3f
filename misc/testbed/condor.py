"""HTCondor's programs: from a relocated folder of Debian's packages, or those the host has installed."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from testbed.commands import run
from testbed.errors import Unavailable
from testbed.folder import Replace, folder

PACKAGES = ["condor"]
FIXUPS = [
    # ConfigParser.readfp is gone since Python 3.12; without it every status call of a batch system dies.
    Replace("usr/libexec/blahp/blah.py", ".readfp(", ".read_file("),
    # The status of a finished batch job would otherwise show up to a minute late.
    Replace("usr/libexec/blahp/slurm_status.py", "cache_timeout = 60", "cache_timeout = 1"),
]


@dataclass(frozen=True)
class Condor:
    """Where one HTCondor installation keeps its parts.  `release` is what its manual calls RELEASE_DIR."""

    release: Path

    @property
    def bin(self) -> Path:
        """Users' commands: condor_q, condor_submit, ..."""
        return self.release / "bin"

    @property
    def sbin(self) -> Path:
        """Daemons."""
        return self.release / "sbin"

    @property
    def lib(self) -> Path:
        """Libraries and class files."""
        return _first(self.release / "lib64/condor", self.release / "lib/condor")

    @property
    def libexec(self) -> Path:
        """Helper programs that daemons start."""
        return _first(self.release / "libexec/condor", self.lib / "libexec", self.release / "libexec")

    @property
    def version(self) -> str:
        """The number from condor_version, such as ``23.9.6``."""
        env = os.environ | {"CONDOR_CONFIG": "/dev/null"}
        return run([self.bin / "condor_version"], timeout=20, env=env).stdout.split()[1]


def _first(*places: Path) -> Path:
    """The first of `places` that is a directory, else the last."""
    return next((place for place in places if place.is_dir()), places[-1])


def find() -> Condor:
    """HTCondor for this machine; a first call may take half a minute to build the folder.

    AUTOPYFACTORY_CONDOR names an installation to use instead: its RELEASE_DIR (``/usr`` for distributions'
    packages), or ``host`` for the one whose condor_master is on PATH.  Raises Unavailable when there is none.
    """
    chosen = os.environ.get("AUTOPYFACTORY_CONDOR")
    if not chosen:
        return Condor(folder("condor", PACKAGES, FIXUPS) / "usr")
    if chosen == "host":
        master = shutil.which("condor_master", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if not master:
            raise Unavailable("AUTOPYFACTORY_CONDOR=host, but no condor_master is on PATH")
        return Condor(Path(master).resolve().parent.parent)
    condor = Condor(Path(chosen).absolute())
    if not (condor.sbin / "condor_master").exists():
        raise Unavailable(f"AUTOPYFACTORY_CONDOR={chosen}, but {condor.sbin}/condor_master does not exist")
    return condor
