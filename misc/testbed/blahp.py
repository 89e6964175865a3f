"""blahp, HTCondor's way to batch systems: a copy of its scripts and configuration for one test's services."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from testbed.condor import Condor
from testbed.errors import TestbedError

CACHE = '"/var/tmp"'  # one for all clusters of a user, though each cluster has a job 1


def configure(condor: Condor, directory: Path, **settings: str | Path) -> Mapping[str, str]:
    """Write blahp's configuration into `directory` (made for it): the package's, and `settings` over it.

    Return the environment by which blahp finds it; HTCondor's daemons are to be started with that.
    """
    directory.mkdir(mode=0o755)
    cache = directory / "cache"
    cache.mkdir()
    cache.chmod(0o1777)
    scripts = directory / "libexec"
    shutil.copytree(condor.release / "libexec/blahp", scripts, ignore_dangling_symlinks=True)
    status = scripts / "slurm_status.py"
    text = status.read_text()
    if CACHE not in text:
        raise TestbedError(f"{status} no longer keeps its cache in {CACHE}")
    status.write_text(text.replace(CACHE, repr(str(cache))))
    scripts_kept = directory / "submitted"  # each job's script as blahp made it
    scripts_kept.mkdir()
    scripts_kept.chmod(0o1777)
    home = directory / "home"  # blahp's own idea is passwd's, and some users of tests have none
    home.mkdir()
    home.chmod(0o1777)
    ours = {
        "HOME": home,
        "blah_libexec_directory": scripts,
        "blah_debug_save_submit_info": scripts_kept,
        **settings,
    }
    config = directory / "blah.config"
    package = (condor.release.parent / "etc/blah.config").read_text()
    config.write_text(package + "\n" + "".join(f"{key}={value}\n" for key, value in ours.items()))
    return {"BLAHPD_CONFIG_LOCATION": str(config), "BLAHPD_LOCATION": str(condor.release)}
